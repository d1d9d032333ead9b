#!/usr/bin/python
"""Ansible module: environments of hash-locked packages, made by uv or npm.

One task for all of them keeps a re-run short, and what does not wait for another is made at the
same time. A complete environment has a stamp with the digest of everything that went in, written
last.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: locked_packages
short_description: Keep environments equal to their lock files
description:
  - Makes Python environments (C(pip) or C(uv)) or folders of Node.js packages (C(npm)) and installs
    exactly what their locks say, with hashes checked.
author: The localcloud authors
options:
  environments:
    description: One entry for each. An environment waits for the one that its I(tool) is in.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Directory of the environment.
        type: path
        required: true
      manager:
        description: Who installs. C(pip) is the host's own Python and brings uv itself.
        type: str
        choices: [pip, uv, npm]
        required: true
      lock:
        description: Text of the lock file (requirements with hashes, or package-lock.json).
        type: str
        required: true
      manifest:
        description: Text of package.json (npm only).
        type: str
        default: ""
      extra:
        description: Further requirement lines, unlocked but bound to the lock's versions (uv only).
        type: list
        elements: str
        default: []
      build_lock:
        description: Text of the lock for what source distributions build with (uv only).
        type: str
        default: ""
      tool:
        description: Path of C(uv), or of C(npm).
        type: path
        default: ""
      system_site_packages:
        description: Whether the distribution's Python packages are visible inside (uv only).
        type: bool
        default: false
  indexes:
    description: Mirrors instead of the clients' default index (C(python)) and registry (C(npm)).
    type: dict
    default: {}
  environment:
    description: Proxy settings and the like.
    type: dict
    default: {}
"""

STAMP = ".localcloud-complete"
# What a mirror says when it is busy is worth another try; these are not.
ATTEMPTS = 3
FINAL = ("hash", "no space left", "was not found in the package registry")


class Failed(Exception):
    def __init__(self, command: list[str], words: str) -> None:
        super().__init__(words)
        self.command = command
        self.words = words
        self.data: dict = {}


def digest(parameters: dict) -> str:
    parts = [parameters[key] for key in ("manager", "lock", "manifest", "extra", "build_lock")]
    parts += [parameters["system_site_packages"], os.path.realpath("/usr/bin/python3")]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def call(command: list[str], environment: dict, cwd: str | None = None) -> None:
    done = subprocess.run(
        command, env=environment, cwd=cwd, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Failed(command, (done.stderr or done.stdout).strip()[-3000:])


def environment_of(parameters: dict, common: dict, scratch: str) -> dict:
    """A clean environment: no setting of the caller's shell decides what is installed."""
    tool = Path(parameters["tool"]).parent if parameters["tool"] else None
    index = common["indexes"].get("npm" if parameters["manager"] == "npm" else "python")
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {
        # Node.js finds its own modules beside npm; uv needs no PATH.
        "PATH": f"{tool}:{path}" if tool else path,
        "HOME": scratch,
        "TMPDIR": scratch,
        "LC_ALL": "C.UTF-8",
        # The host's trust store, where base_ca_certificates went, instead of a bundled one.
        "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt",
        "PIP_CERT": "/etc/ssl/certs/ca-certificates.crt",
        "NODE_EXTRA_CA_CERTS": "/etc/ssl/certs/ca-certificates.crt",
        "UV_CACHE_DIR": f"{scratch}/uv",
        "UV_PYTHON_DOWNLOADS": "never",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "NPM_CONFIG_CACHE": f"{scratch}/npm",
        "NPM_CONFIG_UPDATE_NOTIFIER": "false",
        # LOCALCLOUD_RUN marks the processes of a run, so that a cancelled one can be found.
        **{key: os.environ[key] for key in ("LOCALCLOUD_RUN",) if key in os.environ},
        **{key: str(value) for key, value in common["environment"].items()},
        # Not an argument: the address may hold a password, and everybody sees arguments.
        **({INDEX[parameters["manager"]]: index} if index else {}),
    }


def write(directory: str, name: str, text: str) -> str:
    path = Path(directory) / name
    path.write_text(text)
    return str(path)


def install_with_pip(parameters: dict, scratch: str, environment: dict) -> None:
    path = parameters["path"]
    call(["/usr/bin/python3", "-m", "venv", "--clear", path], environment)
    command = [f"{path}/bin/python", "-m", "pip", "install", "--quiet", "--no-cache-dir"]
    command += ["--require-hashes", "--no-deps", "--only-binary=:all:"]
    call([*command, "-r", write(scratch, "lock.txt", parameters["lock"])], environment)


def install_with_uv(parameters: dict, scratch: str, environment: dict) -> None:
    path, uv = parameters["path"], parameters["tool"]
    visible = ["--system-site-packages"] if parameters["system_site_packages"] else []
    # An environment that is in use is brought up to date in place; a broken one is made anew.
    if not Path(path, "bin", "python").exists():
        call(
            [uv, "venv", "--quiet", "--clear", "--python", "/usr/bin/python3", *visible, path],
            environment,
        )
    # uv's own lock file, which everybody on the host could hold (mode 0666).
    leftover = Path(path, ".lock")
    lock = write(scratch, "lock.txt", parameters["lock"])
    build = write(scratch, "build.txt", parameters["build_lock"])
    common = ["--quiet", "--python", f"{path}/bin/python", "--build-constraint", build]
    common += ["--compile-bytecode"]
    call([uv, "pip", "sync", "--require-hashes", *common, lock], environment)
    if parameters["extra"]:
        wanted = write(scratch, "extra.txt", "\n".join(parameters["extra"]) + "\n")
        names = [line for line in parameters["lock"].splitlines() if line and line[0] not in "# "]
        bounds = write(scratch, "bounds.txt", "\n".join(n.rstrip(" \\") for n in names) + "\n")
        call([uv, "pip", "install", *common, "--constraint", bounds, "-r", wanted], environment)
    leftover.unlink(missing_ok=True)


def install_with_npm(parameters: dict, scratch: str, environment: dict) -> None:
    path = parameters["path"]
    Path(path).mkdir(mode=0o755, parents=True, exist_ok=True)
    write(path, "package.json", parameters["manifest"])
    write(path, "package-lock.json", parameters["lock"])
    command = [parameters["tool"], "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    call(command, environment, cwd=path)


# How each client is told of another index.
INDEX = {"pip": "PIP_INDEX_URL", "uv": "UV_DEFAULT_INDEX", "npm": "NPM_CONFIG_REGISTRY"}
INSTALL = {"pip": install_with_pip, "uv": install_with_uv, "npm": install_with_npm}


def attempt(parameters: dict, environment: dict, scratch: str) -> None:
    for left in reversed(range(ATTEMPTS)):
        try:
            INSTALL[parameters["manager"]](parameters, scratch, environment)
        except Failed as failure:
            final = any(word in failure.words.lower() for word in FINAL)
            if final or not left:
                raise
        else:
            return


def make(parameters: dict, common: dict, before: Future | None) -> None:
    """Makes one environment, after the one that its tool is in.

    Errors: ``Failed``, with the environment's path and manager, from here or from the one before.
    """
    if before:
        before.result()
    path = Path(parameters["path"])
    (path / STAMP).unlink(missing_ok=True)
    # Beside the environment: same file system (hard links), and never a small /tmp.
    scratch = tempfile.mkdtemp(prefix=".scratch-", dir=path.parent)
    try:
        attempt(parameters, environment_of(parameters, common, scratch), scratch)
    except Failed as failure:
        failure.data = {"manager": parameters["manager"], "environment": parameters["path"]}
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    (path / STAMP).write_text(digest(parameters))


def is_complete(parameters: dict) -> bool:
    stamp = Path(parameters["path"], STAMP)
    return stamp.exists() and stamp.read_text() == digest(parameters)


def make_all(wanted: list[dict], common: dict) -> None:
    """Makes environments side by side. Entries stand after those that their tools are in."""
    for parent in {Path(parameters["path"]).parent for parameters in wanted}:
        parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        for leftover in parent.glob(".scratch-*"):  # of a run that was killed
            shutil.rmtree(leftover, ignore_errors=True)
    begun: dict[str, Future] = {}
    with ThreadPoolExecutor(max_workers=len(wanted)) as pool:
        for parameters in wanted:
            homes = [path for path in begun if parameters["tool"].startswith(path + "/")]
            before = begun[homes[0]] if homes else None
            begun[parameters["path"]] = pool.submit(make, parameters, common, before)
        wait(begun.values())
    for future in begun.values():
        future.result()


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "environments": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "manager": {"choices": ["pip", "uv", "npm"], "required": True},
                    "path": {"type": "path", "required": True},
                    "lock": {"type": "str", "required": True},
                    "manifest": {"type": "str", "default": ""},
                    "extra": {"type": "list", "elements": "str", "default": []},
                    "build_lock": {"type": "str", "default": ""},
                    "tool": {"type": "path", "default": ""},
                    "system_site_packages": {"type": "bool", "default": False},
                },
            },
            "indexes": {"type": "dict", "default": {}},
            "environment": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    given = module.params
    wanted = [one for one in given["environments"] if not is_complete(one)]
    made = [one["path"] for one in wanted]
    if not wanted or module.check_mode:
        module.exit_json(changed=bool(wanted), made=made)
    try:
        make_all(wanted, given)
    except Failed as failure:
        data = {"localcloud_problem": "packages_failed", **failure.data, "details": failure.words}
        module.fail_json(msg=json.dumps(data))
    module.exit_json(changed=True, made=made)


if __name__ == "__main__":
    main()

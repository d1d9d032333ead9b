#!/usr/bin/python
"""Ansible module: one environment of hash-locked packages, made by uv or npm.

One task per environment instead of five keeps a re-run short, and gives one place that knows when
an environment is complete: a stamp with the digest of everything that went in, written last.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: locked_packages
short_description: Keep an environment equal to its lock file
description:
  - Makes a Python environment (C(pip) or C(uv)) or a folder of Node.js packages (C(npm)) and
    installs exactly what the lock says, with hashes checked.
author: The localcloud authors
options:
  manager:
    description: Who installs. C(pip) is the host's own Python and brings uv itself.
    type: str
    choices: [pip, uv, npm]
    required: true
  path:
    description: Directory of the environment.
    type: path
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
  index_url:
    description: A mirror instead of the client's default index or registry.
    type: str
    default: ""
  system_site_packages:
    description: Whether the distribution's Python packages are visible inside (uv only).
    type: bool
    default: false
  environment:
    description: Proxy settings and the like.
    type: dict
    default: {}
"""

STAMP = ".localcloud-complete"
# What a mirror says when it is busy is worth another try; what a hash says is not.
ATTEMPTS = 3


class Failed(Exception):
    def __init__(self, command: list[str], words: str) -> None:
        super().__init__(words)
        self.command = command
        self.words = words


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


def environment_of(parameters: dict, scratch: str) -> dict:
    """A clean environment: no setting of the caller's shell decides what is installed."""
    tool = Path(parameters["tool"]).parent if parameters["tool"] else None
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
        **{key: str(value) for key, value in parameters["environment"].items()},
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
    if parameters["index_url"]:
        command += ["--index-url", parameters["index_url"]]
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
    if parameters["index_url"]:
        common += ["--default-index", parameters["index_url"]]
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
    if parameters["index_url"]:
        command += ["--registry", parameters["index_url"]]
    call(command, environment, cwd=path)


INSTALL = {"pip": install_with_pip, "uv": install_with_uv, "npm": install_with_npm}


def attempt(parameters: dict, scratch: str) -> None:
    environment = environment_of(parameters, scratch)
    for left in reversed(range(ATTEMPTS)):
        try:
            INSTALL[parameters["manager"]](parameters, scratch, environment)
        except Failed as failure:
            final = "hash" in failure.words.lower() or "No space left" in failure.words
            if final or not left:
                raise
        else:
            return


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "manager": {"choices": ["pip", "uv", "npm"], "required": True},
            "path": {"type": "path", "required": True},
            "lock": {"type": "str", "required": True},
            "manifest": {"type": "str", "default": ""},
            "extra": {"type": "list", "elements": "str", "default": []},
            "build_lock": {"type": "str", "default": ""},
            "tool": {"type": "path", "default": ""},
            "index_url": {"type": "str", "default": ""},
            "system_site_packages": {"type": "bool", "default": False},
            "environment": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    parameters = module.params
    stamp = Path(parameters["path"], STAMP)
    wanted = digest(parameters)
    if stamp.exists() and stamp.read_text() == wanted:
        module.exit_json(changed=False)
    if module.check_mode:
        module.exit_json(changed=True)
    stamp.unlink(missing_ok=True)
    # Beside the environment: same file system (hard links), and never a small /tmp.
    parent = Path(parameters["path"]).parent
    parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    for leftover in parent.glob(".scratch-*"):  # of a run that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    scratch = tempfile.mkdtemp(prefix=".scratch-", dir=parent)
    try:
        attempt(parameters, scratch)
    except Failed as failure:
        data = {
            "localcloud_problem": "packages_failed",
            "manager": parameters["manager"],
            "environment": parameters["path"],
            "details": failure.words,
        }
        module.fail_json(msg=json.dumps(data))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    stamp.write_text(wanted)
    module.exit_json(changed=True)


if __name__ == "__main__":
    main()

"""The container engine, podman or docker: found, understood, and called."""

import json
import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localcloud.errors import LocalcloudError, UsageError
from localcloud.i18n import _
from localcloud.lab import limits

LABEL = "localcloud.lab"
# Where podman itself looks; /usr/sbin is not on every user's PATH.
RUNC_PATHS = "/usr/bin:/usr/sbin:/usr/local/bin:/usr/local/sbin"
APT = {
    "podman": "podman runc netavark iptables uidmap slirp4netns",
    "docker": "docker.io",
}


class EngineError(LocalcloudError):
    """The engine refused; ``details`` are its own words."""


@dataclass(frozen=True)
class Engine:
    """``flags`` go before every subcommand, ``ulimits`` into every machine."""

    kind: str  # podman or docker
    program: str
    rootless: bool
    cgroups: limits.Cgroups
    flags: tuple[str, ...] = ()
    ulimits: dict[str, int] = field(default_factory=dict)

    def call(self, *arguments: str, seconds: float = 300) -> subprocess.CompletedProcess[str]:
        """Run a subcommand; never raises for a failed one."""
        command = [self.program, *self.flags, *arguments]
        try:
            return subprocess.run(
                command,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=seconds,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired as late:
            raise EngineError(
                _("{engine} did not finish “{command}” within {seconds} seconds.").format(
                    engine=self.kind, command=arguments[0], seconds=round(seconds)
                ),
                _("See whether the computer is overloaded, then run the command again."),
            ) from late

    def run(self, *arguments: str, seconds: float = 300) -> str:
        """Run a subcommand and return its standard output; EngineError if it fails."""
        done = self.call(*arguments, seconds=seconds)
        if done.returncode != 0:
            raise EngineError(
                _("{engine} could not do “{command}”.").format(
                    engine=self.kind, command=" ".join(arguments[:2])
                ),
                _("Its own words are above. Is it installed completely? Try: {command}").format(
                    command=f"apt install {APT[self.kind]}"
                ),
                done.stderr.strip()[-2000:],
            )
        return done.stdout.strip()

    def image_exists(self, image: str) -> bool:
        return self.call("image", "inspect", "--format", "{{.Id}}", image).returncode == 0

    def states(self, lab: str) -> dict[str, str]:
        """Container name → ``running``, ``exited``, … of a lab's machines."""
        lines = self.run(
            *("ps", "-a", "--filter", f"label={LABEL}={lab}", "--format", "{{.Names}}\t{{.State}}")
        )
        pairs = (line.partition("\t")[::2] for line in lines.splitlines())
        words = ((name, state.split()[0].lower()) for name, state in pairs)
        # podman says “Up 3 seconds” where docker says “running”.
        return {name: "running" if word == "up" else word for name, word in words}


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _info(program: str) -> tuple[dict[str, Any], str]:
    """What the engine says of itself, and its complaint if it does not work."""
    done = subprocess.run(
        [program, "info", "--format", "{{json .}}"],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )
    info = _json(done.stdout)
    complaint = "\n".join(info.get("ServerErrors") or []) or done.stderr.strip()
    return (info, "") if done.returncode == 0 and info else ({}, complaint or "?")


def _podman(info: dict[str, Any]) -> Engine:
    host = info.get("host", {})
    layout = limits.cgroups()
    # Null where the runtime that podman would take cannot even tell its version.
    runtime = str((host.get("ociRuntime") or {}).get("name", ""))
    flags: tuple[str, ...] = ()
    if runtime == "" or (layout != "v2" and runtime == "crun"):
        # crun does not start systemd containers on v1 and refuses the hybrid hierarchy; runc does.
        if not shutil.which("runc", path=RUNC_PATHS):
            raise UsageError(
                _("This computer's cgroup hierarchy ({layout}) needs the runtime runc.").format(
                    layout=layout
                ),
                _("Install it: {command}").format(command="apt install runc"),
            )
        flags = ("--runtime", "runc")
    ulimits = {} if limits.may_raise_limits() else limits.ulimits()
    rootless = bool(host.get("security", {}).get("rootless"))
    return Engine("podman", "podman", rootless, layout, flags, ulimits)


def _docker(info: dict[str, Any]) -> Engine:
    layout: limits.Cgroups = "v2" if str(info.get("CgroupVersion")) == "2" else limits.cgroups()
    rootless = any("rootless" in str(item) for item in info.get("SecurityOptions") or [])
    return Engine("docker", "docker", rootless, layout)


def detect(asked: str | None = None) -> Engine:
    """The engine asked for, else podman, else docker; UsageError if none works."""
    complaints = []
    wanted: Sequence[str] = [asked] if asked else ["podman", "docker"]
    for kind in wanted:
        if not shutil.which(kind):
            continue
        info, complaint = _info(kind)
        if "podman system migrate" in complaint:  # a logout ended what rootless podman had running
            subprocess.run([kind, "system", "migrate"], capture_output=True, check=False)
            info, complaint = _info(kind)
        if info:
            engine = _podman(info) if "host" in info else _docker(info)
            check_rootless(engine, info)
            return engine
        complaints.append(f"{kind}: {complaint}")
    if complaints:
        raise UsageError(
            _("The container engine of this computer does not work."),
            _(
                "For docker: start its service, and join the group docker. For podman: {command}"
            ).format(command=f"apt install {APT['podman']}"),
            "\n".join(complaints),
        )
    raise UsageError(
        _("This computer has no container engine, and practice machines need one."),
        _("Install podman: {command}").format(
            command=f"sudo apt install {APT[asked or 'podman']} mmdebstrap"
        ),
    )


def ends_at_logout(engine: Engine, linger: Path = Path("/var/lib/systemd/linger")) -> bool:
    """Whether systemd ends this user's machines when the last session is closed."""
    if not engine.rootless or not Path("/run/systemd/system").is_dir():
        return False
    return not (linger / pwd.getpwuid(os.getuid()).pw_name).exists()


def check_rootless(engine: Engine, info: dict[str, Any]) -> None:
    """Refuse what cannot work without root, with the way out."""
    if not engine.rootless:
        return
    if engine.cgroups != "v2":
        raise UsageError(
            _(
                "Without root, practice machines need cgroup v2; this computer has the older "
                "hierarchy ({layout}), in which only root may give systemd its groups."
            ).format(layout=engine.cgroups),
            _(
                "Run the command as root, or start the kernel with "
                "systemd.unified_cgroup_hierarchy=1."
            ),
        )
    if engine.kind != "podman":
        return
    _check_subordinate_ids(info)
    controllers = set(info.get("host", {}).get("cgroupControllers") or [])
    missing = sorted({"memory", "pids"} - controllers)
    if missing:
        raise UsageError(
            _("This user's session may not limit {controllers}.").format(
                controllers=", ".join(missing)
            ),
            _(
                "Let systemd delegate them: write “[Service]” and “Delegate=cpu cpuset io memory "
                "pids” to /etc/systemd/system/user@.service.d/delegate.conf, then log in again."
            ),
        )


def _check_subordinate_ids(info: dict[str, Any]) -> None:
    """systemd needs more users than the caller's own: at least 65536 mapped ones."""
    maps = info.get("host", {}).get("idMappings") or {}
    for kind in ("uidmap", "gidmap"):
        if sum(int(entry.get("size", 0)) for entry in maps.get(kind) or []) < 65536:
            raise UsageError(
                _("This user has no range of subordinate user and group numbers."),
                _("Give it one, and tell podman: {command}").format(
                    command="sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "
                    "$USER; podman system migrate"
                ),
            )

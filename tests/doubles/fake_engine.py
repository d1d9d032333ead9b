#!/usr/bin/env python3
"""Stand-in for podman and docker: records its command lines, keeps names, runs nothing.

Called as ``podman`` or ``docker`` through a link on PATH. ``FAKE_ENGINE`` is a directory:
``calls.jsonl`` gets every command line, ``info.json`` is what ``info`` prints, ``taken`` holds
ports (one a line) on which a start fails, each once. Containers, networks and images are files.
It checks orchestration only; what the real engines do is shown by tests/integration/test_lab.py.
"""

import json
import os
import sys
from pathlib import Path

HOME = Path(os.environ["FAKE_ENGINE"])
KIND = Path(sys.argv[0]).name


def option(words: list[str], name: str) -> str:
    for position, word in enumerate(words):
        if word == name:
            return words[position + 1]
        if word.startswith(name + "="):
            return word.partition("=")[2]
    return ""


def place(what: str, name: str) -> Path:
    folder = HOME / what
    folder.mkdir(exist_ok=True)
    return folder / name.replace("/", "%")


def names(what: str) -> list[str]:
    return sorted(path.name.replace("%", "/") for path in (HOME / what).glob("*"))


def of_lab(what: str, words: list[str]) -> list[str]:
    """Names that ``--filter label=localcloud.lab=ID`` lets through; here names carry the id."""
    lab = option(words, "--filter").rpartition("=")[2]
    return [name for name in names(what) if lab in name]


def run(words: list[str]) -> None:
    taken = HOME / "taken"
    ports = [word.split(":")[1] for word in words if word.startswith("127.0.0.1:")]
    bad = set(taken.read_text().split()) if taken.exists() else set()
    if hit := bad & set(ports):
        taken.write_text("\n".join(bad - hit))
        sys.exit(f"Error: listen tcp 127.0.0.1:{hit.pop()}: bind: address already in use")
    place("containers", option(words, "--name")).write_text("running")


def network(words: list[str]) -> None:
    if words[0] == "create":
        place("networks", words[-1]).write_text(option(words, "--subnet") or "10.99.0.0/24")
    elif words[0] == "rm":
        place("networks", words[-1]).unlink()
    elif words[0] == "ls":
        print("\n".join(of_lab("networks", words)))
    elif words[0] == "inspect":
        if words[1] not in names("networks"):
            sys.exit("Error: network not found")
        subnet = place("networks", words[1]).read_text()
        shape = (
            {"subnets": [{"subnet": subnet}]}
            if KIND == "podman"
            else {"IPAM": {"Config": [{"Subnet": subnet}]}}
        )
        print(json.dumps([shape]))


def info(_rest: list[str]) -> None:
    print((HOME / "info.json").read_text())


def start(rest: list[str]) -> None:
    place("containers", rest[-1]).write_text("running")


def stop(rest: list[str]) -> None:
    place("containers", rest[-1]).write_text("exited")


def rm(rest: list[str]) -> None:
    for name in rest:
        place("containers", name).unlink(missing_ok=True)


def ps(rest: list[str]) -> None:
    for name in of_lab("containers", rest):
        print(f"{name}\t{place('containers', name).read_text()}")


def commit(rest: list[str]) -> None:
    place("images", rest[-1]).write_text(rest[-2])


def image(rest: list[str]) -> None:
    if rest[-1] not in names("images"):
        sys.exit("Error: no such image")


def images(rest: list[str]) -> None:
    own = [name for name in of_lab("images", rest) if "/localcloud-lab/" in name]
    print("\n".join(name if "--quiet" in rest else name.rpartition(":")[2] for name in own))


def rmi(rest: list[str]) -> None:
    for name in rest:
        place("images", name).unlink(missing_ok=True)


VERBS = {
    **{"info": info, "run": run, "start": start, "stop": stop, "rm": rm, "ps": ps},
    **{"commit": commit, "import": commit, "image": image, "images": images, "rmi": rmi},
    **{"network": network, "exec": lambda _rest: None},
}


def main() -> None:
    words = sys.argv[1:]
    with (HOME / "calls.jsonl").open("a") as log:
        log.write(json.dumps([KIND, *words]) + "\n")
    while words[0].startswith("--"):  # flags before the verb, each with a value
        words = words[2:]
    VERBS[words[0]](words[1:])


main()

"""Role storage's look at a node: kernel modules that are missing, and what would take its disks."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from test_role_code import load

node = load("storage/library/storage_node.py")
LOADED = min(Path("/sys/module").iterdir()).name


@pytest.fixture
def modprobe(monkeypatch):
    """What ``modprobe --show-depends`` says of a module; of any other, that there is none."""
    known = {"nfs": "builtin nfs", "iscsi_tcp": "insmod /lib/modules/6.1/iscsi_tcp.ko"}

    def run(*words):
        said = known.get(words[-1])
        return SimpleNamespace(returncode=0 if said else 1, stdout=said or "")

    monkeypatch.setattr(node, "run", run)


def test_a_module_that_is_loaded_or_built_in_is_not_loaded_again(modprobe):
    assert node.unloaded([LOADED, "nfs", "iscsi_tcp", "no_such_module"]) == [
        "iscsi_tcp",
        "no_such_module",
    ]


def test_the_first_module_that_cannot_be_loaded_is_named(modprobe):
    assert node.lacking(["iscsi_tcp", "no_such_module", "another"]) == "no_such_module"
    assert node.lacking(["iscsi_tcp"]) == ""


def test_disks_are_safe_where_multipathd_is_told_so_or_is_not_there(monkeypatch, tmp_path):
    told = tmp_path / "multipath.conf"
    monkeypatch.setattr(node, "Path", lambda path: told if path.endswith(".conf") else tmp_path)
    monkeypatch.setattr(node, "run", lambda *_words: SimpleNamespace(returncode=0))
    assert node.multipath_takes_disks()
    told.write_text("blacklist {\n  devnode sd\n}\n")
    assert not node.multipath_takes_disks()
    told.unlink()
    monkeypatch.setattr(node, "run", lambda *_words: SimpleNamespace(returncode=3))
    assert not node.multipath_takes_disks()


@pytest.mark.parametrize(
    "text", ['blacklist {\n  devnode "^sd[a-z0-9]+"\n}', "blacklist{ devnode sd }"]
)
def test_a_blacklist_of_disks_is_understood(text):
    assert node.BLACKLIST.search(text)
    assert not node.BLACKLIST.search('blacklist {\n  devnode "^nvme"\n}')

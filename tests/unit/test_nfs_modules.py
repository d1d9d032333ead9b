"""Role nfs_server's Python: what is refused untouched, sizes, whether the server answers."""

import os
import socketserver
import struct
import threading
from pathlib import Path

import pytest
from test_role_code import load

from localcloud.problems import PROBLEMS, explain

place = load("nfs_server/library/nfs_place.py")
exports = load("nfs_server/library/nfs_exports.py")
quotas = load("nfs_server/files/quotas.py")


def refused(function, *arguments) -> dict:
    """The data of the problem, whose words must hold no gap."""
    with pytest.raises((place.Failed, exports.Failed)) as caught:
        function(*arguments)
    data = caught.value.data
    words = explain(data["localcloud_problem"], {"host": "files", **data})
    assert words.known and "?" not in words.message, words.message
    assert set(PROBLEMS[data["localcloud_problem"]].fields) <= {*data, "host"}
    return data


@pytest.mark.parametrize(
    "client", ["*", "*.uni.edu", "0.0.0.0/0", "::/0", "10.0.0.0/4", "", "node[1]", "@group", "a b"]
)
def test_everybody_is_nobody_s_client(client):
    assert refused(place.check_clients, ["10.0.0.1", client])["client"] == client


def test_nodes_and_their_networks_may_mount():
    place.check_clients(["10.0.0.1", "10.20.0.0/16", "2001:db8::7", "node-2.uni.edu", "node_3"])


def test_a_site_without_nodes_is_told_so():
    assert refused(place.check_clients, [])["localcloud_problem"] == "nfs_no_clients"


@pytest.fixture
def able(monkeypatch):
    """A kernel that can serve NFS, whatever this computer's can."""
    monkeypatch.setattr(place, "kernel_can", lambda: True)
    monkeypatch.setattr(place, "other_server", lambda: False)


def wished(path: Path, **more) -> dict:
    wanted = {"path": str(path), "disk": "", "label": "localcloud", "limits": [""]}
    return {**wanted, "clients": ["10.0.0.1"], **more}


def test_limits_on_a_file_system_without_project_quotas_are_refused(able, monkeypatch, tmp_path):
    table = [["/dev/vda", "/", "ext4", "rw"], ["/dev/vdb", str(tmp_path), "xfs", "rw,noquota"]]
    monkeypatch.setattr(place, "mounts", lambda: table)
    data = refused(place.look, wished(tmp_path / "homes", limits=["10G"]))
    assert (data["localcloud_problem"], data["mount"]) == ("nfs_no_quotas", str(tmp_path))
    assert not place.look(wished(tmp_path / "homes"))["there"], "without limits it will do"
    table[1][3] = "rw,prjquota"
    assert place.look(wished(tmp_path / "homes", limits=["10G"]))["file_system"] == "xfs"


def test_a_path_that_leads_elsewhere_is_refused_with_where(able, tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "homes").symlink_to(tmp_path / "disk")
    for path in ("homes", "homes/2026"):
        data = refused(place.look, wished(tmp_path / path))
        assert data["localcloud_problem"] == "nfs_path_link"
        assert data["real"] == str(tmp_path / path.replace("homes", "disk"))


@pytest.mark.parametrize("size", ["10 GB", "ten", "-1G", "10Gi"])
def test_a_limit_that_is_no_size_is_refused(able, tmp_path, size):
    assert refused(place.look, wished(tmp_path, limits=["", size]))["value"] == size


def test_a_container_is_told_that_its_kernel_cannot(monkeypatch, tmp_path):
    monkeypatch.setattr(place, "kernel_can", lambda: False)
    assert refused(place.look, wished(tmp_path))["localcloud_problem"] == "nfs_no_kernel"


def test_a_disk_that_is_not_there_is_named_with_those_that_are(able, tmp_path):
    data = refused(place.look, wished(tmp_path / "homes", disk="/dev/no-such-disk"))
    assert data["localcloud_problem"] == "nfs_disk_missing" and data["there"]


class Disk:
    """A file as a disk: what blkid and the kernel say of it is given."""

    def __init__(self, monkeypatch, path: Path, **content: str) -> None:
        self.path = path
        path.write_bytes(b"\0" * (4 << 20))
        monkeypatch.setattr(Path, "is_block_device", lambda one: one == path)
        monkeypatch.setattr(place, "content_of", lambda _device: content)
        monkeypatch.setattr(place, "use_of", lambda _device: "")
        block = path.with_name("block")
        block.mkdir()
        (block / "size").write_text(f"{2 << 21}\n")
        monkeypatch.setattr(place, "sys_block", lambda _device: block)

    def check(self, path: Path) -> bool:
        return place.check_disk(str(self.path), "localcloud", path)


def test_a_blank_disk_is_made_and_ours_is_not_made_again(monkeypatch, tmp_path):
    assert Disk(monkeypatch, tmp_path / "disk").check(tmp_path) is False
    monkeypatch.setattr(place, "content_of", lambda _d: {"TYPE": "xfs", "LABEL": "localcloud"})
    assert place.check_disk(str(tmp_path / "disk"), "localcloud", tmp_path) is True


@pytest.mark.parametrize(
    "content", [{"TYPE": "ext4"}, {"PTTYPE": "gpt"}, {"TYPE": "xfs", "LABEL": "data"}]
)
def test_a_disk_with_anything_on_it_is_never_erased(monkeypatch, tmp_path, content):
    disk = Disk(monkeypatch, tmp_path / "disk", **content)
    assert refused(disk.check, tmp_path)["localcloud_problem"] == "nfs_disk_not_blank"


@pytest.mark.parametrize("where", [0, -4])
def test_data_that_no_program_recognises_are_data_too(monkeypatch, tmp_path, where):
    disk = Disk(monkeypatch, tmp_path / "disk")
    with disk.path.open("r+b") as stream:
        stream.seek(where, os.SEEK_END if where else os.SEEK_SET)
        stream.write(b"data")
    assert refused(disk.check, tmp_path)["localcloud_problem"] == "nfs_disk_not_blank"


def test_a_disk_in_use_is_left_alone(monkeypatch, tmp_path):
    disk = Disk(monkeypatch, tmp_path / "disk")
    monkeypatch.setattr(place, "use_of", lambda _device: "/var")
    assert refused(disk.check, tmp_path)["user"] == "/var"
    monkeypatch.setattr(place, "content_of", lambda _d: {"TYPE": "xfs", "LABEL": "localcloud"})
    assert refused(disk.check, tmp_path)["localcloud_problem"] == "nfs_disk_in_use"


def test_files_that_a_disk_would_hide_are_not_hidden(able, monkeypatch, tmp_path):
    homes = tmp_path / "homes"
    homes.mkdir()
    disk = Disk(monkeypatch, tmp_path / "disk")
    assert place.look(wished(homes, disk=str(disk.path)))["made"] is False
    (homes / "ana").mkdir()
    data = refused(place.look, wished(homes, disk=str(disk.path)))
    assert data["localcloud_problem"] == "nfs_path_in_use"


# Limits


@pytest.mark.parametrize(
    ("text", "size"), [("10G", 10 << 30), ("1.5M", 3 << 19), ("700", 700), ("", 0), ("0", 0)]
)
def test_sizes(text, size):
    assert quotas.size(text) == size


def test_the_first_pattern_that_fits_decides():
    settings = {"limit": "10G", "limits": {"*-ana": "50G", "hub-*": "0"}}
    found = [quotas.limit_of(name, settings) for name in ("hub-ana", "hub-luz", "other")]
    assert found == [50 << 30, 0, 10 << 30]


def test_a_folder_that_has_an_owner_keeps_it(monkeypatch, tmp_path):
    given = []
    monkeypatch.setattr(quotas.os, "chown", lambda *who, **_more: given.append(who))
    folder = tmp_path / "ana"
    folder.mkdir()
    mine = os.getuid() == 0
    assert quotas.give_owner(folder, {"uid": 1000, "gid": 100}) is mine
    assert given == ([(folder, 1000, 100)] if mine else [])


# Does it answer?


class Server(socketserver.StreamRequestHandler):
    """Stand-in for the kernel's server: accepts a call of NFS 4, refuses other versions."""

    version = 4

    def handle(self) -> None:
        call = struct.unpack(">11I", self.rfile.read(44))
        state = 0 if call[5] == self.version else 2
        self.wfile.write(struct.pack(">7I", 0x80000018, call[1], 1, 0, 0, 0, state))


@pytest.fixture
def server():
    with socketserver.TCPServer(("127.0.0.1", 0), Server) as one:
        threading.Thread(target=one.serve_forever, daemon=True).start()
        yield one
        one.shutdown()


def test_the_server_is_asked_in_its_own_words(server, monkeypatch):
    assert exports.ask(*server.server_address) == ""
    monkeypatch.setattr(Server, "version", 3)
    assert "version 4" in exports.ask(*server.server_address)


def test_silence_is_reported():
    assert "refused" in exports.ask("127.0.0.1", 1)


def test_an_export_to_everybody_is_found_whoever_wrote_it(monkeypatch, tmp_path):
    etab = tmp_path / "etab"
    monkeypatch.setattr(exports, "ETAB", etab)
    monkeypatch.setattr(exports, "ask", lambda: "")
    etab.write_text("/srv/homes\t10.0.0.1(rw,sync)\n/srv/homes\t*(rw)\n/other\t10.0.0.2(ro)\n")
    wanted = {"path": "/srv/homes", "limited": False}
    assert refused(exports.verify, wanted)["localcloud_problem"] == "nfs_everybody"
    etab.write_text("/other\t10.0.0.2(ro)\n")
    assert refused(exports.verify, wanted)["localcloud_problem"] == "nfs_not_exported"


def test_every_problem_of_the_role_is_in_the_catalogue():
    import re

    root = Path(place.__file__).parents[2]
    for role in ("nfs_server", "storage"):
        for file in (root / role).rglob("*.py"):
            for name in re.findall(r'Failed\(\s*"(\w+)"', file.read_text()):
                assert name in PROBLEMS, f"{file.name}: {name}"
        for file in (root / role).rglob("*.yml"):
            for name in re.findall(r"'localcloud_problem': '(\w+)'", file.read_text()):
                assert name in PROBLEMS, f"{file.name}: {name}"


def test_what_purged_packages_leave_goes_and_that_of_others_stays(tmp_path, monkeypatch):
    for name in ("gone", "there"):
        (tmp_path / name / "sub").mkdir(parents=True)
    remains = (
        ("no-such-program", "no-such-user", str(tmp_path / "gone"), ""),
        ("ldconfig", "root", str(tmp_path / "there"), "/proc"),
    )
    monkeypatch.setattr(exports, "REMAINS", remains)
    assert exports.forget() is True
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
    assert exports.forget() is False

"""Package sources, options and keys a practice machine takes over from this computer."""

from pathlib import Path

import pytest

from localcloud.errors import LocalcloudError, UsageError
from localcloud.lab import aptconf, distributions, image, inherit, recipe, sources

ONE_LINE = """\
# a comment
deb [signed-by=/etc/apt/keyrings/uni.gpg trusted=yes] http://mirror.uni.example/debian bookworm main
deb http://mirror.uni.example/debian bookworm-updates main
deb-src http://mirror.uni.example/debian bookworm main
deb http://mirror.uni.example/debian bookworm-backports main
deb file:/srv/packages bookworm main
deb cdrom:[Debian 12]/ bookworm main
deb http://localhost:3142/mirror.uni.example/debian bookworm main
deb https://downloads.vendor.example/linux bookworm stable
deb https://ppa.launchpadcontent.net/x/y/ubuntu bookworm main
deb https://deb.vendor.example nodistro main
"""
DEB822 = """\
Types: deb deb-src
URIs: http://mirror.uni.example/debian http://127.0.0.1/debian
Suites: bookworm bookworm-security
Components: main non-free-firmware
Check-Valid-Until: no
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc

Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
Enabled: no
"""


def test_one_line_sources_keep_the_distribution_and_drop_what_a_machine_cannot_reach() -> None:
    kept = sources.fit(sources.parse_list(ONE_LINE), "bookworm", "bookworm")
    assert [(source.uris, source.suites) for source in kept] == [
        (("http://mirror.uni.example/debian",), ("bookworm",)),
        (("http://mirror.uni.example/debian",), ("bookworm-updates",)),
    ]
    assert kept[0].components == ("main",)
    assert kept[0].key_files == [Path("/etc/apt/keyrings/uni.gpg")]
    assert "Trusted: yes" in kept[0].deb822()


def test_deb822_sources_keep_embedded_keys_and_lose_local_addresses() -> None:
    (kept,) = sources.fit(sources.parse_deb822(DEB822), "bookworm", "bookworm")
    assert kept.uris == ("http://mirror.uni.example/debian",)
    assert kept.suites == ("bookworm", "bookworm-security")
    text = kept.deb822()
    assert "Check-Valid-Until: no" in text
    assert "-----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc" in text
    assert list(sources.parse_deb822(text)) == [kept]


def test_another_release_comes_from_the_same_mirror() -> None:
    (kept,) = sources.fit(sources.parse_deb822(DEB822), "bookworm", "trixie")
    assert kept.suites == ("trixie", "trixie-security")


def test_apt_reads_both_kinds_of_files_and_nothing_else(tmp_path: Path) -> None:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (parts / "a.sources").write_text(DEB822)
    (parts / "b.list.disabled").write_text("deb http://x.example y main\n")
    (tmp_path / "sources.list").write_text("deb http://first.example/debian bookworm main\n")
    found = sources.read(tmp_path)
    assert [source.uris[0] for source in found] == [
        "http://first.example/debian",
        "http://mirror.uni.example/debian",
    ]


DUMP = """\
Acquire::http::Proxy "http://proxy.uni.example:3128";
Acquire::http::Proxy::mirror.uni.example "DIRECT";
Acquire::https::Proxy "http://127.0.0.1:3128";
Acquire::https::CaInfo "/etc/campus/ca.pem";
Acquire::Check-Date "false";
Acquire::Languages "none";
DPkg::Post-Invoke:: "rm -f /var/cache/apt/archives/*.deb";
"""


def test_apt_options_of_this_computer_reach_the_bootstrap_and_fewer_reach_the_machine() -> None:
    outside = aptconf.options(DUMP)
    assert len(outside) == 5
    assert not any("Languages" in line or "DPkg" in line for line in outside)
    assert aptconf.inside(outside) == [
        'Acquire::http::Proxy "http://proxy.uni.example:3128";',
        'Acquire::http::Proxy::mirror.uni.example "DIRECT";',
        'Acquire::Check-Date "false";',
    ]


def test_only_explicit_mirrors_and_reachable_proxies_are_inherited(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("[global]\ntimeout = 5\n")
    (tmp_path / ".npmrc").write_text("cafile=/x\n")
    assert inherit.settings({"no_proxy": "uni.example"}, tmp_path, tmp_path) == {}
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://pip.uni.example/simple%20x\n")
    (tmp_path / ".npmrc").write_text("registry = https://npm.uni.example/\n")
    environment = {
        "HTTP_PROXY": "http://proxy.uni.example:3128",
        "https_proxy": "http://localhost:3128",
        "no_proxy": "localhost,.uni.example",
    }
    assert inherit.settings(environment, tmp_path, tmp_path) == {
        "base_pip_index_url": "https://pip.uni.example/simple%20x",
        "base_npm_registry": "https://npm.uni.example/",
        "base_http_proxy": "http://proxy.uni.example:3128",
        "base_no_proxy": "localhost,.uni.example",
    }


@pytest.fixture
def this_is_debian12(monkeypatch: pytest.MonkeyPatch) -> None:
    release = {"ID": "debian", "VERSION_ID": "12", "VERSION_CODENAME": "bookworm"}
    monkeypatch.setattr(distributions.platform, "freedesktop_os_release", lambda: release)
    found = list(sources.parse_list("deb http://mirror.uni.example/debian bookworm main"))
    monkeypatch.setattr(sources, "read", lambda: found)
    monkeypatch.setattr(aptconf, "options", lambda: [])
    monkeypatch.setattr(aptconf, "key_files", lambda _sources: [])
    monkeypatch.setattr(aptconf, "credentials", lambda: [])


@pytest.mark.usefixtures("this_is_debian12")
def test_the_recipe_has_one_name_until_something_in_it_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen = distributions.choose(None)
    first = recipe.build(chosen)
    assert first.image == recipe.build(chosen).image
    assert first.image.startswith("localhost/localcloud-lab:debian12-")
    assert recipe.build(distributions.choose("debian13")).digest != first.digest
    monkeypatch.setattr(recipe, "PACKAGES", (*recipe.PACKAGES, "tmux"))
    assert recipe.build(chosen).digest != first.digest
    monkeypatch.setattr(aptconf, "options", lambda: ['Acquire::Check-Date "false";'])
    assert len({recipe.build(chosen).digest, first.digest}) == 2


@pytest.mark.usefixtures("this_is_debian12")
def test_a_bare_host_has_no_help_for_ansible() -> None:
    packages = recipe.build(distributions.choose(None)).packages
    assert "python3-apt" not in packages
    assert {"systemd", "openssh-server", "sudo", "python3"} <= set(packages)


@pytest.mark.usefixtures("this_is_debian12")
def test_a_system_of_another_family_is_refused_with_the_reason() -> None:
    with pytest.raises(UsageError) as caught:
        recipe.build(distributions.choose("ubuntu24.04"))
    assert "ubuntu24.04" in caught.value.message
    assert "--distribution" in caught.value.remedy


@pytest.mark.usefixtures("this_is_debian12")
def test_only_local_sources_are_refused_before_anything_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    local = list(sources.parse_list("deb file:/srv/packages bookworm main"))
    monkeypatch.setattr(sources, "read", lambda: local)
    with pytest.raises(UsageError, match="package source"):
        recipe.build(distributions.choose(None))


def test_an_unknown_distribution_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        distributions.choose("debian8")
    assert "debian8" in caught.value.message
    assert "debian12" in caught.value.remedy


@pytest.mark.usefixtures("this_is_debian12")
def test_a_mirrors_password_never_stands_on_the_command_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not recipe.build(distributions.choose(None)).has_secrets
    lines = ['Acquire::http::Proxy "http://me:geheim@proxy.uni.example:3128";']
    monkeypatch.setattr(aptconf, "options", lambda: lines)
    found = recipe.build(distributions.choose(None))
    assert found.has_secrets
    assert "geheim" not in " ".join(
        image.command(found, Path("/var/tmp/work"), Path("/cache/lab.tar"))
    )


def test_a_failed_bootstrap_leaves_no_half_image_and_shows_the_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = tmp_path / "mmdebstrap"
    failing.write_text(
        '#!/bin/sh\nfor t in "$@"; do case $t in *.partial) echo half >$t;; esac; '
        "done\necho 'E: the mirror does not answer' >&2\nexit 25\n"
    )
    failing.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    wanted = recipe.Recipe(distributions.KNOWN["debian12"], ("systemd",), "", (), b"")
    before = set(Path("/var/tmp").glob("localcloud-lab-*"))
    with pytest.raises(LocalcloudError) as caught:
        image.bootstrap(wanted, tmp_path / "lab.tar")
    assert "the mirror does not answer" in caught.value.details
    assert "apt update" in caught.value.remedy
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mmdebstrap"]
    assert set(Path("/var/tmp").glob("localcloud-lab-*")) <= before

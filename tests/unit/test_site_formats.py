"""Formats: what fits, and what a person is told otherwise."""

import pytest

from localcloud.site import formats


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("domain", ["localhost", "a.b", "10.0.0.1", "fe80::1", "1hub.edu"], ["", "a b", "1.2.3"]),
        ("url", ["https://x.edu", "http://10.0.0.1:3128/a", "https://u:p@m_1.edu/simple"],
         ["x.edu", "ftp://x.edu", "https://", "https://x.edu:99999", "http://a b"]),
        ("email", ["a@b.edu", "a.b+c@x.y.z"], ["a", "@b.edu", "a@", "a b@c.edu", "a@b_c.edu"]),
        ("size", ["512M", "2G", "1.5T", "100K"], ["512", "2GB", "0G", "-1G", "2 G", "1g"]),
        ("username", ["ana", "a.b-c_d", "ana@uni.edu", "2nd"], ["Ana", "a b", "-a", "a" * 65]),
        ("account", ["ana", "a.b-c_d", "2nd"], ["ana@uni.edu", "a+b", "@", "Ana@uni.edu", "josé"]),
        ("port", [1, 443, 65535, "80"], [0, 65536, "x", -1]),
        ("path", ["/srv", "/srv/a b"], ["srv", "~/x", "/srv/../etc", "/srv/", "//srv"]),
        ("cidr", ["10.42.0.0/16", "fd00::/8"], ["10.42.0.1/16", "10.42.0.0", "x/8", "10.0.0.0/33"]),
    ],
)  # fmt: skip
def test_formats(tmp_path, kind, good, bad):
    for value in good:
        assert formats.fault(kind, value, tmp_path) == "", value
    for value in bad:
        if value != "":  # an unset value has no form
            assert formats.fault(kind, value, tmp_path), value
    assert formats.fault(kind, "", tmp_path) == ""


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        ("Ana", "the hub keeps user names in lower case: ana"),
        ("josé", "write jose"),
        ("José", "write jose"),
        ("Begoña Núñez", "write begona.nunez"),
    ],
)
def test_a_persons_name_is_answered_with_one_that_is_allowed(tmp_path, typed, advice):
    fault = formats.fault("username", typed, tmp_path)
    assert fault.endswith(advice)
    assert ("no accents" in fault) == (not typed.isascii())
    assert formats.fault("username", advice.split()[-1], tmp_path) == "", "the advice is good"


@pytest.mark.parametrize("typed", ["名前", "a/b", "-", "a" * 65])
def test_where_no_name_is_near_the_rule_alone_is_told(tmp_path, typed):
    assert formats.fault("username", typed, tmp_path).endswith("begins with a letter or a digit")


@pytest.mark.parametrize("typed", ["/srv/nfs/", "/srv//nfs", "//srv/nfs", "/srv/./nfs"])
def test_a_path_is_written_in_one_way(tmp_path, typed):
    assert formats.fault("path", typed, tmp_path) == "write it in short: /srv/nfs"


def test_local_path_counts_from_the_site(tmp_path):
    (tmp_path / "ca.pem").touch()
    assert formats.fault("local_path", "ca.pem", tmp_path) == ""
    assert formats.fault("local_path", str(tmp_path / "ca.pem"), tmp_path / "other") == ""
    assert f"{tmp_path}/no.pem" in formats.fault("local_path", "no.pem", tmp_path)


def test_an_unknown_format_checks_nothing(tmp_path):
    assert formats.fault("colour", "red", tmp_path) == ""

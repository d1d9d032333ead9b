"""What is read from the roles."""

from pathlib import Path

import pytest
from site_cases import ROLES

from localcloud.components import all_settings, groups, load_components, with_dependencies
from localcloud.errors import LocalcloudError


def test_roles_are_read_with_settings_defaults_and_meta():
    web = load_components(ROLES)["web"]
    assert (web.group, web.dependencies) == ("web", ("common",))
    assert web.defaults["web_port"] == 443
    assert web.settings["web_mode"].choices == ("internal", "off")
    assert web.settings["web_name"].required and not web.settings["web_port"].required
    assert web.settings["web_password"].no_log
    assert web.settings["web_admins"].elements == "str"
    assert web.settings["web_limits"].options["cores"].type == "int"
    assert web.settings["web_name"].role == "web"
    assert load_components(ROLES)["common"].group is None


def test_dependencies_come_first_and_once():
    components = load_components(ROLES)
    assert [part.name for part in with_dependencies("web", components)] == ["common", "web"]
    assert with_dependencies("nothing", components) == []


def test_dependencies_that_go_in_a_circle_end(tmp_path):
    for name, other in (("a", "b"), ("b", "a")):
        (tmp_path / name / "meta").mkdir(parents=True)
        (tmp_path / name / "meta/main.yml").write_text(f"dependencies: [{other}]\n")
    names = [part.name for part in with_dependencies("a", load_components(tmp_path))]
    assert names == ["b", "a"]


def test_groups_and_settings_of_all_roles():
    components = load_components(ROLES)
    assert {name: [part.name for part in parts] for name, parts in groups(components).items()} == {
        "web": ["web"],
        "box": ["box"],
    }
    assert {"web_name", "box_size", "common_mirror"} <= all_settings(components.values()).keys()


def test_a_broken_file_of_ours_is_named(tmp_path):
    (tmp_path / "bad" / "meta").mkdir(parents=True)
    file = tmp_path / "bad/meta/localcloud.yml"
    file.write_text("a: [\n")
    with pytest.raises(LocalcloudError, match=f"The file {file} of localcloud itself"):
        load_components(tmp_path)


def test_the_kits_own_roles_declare_what_exists():
    """Every setting named in a meta/localcloud.yml is one that some role has."""
    components = load_components()
    known = all_settings(components.values())
    for name, component in components.items():
        meta = component.meta
        named = {*meta.get("secrets", {}), *(key.split(".")[0] for key in meta.get("formats", {}))}
        named |= {question["setting"] for question in meta.get("questions", [])}
        named |= {meta["language"]} if "language" in meta else set()
        assert named <= known.keys(), name
        assert component.defaults.keys() <= known.keys(), name
    assert load_components(Path("/nowhere")) == {}

"""Phases: which task belongs where, and what a person reads."""

import pytest

from localcloud import i18n, phases
from localcloud.phases import FACTS, Phase, Tracker, from_key, label, place

ROLES = "/opt/kit/roles"


@pytest.mark.parametrize(
    ("path", "phase"),
    [
        (f"{ROLES}/k3s/tasks/install.yml:12", Phase("k3s", "install")),
        (f"{ROLES}/storage/tasks/providers/nfs.yml:3", Phase("storage", "providers/nfs")),
        (f"{ROLES}/k3s/handlers/main.yml:3", Phase("k3s", "handlers")),
        ("/opt/kit/playbooks/install.yml:3", None),
        ("/srv/roles/mine/roles/tljh/tasks/verify.yml:1", Phase("tljh", "verify")),
    ],
)
def test_place_of_a_task(path, phase):
    assert place(path) == phase


def _walk(*steps):
    tracker = Tracker()
    return [tracker.enter(path, action) for path, action in steps]


def test_included_files_and_helper_roles_stay_in_the_phase_that_called_them():
    install = Phase("jupyterhub", "install")
    assert _walk(
        (f"{ROLES}/jupyterhub/tasks/install.yml:1", "system_packages"),
        (f"{ROLES}/jupyterhub/tasks/part.yml:1", "command"),
        (f"{ROLES}/artifact/tasks/main.yml:1", "get_url"),
        (f"{ROLES}/jupyterhub/tasks/main.yml:5", "include_tasks"),
        (f"{ROLES}/jupyterhub/tasks/configure.yml:1", "copy"),
    ) == [install, install, install, install, Phase("jupyterhub", "configure")]


def test_steering_opens_no_phase_and_facts_stand_outside_roles():
    assert _walk(
        (f"{ROLES}/base/meta/argument_specs.yml:1", "ansible.builtin.validate_argument_spec"),
        ("/opt/kit/playbooks/install.yml:2", "ansible.builtin.setup"),
        (f"{ROLES}/base/tasks/install.yml:2", "copy"),
        (f"{ROLES}/base/handlers/main.yml:2", "service"),
    ) == [None, FACTS, Phase("base", "install"), Phase("base", "handlers")]


@pytest.mark.parametrize(
    "phase", [FACTS, Phase("k3s", "install"), Phase("storage", "providers/nfs")]
)
def test_a_key_leads_back_to_its_phase(phase):
    assert from_key(phase.key).key == phase.key


def test_labels_are_words_and_the_unknown_is_named_as_it_is():
    assert label(Phase("jupyterhub", "install")) == "Installing JupyterHub"
    assert label(Phase("base", "install")) == "Preparing the server"
    assert label(Phase("newrole", "verify")) == "Verifying newrole"
    assert label(Phase("newrole", "special")) == "newrole: special"
    assert label(Phase("base", "bootstrap")) == "Installing Python on the server"
    assert label(FACTS) == "Looking at the servers"


def test_labels_follow_the_language(monkeypatch):
    class Spanish:
        def gettext(self, message):
            return {"Installing {component}": "Instalando {component}"}.get(message, message)

    monkeypatch.setattr(i18n, "_translations", Spanish())
    assert phases.label(Phase("jupyterhub", "install")) == "Instalando JupyterHub"

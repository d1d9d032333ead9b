"""The catalogue of problems: complete, translatable, and fed with the data it asks for."""

import ast
import re
import string
from pathlib import Path

import pytest

from localcloud import foreign, i18n, paths
from localcloud.problems import PROBLEMS, ProblemError, explain

PACKAGE = Path(i18n.__file__).parent
WITHOUT_REMEDY = {"host_ok"}  # nothing is wrong there


def placeholders(text):
    return {name for _text, name, _spec, _conversion in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("problem_id", sorted(PROBLEMS))
def test_every_entry_is_whole(problem_id):
    template = PROBLEMS[problem_id]
    used = placeholders(template.message) | placeholders(template.remedy)
    assert used == set(template.fields)
    assert template.message
    assert template.remedy or problem_id in WITHOUT_REMEDY


@pytest.mark.parametrize("problem_id", sorted(PROBLEMS))
def test_every_entry_can_be_said(problem_id):
    data = {field: f"<{field}>" for field in PROBLEMS[problem_id].fields}
    problem = explain(problem_id, data)
    assert problem.known
    assert "{" not in problem.message.replace("'{", "")
    for value in data.values():
        assert value in problem.message + problem.remedy


def test_lists_read_as_words_and_missing_data_as_a_question_mark():
    problem = explain("hostname_twins", {"hosts": ["h1", "h2"]})
    assert problem.message == "These hosts have the same hostname, ?: h1, h2."


def test_data_with_braces_is_shown_as_it_is():
    assert "{x}" in explain("sudo_refused", {"user": "ana", "says": "{x} {0}"}).message


def test_an_unknown_problem_shows_its_data():
    problem = explain("something_new", {"host": "h1", "path": "/x"})
    assert not problem.known
    assert "something_new" in problem.message
    assert "path: /x" in problem.message
    assert problem.remedy


def test_words_follow_the_language_of_the_moment(monkeypatch):
    class Spanish:
        def gettext(self, message):
            return message.replace("Host {host} cannot be reached", "No se llega a {host}")

    monkeypatch.setattr(i18n, "_translations", Spanish())
    assert "No se llega a h1" in explain("unreachable", {"host": "h1"}).message


def test_an_error_keeps_its_id_and_data():
    error = ProblemError("no_space", {"host": "h1", "path": "/var"})
    assert (error.problem_id, error.data["path"]) == ("no_space", "/var")
    assert "/var" in error.message


def calls():
    """Every call in the package that names a problem: (place, id, keywords or None if unclear)."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                yield from _named(path, node)


def _named(path, node):
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    at = 2 if name == "finding" else 0
    speakers = ("finding", "ProblemError", "explain", "SshError", "Unreachable", "HostKeyUnknown")
    speakers += ("HostKeyChanged", "AuthenticationFailed", "CommandTimeout", "StepFailed")
    if name not in speakers or len(node.args) <= at:
        return
    word = node.args[at]
    if isinstance(word, ast.Constant) and isinstance(word.value, str):
        open_ended = any(keyword.arg is None for keyword in node.keywords)
        given = {keyword.arg for keyword in node.keywords}
        direct = name not in ("ProblemError", "explain")
        yield f"{path.name}:{node.lineno}", word.value, given if direct and not open_ended else None


def test_every_problem_named_in_the_code_is_known_and_gets_its_data():
    named = list(calls())
    assert len(named) > 40
    for place, problem_id, given in named:
        assert problem_id in PROBLEMS, f"{place}: {problem_id}"
        if given is not None:
            # Runner and journey add the host; the journey adds what its step knows.
            missing = set(PROBLEMS[problem_id].fields) - given - {"host"}
            assert not missing or problem_id.startswith("journey_"), f"{place}: {missing}"


def test_every_problem_named_in_a_role_is_known():
    # In YAML a bare word is an id; in Python it is a variable, whose value stands elsewhere.
    patterns = {
        ".yml": re.compile(r"[\"']?localcloud_problem[\"']?\s*:\s*[\"']?(\w+)"),
        ".py": re.compile(r"[\"']localcloud_problem[\"']\s*:\s*[\"'](\w+)"),
    }
    files = [path for path in paths.roles_dir().rglob("*") if path.suffix in patterns]
    for path in files:
        for problem_id in patterns[path.suffix].findall(path.read_text()):
            assert problem_id in PROBLEMS, f"{path}: {problem_id}"


def test_frequent_words_of_other_programs_are_told_in_spanish():
    data = {"host": "h1", "address": "192.0.2.1", "reason": "No route to host"}
    assert "(192.0.2.1): No route to host." in explain("unreachable_route", data).message
    i18n.activate("es")
    assert "no hay ruta hasta el servidor." in explain("unreachable_route", data).message
    said = foreign.in_words("certificate verify failed: self-signed certificate (x.c:997)")
    assert said == "el certificado no se pudo comprobar: certificado autofirmado (x.c:997)"
    assert foreign.in_words("503 Service Unavailable") == "503 servicio no disponible"
    assert foreign.in_words("what nobody foresaw") == "what nobody foresaw"

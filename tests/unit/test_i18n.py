"""The language of everything a person reads: how it is chosen, and that Spanish is complete."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from build_catalogues import KEYWORDS, in_module
from localcloud import i18n
from localcloud.cli import cli
from localcloud.components import load_components
from localcloud.i18n import _, ngettext
from localcloud.problems import PROBLEMS, explain
from localcloud.site import load_site
from localcloud.site.create import settings_text

TOOL = Path(sys.executable).parent / "localcloud"
HOSTS = "all: {children: {jupyterhub: {hosts: {node1: {ansible_host: 10.0.0.5}}}}}\n"
SETTINGS = "hub_domain: hub.uni.edu\nhub_admins: [ana]\n"


# Where the command is found by its name, hints do not name its place.
PATH = f"{TOOL.parent}:{os.environ['PATH']}"


def run(*words: str, cwd: Path = Path("/"), **environment: str) -> subprocess.CompletedProcess[str]:
    """The installed command, in a terminal of 80 columns."""
    return subprocess.run(
        [TOOL, *words],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "80", "PATH": PATH, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def site(directory: Path, settings: str = SETTINGS) -> Path:
    (directory / "group_vars" / "all").mkdir(parents=True)
    (directory / "hosts.yml").write_text(HOSTS)
    (directory / "group_vars" / "all" / "settings.yml").write_text(settings)
    return directory


# The choice


@pytest.mark.parametrize(
    ("arguments", "environment", "title"),
    [
        (["--lang", "es", "check"], {"LOCALCLOUD_LANG": "en"}, "Uso:"),
        (["check", "--lang=es"], {}, "Uso:"),
        (["--lang", "en"], {"LOCALCLOUD_LANG": "es", "LANG": "es_AR.UTF-8"}, "Usage:"),
        ([], {"LOCALCLOUD_LANG": "es", "LANG": "en_US.UTF-8"}, "Uso:"),
        ([], {"LANG": "es_AR.UTF-8"}, "Uso:"),
        ([], {"LANG": "es_AR.UTF-8", "LC_ALL": "en_US.UTF-8"}, "Usage:"),
        ([], {"LANG": "es_AR.UTF-8", "LC_ALL": ""}, "Uso:"),
        ([], {"LOCALCLOUD_LANG": "quechua", "LANG": "es"}, "Uso:"),
        ([], {"LANG": "fr_FR.UTF-8"}, "Usage:"),
        ([], {"LANG": "C"}, "Usage:"),
        (["--", "--lang", "es"], {}, "Usage:"),
        ([], {}, "Usage:"),
    ],
)
def test_argument_then_environment_then_locale(arguments, environment, title):
    i18n.choose(arguments, environment)
    assert click.formatting._("Usage:") == title


def test_the_site_decides_over_the_locale_but_not_over_the_person(tmp_path):
    directory = site(tmp_path, SETTINGS + "hub_language: es\n")
    i18n.choose([], {"LANG": "en_US.UTF-8"})
    load_site(directory, need_secrets=False)
    assert _("Interrupted.") == "Interrumpido."
    i18n.choose(["--lang", "en"], {})
    load_site(directory, need_secrets=False)
    assert _("Interrupted.") == "Interrupted."


def test_the_records_of_a_spanish_site_are_told_in_spanish(tmp_path):
    done = run("logs", cwd=site(tmp_path, SETTINGS + "hub_language: es\n"))
    assert "Este sitio aún no tiene ejecuciones." in done.stderr


def test_an_unknown_language_is_refused_in_words():
    done = run("--lang", "fr", "check")
    assert done.returncode == 2
    assert "'fr' is not one of 'en', 'es'." in done.stderr


# Errors in Spanish, click's own words among them


def test_what_click_says_is_spanish():
    done = run("--lang", "es", "init")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "Uso: localcloud init [OPCIONES] DIR",
        "Pruebe 'localcloud init --help' para ver la ayuda.",
        "",
        "Error: Falta el argumento 'DIR'.",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["chek"], "No existe el verbo chek. ¿Quiso decir check?"),
        (["check", "--foo"], "No existe la opción '--foo'."),
        (["check", "more"], "Sobra un argumento (more)"),
        (["check", "more", "words"], "Sobran argumentos (more words)"),
        (["check", "-i"], "La opción '-i' necesita un argumento."),
        (["verify", "--users", "x"], "'x' no es un número entero válido."),
        (["init", "--port", "0", "s"], "0 está fuera del intervalo 1<=x<=65535."),
        (["--lang", "fr"], "'fr' no es ninguna de estas opciones: 'en', 'es'."),
    ],
)
def test_mistakes_on_the_command_line(words, said):
    done = run(*words, LOCALCLOUD_LANG="es")
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.parametrize(
    ("words", "shown", "not_shown"),
    [
        (["init"], ["--group TEXTO", "--port N", "--host [NOMBRE=]DIRECCIÓN"], ["VALUE", "RANGE"]),
        (["lab"], ["lab [OPCIONES] COMANDO [ARGUMENTOS]..."], ["ARGS"]),
        (["lab", "up"], ["[DIRECTORIO]", "--memory TAMAÑO"], ["DIRECTORY", "SIZE", "RANGE"]),
        (["lab", "stop"], ["[SERVIDORES]...", "(todas, o SERVIDORES)"], ["HOSTS"]),
        (["logs"], ["[EJECUCIÓN]", "con el nombre EJECUCIÓN"], ["RUN]"]),
    ],
)
def test_help_pages_have_no_english_words_in_capitals(words, shown, not_shown):
    page = " ".join(run("--lang", "es", *words, "--help").stdout.split())
    assert all(word in page for word in shown) and not any(word in page for word in not_shown)


def test_no_site_says_so_and_what_to_do(tmp_path):
    done = run("install", "--lang", "es", cwd=tmp_path)
    assert done.returncode == 2
    assert "no es un sitio: no tiene hosts.yml." in " ".join(done.stderr.split())
    assert (
        "  Qué hacer: Nombre un sitio con -i DIR, o cree uno: `localcloud init DIR`" in done.stderr
    )


def test_an_unknown_setting_and_broken_yaml(tmp_path):
    directory = site(tmp_path, SETTINGS + "hub_domian: x\n")
    done = run("check", "--lang", "es", cwd=directory)
    assert "Ningún rol conoce el ajuste «hub_domian»." in done.stderr
    assert "¿Quiso decir hub_domain" in done.stderr
    (directory / "hosts.yml").write_text("all: [1\n")
    done = run("check", "--lang", "es", cwd=directory)
    assert "Esto no es YAML válido:" in done.stderr
    assert "Mire la sangría, las comillas y los corchetes" in done.stderr


def test_every_problem_of_the_catalogue_is_told_in_spanish():
    def told(language: str) -> dict[str, tuple[str, str]]:
        i18n.activate(language)
        found = {id: explain(id, {}) for id in PROBLEMS}
        return {id: (one.message, one.remedy) for id, one in found.items()}

    english, spanish = told("en"), told("es")
    same = [
        words
        for id in PROBLEMS
        for words, translated in zip(english[id], spanish[id], strict=True)
        if words and words == translated
    ]
    assert same == []


def test_settings_of_a_new_site_are_explained_in_spanish():
    i18n.activate("es")
    text = settings_text("jupyterhub", {"hub_domain": "hub.uni.edu"}, load_components())
    assert "# El nombre que la gente escribe en su navegador, sin https:// ni puerto." in text
    assert "# Uno de: en, es." in text
    comments = " ".join(line[2:] for line in text.splitlines() if line.startswith("# "))
    for component in load_components().values():
        for setting in component.settings.values():
            assert setting.description not in comments, setting.name


def test_plurals_in_spanish():
    i18n.activate("es")
    words = ("{count} machine answers.", "{count} machines answer.")
    counted = [ngettext(*words, count).format(count=count) for count in (0, 1, 2)]
    assert counted == ["0 máquinas responden.", "1 máquina responde.", "2 máquinas responden."]


# Help


def commands(command: click.Command, words: tuple[str, ...] = ()):
    yield words
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from commands(child, (*words, name))


def described(page: str) -> list[str]:
    """What a help page says in words: its paragraphs, and each option's and verb's description."""
    paragraphs = re.split(r"\n\s*\n|\n(?=  (?:-|[a-z]+  ))", page)
    found = []
    for paragraph in paragraphs:
        text = " ".join(paragraph.split())
        # An option or verb stands two blanks or a line before its description.
        words = re.sub(r"^(-{1,2}\S+(, --\S+)?( [A-Z\[][^a-záéíóú ]*)*|[a-z]+) ", "", text)
        found.append(words)
    return [words for words in found if len(words.split()) > 1]


PAGES = """
import contextlib, io, json, sys
from localcloud import i18n
i18n.choose(sys.argv[1:])
from localcloud.cli import cli
pages = {}
for words in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.StringIO()) as page:
        cli.main([*words, "--help"], prog_name="localcloud", standalone_mode=False)
    pages[" ".join(words)] = page.getvalue()
json.dump(pages, sys.stdout)
"""


@pytest.fixture(scope="module")
def pages() -> dict[str, dict[str, str]]:
    """Language → command → its help page, 80 columns wide."""
    return {
        language: json.loads(
            subprocess.run(
                [sys.executable, "-c", PAGES, "--lang", language],
                input=json.dumps(list(commands(cli))),
                env={**os.environ, "COLUMNS": "80"},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for language in i18n.LANGUAGES
    }


@pytest.mark.parametrize("words", list(commands(cli)), ids=" ".join)
def test_a_help_page_in_spanish_has_no_english_left(words, pages):
    spanish = pages["es"][" ".join(words)]
    assert spanish.startswith("Uso: localcloud")
    assert max(map(len, spanish.splitlines())) <= 80
    english, translated = described(pages["en"][" ".join(words)]), described(spanish)
    assert len(english) == len(translated)
    assert [text for text in translated if text in english] == []
    common = r"\b(the|this|and|with|of|is|are|not|show|print|only|default|required)\b"
    assert re.findall(common, " ".join(translated), re.IGNORECASE) == []


@pytest.mark.parametrize(
    ("words", "settings", "first"),
    [
        (["check", "--help", "-i", "SITE"], "hub_language: es\n", "Uso:"),
        (["-i", "SITE", "--help"], 'hub_language: "es"\n', "Uso:"),
        (["--inventory=SITE", "install", "--help"], "hub_language: es\n", "Uso:"),
        (["install", "--nonsense", "-iSITE"], "hub_language: es\n", "Uso:"),
        (["check", "--help", "-i", "SITE"], "hub_language: en\n", "Usage:"),
        (["check", "--help", "-i", "SITE"], "# hub_language: es\n", "Usage:"),
        (["--lang", "en", "check", "--help", "-i", "SITE"], "hub_language: es\n", "Usage:"),
        (["init", "--help"], "hub_language: es\n", "Usage:"),
    ],
)
def test_help_is_in_the_language_of_the_site(tmp_path, words, settings, first):
    (tmp_path / "group_vars/all").mkdir(parents=True)
    (tmp_path / "hosts.yml").write_text(HOSTS)
    (tmp_path / "group_vars/all/settings.yml").write_text(SETTINGS + settings)
    named = [word.replace("SITE", str(tmp_path)) for word in words]
    ended = run(*named, LC_ALL="C.UTF-8")
    assert (ended.stdout + ended.stderr).startswith(first)
    if "init" not in words:  # the same from within the site, or with the environment's word
        bare = [word for word in words if word != "-i" and "SITE" not in word]
        for more in ({"cwd": tmp_path}, {"LOCALCLOUD_INVENTORY": str(tmp_path)}):
            ended = run(*bare, LC_ALL="C.UTF-8", **more)
            assert (ended.stdout + ended.stderr).startswith(first)


# What is collected for translation


def test_messages_are_found_wherever_python_lets_them_stand():
    code = """
from x import _, N_, ngettext
LABEL = N_("marked")
f"{_('inside an f-string')}: {1}"
_("two " "parts")
ngettext("{n} one", "{n} many", 2)
_(LABEL)
other("not ours")
i18n._("by its module's name")
"""
    found = set(in_module(code))
    assert found == {
        "marked",
        "inside an f-string",
        "two parts",
        "by its module's name",
        ("{n} one", "{n} many"),
    }


def test_nothing_is_put_together_before_it_is_translated():
    """An f-string or a sum inside ``_()`` would never be found in the catalogue."""
    wrong = []
    for path in sorted(Path(i18n.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                texts = node.args[: KEYWORDS.get(getattr(node.func, "id", ""), 0)]
                if any(isinstance(text, ast.JoinedStr | ast.BinOp) for text in texts):
                    wrong.append(f"{path.name}:{node.lineno}")
    assert wrong == []

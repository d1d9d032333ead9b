"""The hub's pages in Spanish, rendered as NativeAuthenticator 1.3.0 renders them."""

import re
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import jinja2
import pytest

PAGES = Path(__file__).parents[2] / "roles" / "jupyterhub" / "files" / "pages" / "es"
FRAME = {"page.html": "{% block main %}{% endblock %}{% block script %}{% endblock %}"}


def render(page: str, **data: object) -> str:
    """A page in a bare frame: JupyterHub's own templates are not here."""
    loaders = [jinja2.DictLoader(FRAME), jinja2.FileSystemLoader(PAGES)]
    made = jinja2.Environment(loader=jinja2.ChoiceLoader(loaders), autoescape=True)
    return made.get_template(page).render(base_url="/hub/", xsrf="x", **data)


def user(name: str, is_authorized: bool, has_2fa: bool = False) -> SimpleNamespace:
    values = {"is_authorized": is_authorized, "has_2fa": has_2fa, "email": f"{name}@uni.edu"}
    return SimpleNamespace(username=name, **values)


def test_the_authorization_area_speaks_spanish_and_leads_where_the_original_does():
    page = render("authorization-area.html", users=[user("ana", True, True), user("eva", False)])
    assert re.findall(r'href="([^"]+)"', page) == [
        "/hub/authorize/ana",
        "/hub/change-password/ana",
        "/hub/authorize/eva",
        "/hub/change-password/eva",
        "/hub/discard/eva",
    ]
    assert 'id="ana"' in page and 'id="eva"' in page, "the hub comes back to authorize#eva"
    for words in ("Autorizar cuentas", "Retirar la autorización", "Descartar", "Segundo factor"):
        assert words.lower() in page.lower()
    cells = re.findall(r"<td>(Sí|No)</td>", page)
    assert cells == ["Sí", "Sí", "No", "No"]
    assert "@uni.edu" not in page
    page = render("authorization-area.html", users=[user("eva", False)], ask_email=True)
    assert "eva@uni.edu" in page and "Correo" in page
    for english in ("Authoriz", "Username", "Unauthorize", "Discard", "password<"):
        assert english not in page


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("The password for eva has been changed successfully", "La contraseña se cambió."),
        ("The new password didn't match the confirmation. Please try again.", "no coinciden"),
        (
            "Something went wrong!\nBe sure the new password for eva has at least 12 characters "
            "and is not too common.",
            "No se pudo cambiar la contraseña: la nueva debe tener al menos 12 caracteres",
        ),
        (
            "Something went wrong!\nBe sure the new password for eva is not too common.",
            "No se pudo cambiar la contraseña: la nueva debe no ser demasiado común.",
        ),
    ],
)
def test_an_administrator_gives_a_new_password_in_spanish(said, shown):
    page = render(
        "change-password-admin.html", user_name="eva", result_message=said, alert="alert-info"
    )
    assert "Cambiar la contraseña de eva" in page and shown in page
    for name in ("_xsrf", "new_password", "new_password_confirmation"):
        assert f'name="{name}"' in page
    assert 'name="old_password"' not in page
    assert said not in page


def test_a_password_that_is_too_short_is_answered_with_the_length_it_needs():
    said = (
        "Something went wrong!\nBe sure your username does not contain spaces, commas or slashes, "
        "your password has at least 14 characters and is not too common."
    )
    page = render("signup.html", result_message=said, alert="alert-danger", post_url="")
    words = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "la contraseña debe tener al menos 14 caracteres y no ser demasiado común" in words
    assert "sin acentos" in words, "user names of the hub have none"
    assert "Something" not in words


@pytest.mark.parametrize("page", ["signup.html", "change-password.html"])
def test_the_length_a_password_needs_stands_beside_it(page):
    shown = render(page, hub_minimum_password_length=10, user_name="eva", post_url="")
    assert "al menos 10 caracteres" in shown
    assert "caracteres" not in render(page, user_name="eva", post_url="")


TOKEN = SimpleNamespace(
    note="Server at /user/eva/",
    scopes=["access:servers"],
    last_activity=None,
    created=datetime(2026, 11, 22),
    expires_at=None,
    api_id="a7",
)
CLIENT = {
    "description": "Server at /user/eva/",
    "tokens": [{"scopes": ["read:users!user"]}],
    "token_id": "a8",
    "last_activity": None,
    "created": None,
}
ENGLISH = (
    r"\b(the|token expires|never|revoke|scopes|note|application|created|permissions?|server)\b"
)


def test_the_page_of_tokens_speaks_spanish_and_keeps_what_its_program_looks_for():
    options = '<option value="3600">1 Hour</option><option value="">Never</option>'
    page = render(
        "token.html",
        api_tokens=[TOKEN],
        oauth_clients=[CLIENT],
        token_expires_in_options_html=options,
    )
    ids = ("request-token-form", "token-note", "token-expiration-seconds", "token-scopes")
    for name in (*ids, "token-area", "token-result"):
        assert f'id="{name}"' in page
    for row in ("a7", "a8"):
        assert f'data-token-id="{row}"' in page
    assert page.count("revoke-token-btn") == 2 and page.count("time-col") == 5
    assert "2026-11-22T00:00:00Z</td>" in page, "token.js reads it"
    assert '<option value="3600">1 hora</option>' in page and ">Nunca</option>" in page
    words = re.sub(
        r"<script>.*?</script>|<[^>]+>|access:servers|read:users!user", " ", page, flags=re.S
    )
    assert "Servidor en /user/eva/" in words and "Anular" in words
    assert re.findall(ENGLISH, words, re.IGNORECASE) == []


def test_the_page_that_asks_for_access_speaks_spanish():
    page = render(
        "oauth.html",
        oauth_client=SimpleNamespace(
            description="Server at /user/eva/", redirect_uri="/user/eva/x"
        ),
        allowed_scopes=["a", "b"],
        scope_descriptions=[
            {"description": "Access user servers via API or browser.", "filter": "user=eva"}
        ],
    )
    assert page.count('name="scopes"') == 2 and 'name="_xsrf"' in page
    words = re.sub(r"<[^>]+>", " ", page)
    assert "Autorizar" in words and "Usar servidores de personas." in words
    assert re.findall(ENGLISH, words, re.IGNORECASE) == []


# What of JupyterHub's own page of errors matters here: it hides who is logged in.
BLOCKS = ("h1_error", "error_detail")
INSIDE = "".join(f"{{% block {name} %}}{{% endblock {name} %}}" for name in BLOCKS)
ERRORS = {
    "page.html": "{% block login_widget %}{% endblock %}{% block main %}{% endblock %}",
    "templates/error.html": '{% extends "page.html" %}{% block login_widget %}{% endblock %}'
    f"{{% block main %}}{INSIDE}{{% endblock main %}}",
}


@pytest.mark.parametrize(
    ("page", "said", "shown"),
    [
        ("404.html", "", "Esta página no existe (404)"),
        (
            "error.html",
            "Action is not authorized with current scopes; requires any of [admin-ui]",
            "Su cuenta no tiene permiso para esta página.",
        ),
        ("error.html", "XSRF cookie does not match POST argument", "inténtelo otra vez"),
    ],
)
def test_who_meets_an_error_is_still_logged_in_and_gets_plain_words(page, said, shown):
    loaders = [jinja2.DictLoader(ERRORS), jinja2.FileSystemLoader(PAGES)]
    made = jinja2.Environment(loader=jinja2.ChoiceLoader(loaders), autoescape=True)
    data = {"status_code": 404 if page == "404.html" else 403, "message": said}
    text = made.get_template(page).render(
        base_url="/hub/", logout_url="/hub/logout", user=SimpleNamespace(name="ana"), **data
    )
    assert shown in text and ">ana<" in text and "Salir" in text
    assert not said or said not in text
    text = made.get_template(page).render(base_url="/hub/", login_url="/hub/login", **data)
    assert "Entrar" in text and "Salir" not in text

"""The hub's pages in Spanish, rendered as NativeAuthenticator 1.3.0 renders them."""

import re
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
        ("Something went wrong!\nBe sure the new password for eva has at", "más larga"),
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

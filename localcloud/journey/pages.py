"""Pages as a browser reads them: forms with their fields, links by id, what an error page says."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

_SILENT = {"script", "style", "noscript", "template"}
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "wbr"}
# Where JupyterHub's templates put their words about a failure; themes keep these classes.
_ERROR_CLASSES = {"error", "login_error", "spawn-error-msg", "alert-danger"}
# What a page holds ready but does not show: every page of the hub has an empty error dialogue.
_UNSEEN_CLASSES = {"hidden", "modal"}


@dataclass
class Field:
    """One control: its kind (``text``, ``password``, ``hidden``, ``select`` …) and value."""

    name: str
    kind: str
    value: str = ""
    sent: bool = True  # False for a box that is not ticked


@dataclass
class Form:
    id: str
    action: str
    method: str
    multipart: bool
    fields: list[Field] = field(default_factory=list)

    def field_of(self, *kinds: str) -> Field | None:
        return next((one for one in self.fields if one.kind in kinds), None)

    def values(self, filled: dict[str, str]) -> list[tuple[str, str]]:
        """What a browser sends when the person fills in ``filled`` and leaves the rest."""
        return [(one.name, filled.get(one.name, one.value)) for one in self.fields if one.sent]


class Page(HTMLParser):
    """A parsed page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self.source = text
        self._open: list[tuple[str, set[str]]] = []  # (tag, classes) of the elements still open
        self._words: list[str] = []
        self._error_words: list[str] = []
        self._select: Field | None = None
        self._inside_form = False
        self.feed(text)
        self.close()

    @property
    def login_form(self) -> Form | None:
        """The form with a password field, if any."""
        return next((form for form in self.forms if form.field_of("password")), None)

    @property
    def spawn_form(self) -> Form | None:
        """The hub's "server options" form, if any."""
        return next((form for form in self.forms if form.id == "spawn_form"), None)

    @property
    def error(self) -> str:
        """What the page says about a failure, in one line; "" if it says nothing."""
        return _one_line(self._error_words)

    @property
    def text(self) -> str:
        """All words of the page, in one line."""
        return _one_line(self._words)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        names = {name for name, _value in attributes}
        if tag not in _VOID:
            self._open.append((tag, set(given.get("class", "").split())))
        if tag == "form":
            self._start_form(given)
        elif tag == "a" and given.get("id"):
            self.links[given["id"]] = given.get("href", "")
        elif self._inside_form:
            self._control(tag, given, names)

    def handle_endtag(self, tag: str) -> None:
        # Pages leave elements open (<p>, <li>): close up to the matching one.
        for position in range(len(self._open) - 1, -1, -1):
            if self._open[position][0] == tag:
                del self._open[position:]
                break
        if tag == "form":
            self._inside_form = False
        elif tag == "select":
            self._select = None

    def handle_data(self, data: str) -> None:
        tags = {tag for tag, _classes in self._open}
        classes = set().union(*(classes for _tag, classes in self._open))
        if tags & _SILENT or classes & _UNSEEN_CLASSES or not data.strip():
            return
        self._words.append(data)
        if classes & _ERROR_CLASSES:
            self._error_words.append(data)

    def _start_form(self, given: dict[str, str]) -> None:
        self._inside_form = True
        self.forms.append(
            Form(
                id=given.get("id", ""),
                action=given.get("action", ""),
                method=given.get("method", "get").lower(),
                multipart=given.get("enctype", "").lower() == "multipart/form-data",
            )
        )

    def _control(self, tag: str, given: dict[str, str], names: set[str]) -> None:
        fields = self.forms[-1].fields
        name = given.get("name", "")
        if tag == "option" and self._select:
            if "selected" in names or not self._select.value:
                self._select.value = given.get("value", "")
        elif not name or "disabled" in names:
            return
        elif tag == "input":
            kind = given.get("type", "text").lower()
            ticked = kind not in {"checkbox", "radio"} or "checked" in names
            pressed = kind not in {"submit", "button", "image", "reset", "file"}
            value = given.get("value", "on" if kind in {"checkbox", "radio"} else "")
            fields.append(Field(name, kind, value, ticked and pressed))
        elif tag in {"select", "textarea"}:
            fields.append(Field(name, tag))
            self._select = fields[-1] if tag == "select" else None


def event_source(page: Page) -> str | None:
    """The address of the progress events that a "server is starting" page listens to."""
    found = re.search(r"""new EventSource\(\s*["']([^"']+)["']""", page.source)
    return found[1].replace("&amp;", "&").replace("\\u0026", "&") if found else None


def hub_base(page: Page) -> str | None:
    """The hub's base path (``/hub/``) as its pages tell it to their scripts."""
    found = re.search(r"""base_url:\s*["']([^"']+)["']""", page.source)
    return found[1] if found else None


def _one_line(words: list[str]) -> str:
    return re.sub(r"\s+", " ", " ".join(words)).strip()[:600]

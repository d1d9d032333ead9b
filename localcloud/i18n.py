"""The language of everything a person reads.

Order of choice: ``--lang``, ``LOCALCLOUD_LANG``, the site's own setting, the locale, English.
All are known before any command module is imported, the site's setting by a look at its files;
the site has the last word once it is loaded (see :func:`site_language`).
"""

import gettext as _gettext
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from localcloud import peek

DOMAIN = "localcloud"
LANGUAGES = ("en", "es")
_LOCALE_DIR = Path(__file__).parent / "locale"

_translations: _gettext.NullTranslations = _gettext.NullTranslations()
_explicit = False
_language = "en"


def active() -> str:
    """The language in use: ``en`` or ``es``."""
    return _language


def N_(message: str) -> str:
    """Mark a string for extraction without translating it yet."""
    return message


def _(message: str) -> str:
    """Translate a string into the active language."""
    return _translations.gettext(message) if message else ""


def ngettext(singular: str, plural: str, number: int) -> str:
    return _translations.ngettext(singular, plural, number)


def number(value: float, digits: int) -> str:
    """A number with so many decimals, as people write it: 24.2 in English, 24,2 in Spanish."""
    shown = f"{value:.{digits}f}"
    return shown.replace(".", ",") if _language == "es" else shown


def activate(language: str) -> None:
    """Use a language (``en`` or ``es``) from now on; an unknown one means English."""
    global _translations, _language
    _language = language if language in LANGUAGES else "en"
    # click's own words ("Usage:", "Missing option") go through the process-wide gettext.
    os.environ["LANGUAGE"] = language
    _gettext.bindtextdomain(DOMAIN, str(_LOCALE_DIR))
    _gettext.textdomain(DOMAIN)
    if language == "en":
        _translations = _gettext.NullTranslations()
        return
    _translations = _gettext.translation(
        DOMAIN, localedir=_LOCALE_DIR, languages=[language], fallback=True
    )


def _base(tag: str | None) -> str | None:
    short = (tag or "").replace("-", "_").split(".")[0].split("_")[0].lower()
    return short if short in LANGUAGES else None


def from_arguments(arguments: Sequence[str]) -> str | None:
    """Read ``--lang X`` or ``--lang=X`` from raw arguments, before click sees them."""
    for position, word in enumerate(arguments):
        if word == "--":
            return None
        if word.startswith("--lang="):
            return _base(word.partition("=")[2])
        if word == "--lang" and position + 1 < len(arguments):
            return _base(arguments[position + 1])
    return None


def choose(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> None:
    """Activate the language asked for on the command line or by the environment."""
    global _explicit
    asked = from_arguments(arguments) or _base(environment.get("LOCALCLOUD_LANG"))
    _explicit = asked is not None
    locale = next(
        (environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)),
        None,
    )
    site = None if asked else _base(peek.language(arguments, environment))
    activate(asked or site or _base(locale) or "en")


def site_language(language: str | None) -> None:
    """Follow the site's language unless the person asked for another one explicitly."""
    known = _base(language)
    if known and not _explicit:
        activate(known)

"""Keeps a site's secrets out of everything that is written down or shown."""

import base64
import html
import json
import re
import shlex
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

MARK = "«redacted»"
# Anything shorter would blacken ordinary words and hide nothing worth hiding.
SHORTEST = 4
# A secret's encodings nest: JSON in JSON, quoted for a shell.
_LINE = 16


def _escaped(text: str) -> set[str]:
    plain, ascii_ = json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1]
    return {plain, ascii_, json.dumps(plain)[1:-1], json.dumps(ascii_)[1:-1], repr(text)[1:-1]}


def _base64(text: str) -> set[str]:
    """What of the secret shows in base64, alone or after 1 or 2 other bytes (``user:secret``)."""
    data = text.encode()
    forms = {base64.b64encode(data).decode()}
    for offset in range(3):
        skip = -(-offset * 8 // 6)  # signs that also hold bits of what stands before
        whole = (offset + len(data)) * 8 // 6
        forms.add(base64.b64encode(b"\0" * offset + data).decode()[skip:whole])
    long = {form.rstrip("=") for form in forms}
    return long | {form.replace("+", "-").replace("/", "_") for form in long}


def forms(secret: str) -> set[str]:
    """Every spelling under which a secret can turn up in output."""
    found = {secret, *_escaped(secret), *_base64(secret)}
    found |= {shlex.quote(secret), shlex.quote(secret)[1:-1], secret.replace("'", "''")}
    found |= {quote(secret), quote(secret, safe=""), quote_plus(secret), html.escape(secret)}
    if "\n" in secret:  # a key: each of its lines, too
        found |= {line for line in secret.splitlines() if len(line) >= _LINE}
    return {form for form in found if len(form) >= SHORTEST}


class Redactor:
    """Replaces secrets in text and in parsed JSON."""

    def __init__(self, secrets: Iterable[str]) -> None:
        every: set[str] = set()
        for secret in secrets:
            if len(text := str(secret).strip()) >= SHORTEST:
                every |= forms(text)
        self._forms = sorted(every, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, self._forms))) if every else None

    def text(self, text: str) -> str:
        # Looking for plain substrings first is many times faster than the alternation.
        if self._pattern is None or not any(form in text for form in self._forms):
            return text
        return self._pattern.sub(MARK, text)

    def data(self, value: Any) -> Any:
        """The same for what came out of JSON; keys and numbers included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self.data(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.data(item) for item in value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            return MARK if self.text(str(value)) != str(value) else value
        return value

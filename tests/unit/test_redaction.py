"""Secrets under every spelling in which programs print them."""

import base64
import html
import json
import shlex
from urllib.parse import quote, quote_plus

import pytest

from localcloud.redaction import MARK, Redactor

SECRET = "pa55'w\"rd ñ&\\$<x>/+"


@pytest.mark.parametrize(
    "shown",
    [
        SECRET,
        json.dumps(SECRET),
        json.dumps(json.dumps({"a": SECRET})),
        json.dumps(SECRET, ensure_ascii=False),
        repr([SECRET]),
        shlex.quote(SECRET),
        quote(SECRET),
        quote_plus(SECRET),
        html.escape(SECRET),
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(b"u:" + SECRET.encode()).decode(),
        base64.b64encode(b"usr:" + SECRET.encode() + b"@host").decode(),
        base64.b64encode(b"admin:" + SECRET.encode()).decode(),
        base64.urlsafe_b64encode(b"12" + SECRET.encode()).decode(),
    ],
)
def test_no_spelling_gets_through(shown):
    text = Redactor([SECRET]).text(f"before {shown} after")
    assert MARK in text and text.startswith("before ") and text.endswith(" after")
    kept = text.replace(MARK, "")
    assert "pa55" not in kept
    assert base64.b64encode(SECRET.encode()).decode()[4:16] not in kept


def test_parsed_data_with_keys_and_numbers():
    data = Redactor(["s3cr3t", "90210"]).data(
        {"s3cr3t": 1, "list": ["x s3cr3t", {"n": 90210, "ok": True, "none": None}], "pi": 3.14}
    )
    assert data == {
        MARK: 1,
        "list": [f"x {MARK}", {"n": MARK, "ok": True, "none": None}],
        "pi": 3.14,
    }


def test_a_keys_lines_are_secret_one_by_one():
    key = "-----BEGIN KEY-----\nMHcCAQEEIODbkfyT4S1x\nAoGCCqGSM49AwEHoUQDQ\n-----END KEY-----\n"
    assert Redactor([key]).text("found AoGCCqGSM49AwEHoUQDQ there") == f"found {MARK} there"


def test_short_words_and_no_secrets_change_nothing():
    assert Redactor([]).text("all of it") == "all of it"
    assert Redactor(["", " ", "on"]).text("turn it on") == "turn it on"

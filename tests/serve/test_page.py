"""Hostile input: the page runs nothing but its own script, whatever the model is called."""

from __future__ import annotations

import base64
import hashlib
import re

from weft.serve.page import POLICY, page

EVIL = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
SCHEMA = {"properties": {EVIL: {"type": "string", "enum": [EVIL], "contentEncoding": "base64", "contentMediaType": EVIL}}, "required": [EVIL]}


def tags(text):
    return [tag.lower() for tag in re.findall(r"<\s*([a-zA-Z]+)", text)]


def test_names_from_the_bundle_are_escaped_everywhere():
    for schema in (SCHEMA, {"properties": {EVIL: {"type": "string", "default": EVIL}}}):
        for token in (True, False):
            text = page({"predict": schema, EVIL: schema}, EVIL, token=token)
            assert tags(text).count("script") == 1 and "img" not in tags(text)


def test_the_policy_allows_this_script_and_style_and_nothing_else():
    text = page({"predict": {}}, "card")
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        (body,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{rule} 'sha256-{digest}';" in POLICY
    assert "unsafe" not in POLICY and "default-src 'none'" in POLICY
    assert not re.search(r"\son\w+=|style=|<[^>]*src=|https?://", text)


def test_with_a_token_the_page_says_nothing_of_the_model():
    text = page({"predict": {"properties": {"income": {"type": "number"}}}}, "a secret card", token=True)
    assert "secret" not in text and "income" not in text and 'name="token"' in text

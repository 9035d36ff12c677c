"""The frame of a report."""

from __future__ import annotations

import base64
import hashlib
import re

from weft.observe.markup import tag
from weft.observe.page import page, section


def test_the_policy_allows_this_style_and_embedded_pictures_only():
    document = page("title", [section("One", tag("p", {}, "text"))])
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', document)
    policy = policy.replace("&#x27;", "'")
    (style,) = re.findall(r"<style>(.*?)</style>", document, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert document.index("Content-Security-Policy") < document.index("<title>") < document.index("<style>")


def test_a_title_is_escaped_and_nothing_is_fetched():
    document = page("</title><script>alert(1)</script>", [])
    assert "<script" not in document
    assert not re.search(r'(?:src|href)="(?!data:)', document) and "@import" not in document and "url(" not in document

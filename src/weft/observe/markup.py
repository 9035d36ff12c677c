"""HTML and SVG that cannot be broken by what it shows: every text is escaped unless it was built here."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

NAME = re.compile(r"[a-z][a-zA-Z0-9-]*\Z")
EMPTY = frozenset({"meta", "img", "br", "hr", "link"})
UNWANTED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")


class Markup(str):
    """Text that is already HTML: only ``tag`` and ``raw`` make it."""

    __slots__ = ()


def raw(text: str) -> Markup:
    """Trust ``text`` as it is: for our own constants (a style sheet, a doctype), never for anything that came from outside."""
    return Markup(text)


def escape(value: Any) -> Markup:
    """``value`` as text that HTML shows as it is; control characters, which no document may hold, become a replacement sign."""
    if isinstance(value, Markup):
        return value
    return Markup(html.escape(UNWANTED.sub("\ufffd", str(value)), quote=True))


def tag(name: str, attributes: Mapping[str, Any] | None = None, *children: Any) -> Markup:
    """One element. Attribute values and children are escaped unless they are ``Markup``; an attribute that is None is left out.

    >>> tag("b", {"title": '"'}, "<script>")
    '<b title="&quot;">&lt;script&gt;</b>'
    """
    assert NAME.match(name) and all(NAME.match(key) and not key.startswith("on") for key in attributes or {})
    pairs = "".join(
        f' {key}="{html.escape(UNWANTED.sub("", str(value)), quote=True)}"' for key, value in (attributes or {}).items() if value is not None
    )
    if name in EMPTY:
        return Markup(f"<{name}{pairs}>")
    return Markup(f"<{name}{pairs}>{''.join(escape(child) for child in children if child is not None)}</{name}>")

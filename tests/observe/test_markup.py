"""HTML that cannot be broken by what it shows."""

from __future__ import annotations

import html
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.observe.markup import Markup, escape, raw, tag


class Reader(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.text, self.values = [], "", []

    def handle_starttag(self, name, attributes):
        self.tags.append(name)
        self.values += [value for _, value in attributes]

    def handle_data(self, data):
        self.text += data


@given(st.text(), st.text())
def test_any_text_stays_text(content, value):
    reader = Reader()
    reader.feed(tag("p", {"title": value}, content))
    reader.close()
    assert reader.tags == ["p"]
    assert reader.text == html.unescape(escape(content)) and len(reader.values) == 1


def test_hostile_texts_stay_text():
    for content in ("<script>alert(1)</script>", "</p><img src=x onerror=alert(1)>", '"><b>', "&lt;b&gt;", "<!--", "]]>"):
        shown = tag("p", {"title": content}, content)
        assert "<script" not in shown and "<img" not in shown and "<b>" not in shown and "<!--" not in shown
        assert html.unescape(str(escape(content))) == content


def test_markup_is_not_escaped_again_but_joined_text_is():
    inner = tag("b", {}, "&")
    assert tag("p", {}, inner, None, "<") == "<p><b>&amp;</b>&lt;</p>"
    assert isinstance(raw("x"), Markup) and not isinstance(inner + "x", Markup)
    assert tag("td", {}, inner + "<i>") == "<td>&lt;b&gt;&amp;amp;&lt;/b&gt;&lt;i&gt;</td>"


def test_characters_that_no_document_may_hold_are_replaced():
    assert escape("a\x00b\x1bc\ud800d\n") == "a\ufffdb\ufffdc\ufffdd\n"
    assert tag("p", {}, "\ud800").encode()


@pytest.mark.parametrize(("name", "attributes"), [("p onload", {}), ("p", {"onclick": "x"}), ("p", {'a="': "x"})])
def test_our_own_slips_are_caught(name, attributes):
    with pytest.raises(AssertionError):
        tag(name, attributes)

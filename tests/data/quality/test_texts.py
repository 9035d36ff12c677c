"""Texts: encodings, mojibake, control characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.data.quality.texts import examine_text, mend_text

WORDS = "Ärger, naïve café – “quoted” … 日本語 и русский 😀 €5 Æsop"


def kinds(data: bytes) -> list[str]:
    return [problem.kind for problem in examine_text(data, "a.txt").problems]


@pytest.mark.parametrize("times", [1, 2])
def test_mojibake_is_undone(times):
    """Property: UTF-8 read as cp1252 (or latin-1 in its gaps) comes back."""
    text = WORDS
    for _ in range(times):
        text = "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in text.encode())
    assert text != WORDS and mend_text(text) == WORDS


def test_good_text_stays():
    for text in (WORDS, "É", "ÉÈ À ÂÊÎ", "Malmö–Göteborg", "plain"):
        assert mend_text(text) == text


@given(st.text())
def test_mending_any_text_ends_and_keeps_ascii(text):
    mended = mend_text(text)
    assert [letter for letter in mended if letter.isascii()] == [letter for letter in text if letter.isascii()]


def test_a_clean_text_has_no_problem():
    examined = examine_text((WORDS + "\n\nmore\ttext\n").encode(), "a.txt")
    assert examined.problems == () and examined.measures == {"characters": len(WORDS) + 12, "words": 14, "lines": 3}


def test_each_kind_of_fault_is_found():
    assert kinds(b"") == ["empty"] and kinds(b" \n") == ["empty"]
    assert kinds("Käse".encode("latin-1")) == ["encoding"] and kinds("Käse".encode("utf-16")) == ["encoding"]
    assert kinds(b"ab\x00c") == ["control"] and kinds("ab\ufffdc".encode()) == ["control"]
    assert kinds("cafÃ©".encode()) == ["mojibake"]


def test_a_fault_is_placed():
    (problem,) = examine_text("one\ntwo\nK\xe4se".encode("latin-1"), "a.txt").problems
    assert str(problem) == "a.txt, row 3: byte 0xe4 at position 9 is not UTF-8; it reads as cp1252. Save it as UTF-8" and problem.severity == "error"
    (problem,) = examine_text(b"one\ntw\x07o", "a.txt").problems
    assert problem.row == 2 and "U+0007" in problem.message


def test_a_cut_utf16_file_is_no_crash():
    assert kinds("Käse".encode("utf-16")[:-1])[0] == "encoding"

"""Lines of text."""

from __future__ import annotations

import pytest

from weft.data import Lines


def test_lines_are_what_lies_between_line_ends(tmp_path):
    """Brute force: Lines against splitting by hand; a form feed inside a line does not end it."""
    path = tmp_path / "a.txt"
    path.write_bytes("one\r\n\n  \ntwo\x0cstill two\u2028too\nthree".encode())
    source = Lines(path)
    assert [r["text"] for r in source] == ["one", "two\x0cstill two\u2028too", "three"]
    assert source.text.startswith("one\r\n\n") and len(source) == 3 and source.key(0) == "one"


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text(" \n")
    with pytest.raises(ValueError, match="holds no text"):
        Lines(tmp_path / "a.txt")

"""GPT-2's alphabet of bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.data.text.byte_level import CHARACTER_OF, alphabet, as_bytes, as_characters, widths


@given(st.binary())
def test_any_bytes_come_back(data):
    """Property: the alphabet is a bijection."""
    assert as_bytes([as_characters(data.decode("utf-8", "surrogateescape"))]) == data


def test_the_alphabet_is_that_of_tokenizers():
    """Parity with tokenizers."""
    assert sorted(CHARACTER_OF.values()) == sorted(pytest.importorskip("tokenizers").pre_tokenizers.ByteLevel.alphabet())


@given(st.text(max_size=30))
def test_widths_add_up(text):
    assert sum(widths(text)) == len(text.encode()) and len(widths(text)) == len(text)


def test_all_bytes_are_printable():
    assert len(set(alphabet().values())) == 256 and all(c.isprintable() and not c.isspace() for c in alphabet().values())

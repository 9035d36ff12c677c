"""Running text and translations."""

from __future__ import annotations

import os

import pytest

from weft.data.sets import texts

needs_mirror = pytest.mark.skipif(not os.environ.get("WEFT_MIRROR"), reason="WEFT_MIRROR is not set")


@needs_mirror
def test_tiny_shakespeare_is_what_was_published():
    """Contract: tiny_shakespeare has 1,115,394 characters, 65 different ones."""
    text = texts.tiny_shakespeare().text
    assert len(text) == 1_115_394 and len(set(text)) == 65 and text.startswith("First Citizen:")


@needs_mirror
def test_multi30k_is_what_was_published():
    """Contract: multi30k has the published sizes, and both sides of a pair are of one picture."""
    assert [len(texts.multi30k(part)) for part in ("train", "val", "test")] == [29_000, 1014, 1000]
    assert texts.multi30k("test")[0] == {"de": "Ein Mann mit einem orangefarbenen Hut, der etwas anstarrt.", "en": "A man in an orange hat starring at something."}
    assert all(pair["de"] and pair["en"] for pair in texts.multi30k("val"))


def test_an_unknown_part_is_refused():
    with pytest.raises(ValueError, match="expected 'train', 'val', 'test'"):
        texts.multi30k("dev")

"""Omniglot's small sets."""

from __future__ import annotations

import os

import pytest

from weft.data.sets.omniglot_set import omniglot

needs_mirror = pytest.mark.skipif(not os.environ.get("WEFT_MIRROR"), reason="WEFT_MIRROR is not set")


@needs_mirror
def test_omniglot_is_what_was_published():
    """Contract: omniglot has 20 drawings of every character of five alphabets, dark strokes on white."""
    for part, characters in ((1, 136), (2, 156)):
        columns = omniglot(part).columns
        assert columns["image"].shape == (20 * characters, 105, 105) and columns["label"].bincount().tolist() == [20] * characters
        assert columns["alphabet"].unique().tolist() == [0, 1, 2, 3, 4] and columns["drawer"].bincount()[1:].tolist() == [characters] * 20
        assert columns["image"].float().mean() > 220 and set(columns["image"].unique().tolist()) == {0, 255}
        assert len(set(columns["character"])) == characters


def test_an_unknown_part_is_refused():
    with pytest.raises(ValueError, match="expected 1 or 2"):
        omniglot(3)

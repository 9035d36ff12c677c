"""The Free Spoken Digit Dataset."""

from __future__ import annotations

import io
import os
import wave
from collections import Counter

import pytest

from weft.data.sets.spoken_digits import fsdd

needs_mirror = pytest.mark.skipif(not os.environ.get("WEFT_MIRROR"), reason="WEFT_MIRROR is not set")


@needs_mirror
def test_fsdd_is_what_was_published():
    """Contract: fsdd has 50 takes of every digit by each of six speakers, split by take, 8 kHz mono."""
    train, test = fsdd("train"), fsdd("test")
    assert Counter((r["label"], r["speaker"]) for r in train) == {(str(d), s): 45 for d in range(10) for s in {r["speaker"] for r in test}}
    assert len(train) == 2700 and len(test) == 300 and {r["index"] for r in test} == set(range(5)) and len({r["speaker"] for r in train}) == 6
    for record in test[::50]:
        with wave.open(io.BytesIO(record["audio"])) as sound:
            assert sound.getframerate() == 8000 and sound.getnchannels() == 1 and sound.getnframes() > 500


def test_an_unknown_part_is_refused():
    with pytest.raises(ValueError, match="expected 'train' or 'test'"):
        fsdd("val")

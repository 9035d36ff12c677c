from __future__ import annotations

import pytest

from weft.recipes import Settings


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"limit": 0.0}, "limit=0.0"),
        ({"limit": 1.5}, "above 0 and up to 1"),
        ({"overfit": -1}, "overfit=-1"),
        ({"ranks": 0}, "at least 1"),
        ({"seed": -1}, "seed=-1"),
        ({"device": "gpu"}, "expected auto, cpu, cuda"),
        ({"quick": True, "overfit": 1}, "two different trials"),
    ],
)
def test_a_setting_that_means_nothing_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Settings(**wrong)


def test_what_belongs_to_the_call_alone_is_not_written_down():
    written = Settings(seed=3, run="somewhere").written()
    assert written["seed"] == 3 and not {"run", "progress"} & set(written)

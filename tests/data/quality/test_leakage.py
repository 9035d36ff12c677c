"""What one split has of another."""

from __future__ import annotations

import pytest

from tests.data.quality.files import drawn, photo
from weft.data import leaks

LONG = "the quick brown fox jumps over the lazy dog and then sleeps in the warm sun of a long afternoon by the river"


def test_planted_leaks_are_found_and_nothing_else():
    train = [{"text": LONG, "label": "a"}, {"text": "something else entirely", "label": "b"}, {"text": "third", "label": "b"}]
    test = [{"text": "unheard of", "label": "a"}, {"text": LONG.upper() + "!", "label": "a"}, {"text": "third", "label": "a"}]
    assert [str(leak) for leak in leaks({"train": train, "test": test})] == ["train[0] is nearly test[1]", "train[2] is also test[2]"]
    assert [leak.how for leak in leaks({"train": train, "test": test}, near=False)] == ["equal"]
    assert leaks({"train": train, "test": test[:1]}) == []


def test_pictures_that_were_scaled_leak():
    train, test = [{"image": drawn(photo(i))} for i in range(4)], [{"image": drawn(photo(9))}, {"image": drawn(photo(2).resize((60, 45)), "JPEG")}]
    assert [str(leak) for leak in leaks({"train": train, "test": test})] == ["train[2] is nearly test[1]"]


def test_duplicates_within_a_split_hide_no_leak():
    parts = {"a": [{"x": 1}, {"x": 1}], "b": [{"x": 2}], "c": [{"x": 1}, {"x": 2}]}
    assert [(leak.first, leak.second) for leak in leaks(parts)] == [(("a", 0), ("c", 0)), (("b", 0), ("c", 1))]


def test_one_split_is_refused():
    with pytest.raises(ValueError, match="two or more"):
        leaks({"train": []})

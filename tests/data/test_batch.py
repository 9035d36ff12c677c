"""Batches: the forms that come, the errors that teach, cutting and moving."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from weft.data.batch import as_batch, move, size, split

CPU = torch.device("cpu")


class Packed:
    """A batch that is no dict: rows of different lengths in one tensor."""

    def __init__(self, rows):
        self.rows, self.device = rows, None

    def __len__(self):
        return len(self.rows)

    def split(self, parts):
        step = math.ceil(len(self.rows) / parts)
        return [Packed(self.rows[i : i + step]) for i in range(0, len(self.rows), step)]

    def to(self, device):
        self.device = device
        return self


def test_pairs_become_input_and_target():
    """Closed form: (x, y), [x, y], (x, y, weight), (x,) and x alone."""
    x, y, w = torch.zeros(3, 2), torch.arange(3), torch.ones(3)
    assert as_batch((x, y)) == {"input": x, "target": y} == as_batch([x, y])
    assert as_batch((x, y, w)) == {"input": x, "target": y, "weight": w}
    assert as_batch((x,)) == {"input": x} == as_batch(x)


def test_a_dict_stays_and_is_a_copy():
    """Property: keys are kept in order; what is added later does not reach the loader's own dict."""
    raw = {"index": torch.arange(2), "input": torch.zeros(2, 5), "text": ["a", "b"]}
    batch = as_batch(raw)
    batch["new"] = torch.zeros(2)
    assert list(raw) == ["index", "input", "text"] and batch["input"] is raw["input"]


def test_lists_are_entries_with_an_item_per_sample():
    """Property: they count, cut and stay behind when tensors move."""
    batch = as_batch({"text": ["a", "b", "c"], "spans": ((1,), (2,), (3,)), "input": torch.arange(3)})
    assert size(batch) == 3
    one, two = split(batch, 2)
    assert (one["text"], two["text"], two["spans"]) == (["a"], ["b", "c"], ((2,), (3,)))
    assert move(batch, CPU)["text"] == ["a", "b", "c"]


def test_other_objects_come_as_they_are():
    """Property: __len__, split(parts) and to(device) are enough."""
    packed = Packed(["a", "bb", "ccc"])
    assert as_batch(packed) is packed and size(packed) == 3
    assert [p.rows for p in split(packed, 2)] == [["a", "bb"], ["ccc"]]
    assert len(split(packed, 99)) == 3  # never more than there are samples
    assert move(packed, torch.device("meta")).device == torch.device("meta")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ((1, 2, 3, 4), "yielded a tuple of 4"),
        ((), "yielded a tuple of 0"),
        ("text", "yielded a str of 4"),
        (7, "yielded a int"),
        (None, "yielded a NoneType"),
    ],
)
def test_what_is_no_batch_is_refused(raw, message):
    """Property: TypeError says what came and what a batch is."""
    with pytest.raises(TypeError, match=rf"{message}\. A batch is a dict of tensors, \(input, target\)"):
        as_batch(raw)


@pytest.mark.parametrize(
    ("raw", "error", "message"),
    [
        ({"input": torch.zeros(4, 2), "mask": torch.zeros(3)}, ValueError, "'mask' has first size 3 but 'input' has 4"),
        ({"input": torch.zeros(2), "text": ["a"]}, ValueError, "'text' has first size 1 but 'input' has 2"),
        ((torch.zeros(2), torch.zeros(3)), ValueError, "'target' has first size 3 but 'input' has 2"),
        ({"input": torch.zeros(1), "beta": torch.tensor(1.0)}, ValueError, "'beta' is a scalar tensor.*constants belong to the method"),
        ({"input": {"left": torch.zeros(2)}}, TypeError, "'input' is a dict.*flatten nested dicts"),
        ({"input": torch.zeros(2), "target": 3}, TypeError, "'target' is a int"),
        ({}, ValueError, "empty dict.*at least one tensor"),
    ],
)
def test_what_does_not_fit_is_named(raw, error, message):
    """Property: the key, what it is, and what to do."""
    with pytest.raises(error, match=message):
        as_batch(raw)


@given(n=st.integers(1, 40), parts=st.integers(1, 60))
def test_pieces_are_never_empty_and_are_the_whole(n, parts):
    """Property: min(parts, n) pieces in order, sizes that differ by one at most."""
    batch = {"input": torch.arange(n), "text": list(range(n))}
    pieces = split(batch, parts)
    sizes = [size(p) for p in pieces]
    assert len(pieces) == min(n, parts) and min(sizes) >= 1 and max(sizes) - min(sizes) <= 1
    assert torch.cat([p["input"] for p in pieces]).tolist() == list(range(n)) == [i for p in pieces for i in p["text"]]


def test_an_empty_batch_is_one_piece():
    """Property: Poisson sampling yields them; they are not cut."""
    assert len(split({"input": torch.zeros(0, 3)}, 4)) == 1


def test_moving_to_where_it_is_changes_nothing():
    """Property: no copy on the CPU; elsewhere every tensor moves, lists do not."""
    batch = {"input": torch.zeros(2), "text": ["a", "b"]}
    assert move(batch, CPU) is batch
    there = move(batch, torch.device("meta"))
    assert there["input"].is_meta and there["text"] is batch["text"]
    assert not move({"input": torch.zeros(2), "target": torch.zeros(2)}, CPU)["input"].is_meta


def test_images_become_channels_last():
    """Property: four dimensions only; the numbers stay."""
    batch = {"input": torch.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5), "video": torch.zeros(2, 3, 2, 2, 2), "target": torch.arange(2), "name": ["a", "b"]}
    moved = move(batch, CPU, channels_last=True)
    assert moved["input"].is_contiguous(memory_format=torch.channels_last) and torch.equal(moved["input"], batch["input"])
    assert moved["video"].is_contiguous() and moved["target"] is batch["target"]

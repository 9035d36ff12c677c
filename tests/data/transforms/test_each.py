"""Transforms and functions of one record at a time."""

from __future__ import annotations

import pytest
import torch

from tests.data.transforms.peers import keyed, picture
from weft.data import Apply, Each, Loader, MultiScale, RandomChoice, RandomFlip, Resize
from weft.data.transforms import geometry
from weft.data.transforms.each import joined, padded


class Cut:
    """A function of one picture (C, H, W) that leaves as many columns as its first pixel says."""

    def __call__(self, x):
        return x[:, :, : int(x[0, 0, 0])]


class Halved:
    """A function with a form for batches; the other one must not be called then."""

    def __call__(self, x):
        raise AssertionError("called for one record")

    def batch(self, x):
        return x / 2


def test_results_of_different_sizes_are_a_list_and_equal_ones_are_stacked():
    """Apply and Each, closed form: columns cut by each record's own number; targets, which agree, stay a tensor."""
    x = torch.ones(3, 1, 2, 4)
    x[:, 0, 0, 0] = torch.tensor([1.0, 3.0, 2.0])
    ragged = Apply(Cut())({"input": x, "target": torch.arange(3)}, keyed(3))
    assert [tuple(one.shape) for one in ragged["input"]] == [(1, 2, 1), (1, 2, 3), (1, 2, 2)] and ragged["target"].tolist() == [0, 1, 2]
    assert torch.equal(Apply(torch.neg)({"input": x}, keyed(3))["input"], -x)
    assert torch.equal(Apply(Halved())({"input": x}, keyed(3))["input"], x / 2)
    lists = Each(MultiScale((4, 8)))({"input": picture(12, 6, 6), "target": torch.arange(12), "name": list("abcdefghijkl")}, keyed(12))
    assert isinstance(lists["input"], list) and {one.shape for one in lists["input"]} == {(3, 4, 4), (3, 8, 8)}
    assert lists["target"].tolist() == list(range(12)) and lists["name"] == list("abcdefghijkl")
    with pytest.raises(ValueError, match="cannot be split") as caught:
        Apply(lambda one: {0: one}.get(len(one)) if int(one[0, 0, 0]) < 3 else refuse())({"input": x}, keyed(3))
    assert "place 1 of the batch" in caught.value.__notes__[0]


def refuse():
    raise ValueError("cannot be split")


def test_by_record_equals_by_batch():
    """Each, property: a transform that draws nothing does the same to records alone and together, and one that draws does it to each its own way."""
    x = picture(6, 9, 12)
    alone, together = (t({"input": x}, keyed(6))["input"] for t in (Each(Resize(5)), Resize(5)))
    assert torch.allclose(alone, together, atol=1e-6)
    flipped = Each(RandomFlip())({"input": x}, keyed(6))["input"]
    turned = [not torch.equal(a, b) for a, b in zip(flipped, x, strict=True)]
    assert 0 < sum(turned) < 6 and all(torch.equal(a, b.flip(-1) if t else b) for a, b, t in zip(flipped, x, turned, strict=True))


def test_a_record_draws_the_same_whoever_is_with_it():
    """Each, property: what becomes of a record follows from its number alone, and the next transform draws other numbers."""
    x, numbers = picture(8, 6, 6), torch.tensor([3, 1, 7])
    several = Each(MultiScale((4, 5, 6, 7)))({"input": x}, keyed(8))["input"]
    chosen = Each(MultiScale((4, 5, 6, 7)))({"input": x[numbers]}, type(keyed(1))(0, 0, numbers))["input"]
    assert all(torch.equal(chosen[place], several[n]) for place, n in enumerate(numbers.tolist()))
    random = keyed(32)
    first, second = ([len(one[0]) for one in Each(MultiScale((4, 8)))({"input": torch.zeros(32, 1, 6, 6)}, random)["input"]] for _ in range(2))
    assert first != second


def test_sizes_of_each_picture_are_padded_to_one_batch():
    """Each with MultiScale, closed form: each picture stands resized at the upper left, the mask is True exactly there, boxes grow with it."""
    x = picture(10, 6, 6)
    batch = {"input": x, "boxes": torch.tensor([[[0.0, 1.0, 3.0, 6.0]]]).repeat(10, 1, 1), "masks": torch.ones(10, 6, 6, dtype=torch.int64)}
    out = Each(MultiScale((6, 9, 12)), pad={"input": -1.0, "masks": -100})(batch, keyed(10))
    sides = out["mask"][:, 0].sum(1).tolist()
    assert set(sides) == {6, 9, 12} and out["input"].shape == (10, 3, 12, 12)
    for i, side in enumerate(sides):
        assert torch.equal(out["input"][i, :, :side, :side], geometry.resize(x[i : i + 1], (side, side))[0])
        assert out["mask"][i].sum() == side * side and bool((out["input"][i].movedim(0, -1)[~out["mask"][i]] == -1).all())
        assert torch.equal(out["masks"][i] == 1, out["mask"][i]) and bool((out["masks"][i][~out["mask"][i]] == -100).all())
        assert torch.allclose(out["boxes"][i, 0], batch["boxes"][i, 0] * side / 6) and out["boxes_mask"][i].all()
    even = Each(Resize(5), pad={"input": 0.0})(batch, keyed(10))
    assert even["mask"].all() and even["mask"].shape == (10, 5, 5)
    none = Each(Resize(5), pad={"input": 0.0})({key: value[:0] for key, value in batch.items()}, keyed(0))
    assert none["mask"].shape == (0, 5, 5) and none["input"].shape == (0, 3, 5, 5)


def test_a_loader_gives_ragged_batches_whole():
    """Each, contract: lists and padded batches go through worker processes as without."""
    records = [{"input": torch.full((1, 6, 6), float(i))} for i in range(10)]
    for transform in (Each(MultiScale((4, 8))), Each(MultiScale((4, 8)), pad={"input": 0.0})):
        for alone, helped in zip(*(Loader(records, None, 4, transforms=[transform], workers=workers) for workers in (0, 2)), strict=True):
            assert alone.keys() == helped.keys() and len(alone["input"]) == len(helped["input"])
            assert all(torch.equal(a, b) for a, b in zip(alone["input"], helped["input"], strict=True))


def test_what_cannot_be_joined_is_said():
    """Each, contract: records with different keys; padded, values of different kinds."""

    class Named:
        def __call__(self, batch, random):
            return batch | {str(int(batch["input"][0, 0, 0, 0])): batch["input"]}

    with pytest.raises(ValueError, match="Named gave one record the keys"):
        Each(Named())({"input": torch.arange(2.0).reshape(2, 1, 1, 1)}, keyed(2))
    with pytest.raises(ValueError, match="as many axes and one type"):
        padded([torch.zeros(2), torch.zeros(2, 2)], 0.0)
    assert isinstance(joined([torch.zeros(2), torch.zeros(2, dtype=torch.int64)]), list)
    one = Each(RandomChoice([Resize(4), Resize(8)], whole=True))({"input": torch.zeros(16, 1, 6, 6)}, keyed(16))["input"]
    assert {value.shape[-1] for value in one} == {4, 8}

"""Transforms made of transforms."""

from __future__ import annotations

import pickle
import threading

import pytest
import torch

from tests.data.transforms.peers import keyed
from weft.data import (
    Arrays,
    ByEpoch,
    Compose,
    Conditional,
    Loader,
    Noise,
    Parallel,
    Random,
    RandomApply,
    RandomChoice,
    RandomFlip,
    Resize,
    SomeOf,
    random_order,
    stages,
)
from weft.data.transforms.compose import branch


class Times:
    """x -> x times a number, which tells afterwards what was applied."""

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, batch, random):
        return batch | {"input": batch["input"] * self.factor}


class Plus(Times):
    def __call__(self, batch, random):
        return batch | {"input": batch["input"] + self.factor}


ONES = {"input": torch.ones(3000, 1)}


def test_a_row_of_transforms_and_its_stages():
    """Contract: Compose equals its last stage, is the same after pickling, and an error names its step."""
    row = [Noise(0.1), RandomFlip(), Noise(0.2)]
    batch = {"input": torch.rand(5, 3, 4, 4)}
    done = Compose(row)(batch, keyed(5))["input"]
    steps = stages(row, batch, keyed(5))
    assert len(steps) == 4 and steps[0] is batch and torch.equal(steps[-1]["input"], done)
    assert torch.equal(pickle.loads(pickle.dumps(Compose(row)))(batch, keyed(5))["input"], done)
    with pytest.raises(ValueError) as caught:
        Compose([Times(1), Noise()])({"input": torch.zeros(2, 3, dtype=torch.int64)}, keyed(2))
    assert "step 1 of 2, Noise" in caught.value.__notes__[0] and "(2, 3)" in caught.value.__notes__[0]


def test_workers_do_not_change_what_is_drawn():
    """Contract: nested random transforms give the same batches with no and with two workers."""
    source = Arrays({"input": torch.rand(12, 3, 6, 6)})
    nest = [RandomChoice([Noise(0.1), Compose([RandomFlip(), Noise(0.3)])], [1, 2]), RandomApply(SomeOf([Noise(0.2), RandomFlip()], (1, 2)), 0.7)]
    runs = [list(Loader(source, batch_size=4, transforms=nest, workers=workers)) for workers in (0, 2)]
    assert all(torch.equal(a["input"], b["input"]) for a, b in zip(*runs, strict=True))


def test_conditions_choose_exactly():
    """Property: Conditional changes the records whose condition is true and no other, by a key, a function, or one bool for all."""
    batch = {"input": torch.rand(50, 2), "large": torch.arange(50) % 3 == 0}
    for condition in ("large", lambda b: b["large"]):
        out = Conditional(Times(2), condition)(batch, keyed(50))["input"]
        assert torch.equal(out, torch.where(batch["large"][:, None], batch["input"] * 2, batch["input"]))
    assert torch.equal(Conditional(Times(2), lambda b: True)(batch, keyed(50))["input"], batch["input"] * 2)
    assert Conditional(Times(2), lambda b: False)(batch, keyed(50)) is batch
    with pytest.raises(ValueError, match="asks for the key 'small'"):
        Conditional(Times(2), "small")(batch, keyed(50))
    with pytest.raises(ValueError, match=r"bool of shape \(50,\)"):
        Conditional(Times(2), lambda b: torch.ones(50))(batch, keyed(50))


def test_a_record_draws_the_same_whoever_else_is_chosen():
    """Property: noise under RandomApply is the record's own, alone or in company."""
    transform = RandomApply(Noise(1.0), 0.5)
    out = transform({"input": torch.zeros(40, 3)}, keyed(40))["input"]
    some = (out != 0).any(1).nonzero()[3:6, 0]
    alone = transform({"input": torch.zeros(3, 3)}, Random(0, 0, some))["input"]
    assert (alone != 0).all() and torch.equal(alone, out[some]) and 8 < (out == 0).all(1).sum() < 32


def test_shares_are_as_weighted():
    """Property: RandomChoice with weights 1:2:0 within three standard deviations; equal ones without; whole batches all at once."""
    out = RandomChoice([Times(2), Times(3), Times(5)], [1, 2, 0])(ONES, keyed(3000))["input"][:, 0]
    counts = [int((out == value).sum()) for value in (2, 3, 5)]
    assert sum(counts) == 3000 and counts[2] == 0 and abs(counts[0] - 1000) < 3 * (3000 * 2 / 9) ** 0.5
    whole = RandomChoice([Times(2), Resize(3)], whole=True)
    seen = {tuple(whole({"input": torch.ones(4, 1, 2, 2)}, keyed(4, epoch=e))["input"].shape[-2:]) for e in range(20)}
    assert seen == {(2, 2), (3, 3)}


def test_probability_and_whole_batches():
    """Property: RandomApply at 0, 0.3 and 1; with whole all records or none."""
    for p, low, high in ((0.0, 0, 0), (0.3, 825, 975), (1.0, 3000, 3000)):
        assert low <= int((RandomApply(Times(2), p)(ONES, keyed(3000))["input"] == 2).sum()) <= high
    counts = [int((RandomApply(Times(2), 0.4, whole=True)(ONES, keyed(3000, epoch=e))["input"] == 2).sum()) for e in range(100)]
    assert set(counts) == {0, 3000} and 24 < sum(count > 0 for count in counts) < 56


def test_some_of_and_every_order():
    """Brute force: SomeOf 2 of 3 in order gives the three pairs; random_order gives the products of all six orders of one multiplication and two
    additions; each about equally often."""
    out = SomeOf([Times(2), Times(3), Times(5)], 2)(ONES, keyed(3000))["input"][:, 0]
    assert set(out.unique().tolist()) == {6, 10, 15} and min((out == v).sum() for v in (6, 10, 15)) > 900
    between = SomeOf([Times(2), Times(3), Times(5)], (0, 3))(ONES, keyed(3000))["input"][:, 0]
    assert set(between.unique().tolist()) == {1, 2, 3, 5, 6, 10, 15, 30} and abs(int((between == 1).sum()) - 750) < 90
    steps = [Times(2), Plus(1), Times(3)]
    orders = random_order(steps)(ONES, keyed(3000))["input"][:, 0]
    assert set(orders.unique().tolist()) == {12, 9, 8, 7} and all(abs(int((orders == v).sum()) - n) < 110 for v, n in ((12, 1000), (7, 1000), (9, 500), (8, 500)))


def test_a_transform_that_changes_shapes_cannot_be_applied_to_some():
    with pytest.raises(ValueError, match=r"Resize made 'input'.*must keep shape and type"):
        RandomApply(Resize(3), 0.5)({"input": torch.zeros(20, 1, 4, 4)}, keyed(20))


def test_parallel_joins_in_order_and_threads_meet():
    """Contract: Parallel equals the serial results in order; with threads its branches wait for each other, which would never end in a row."""
    batch = {"input": torch.rand(4, 2)}
    noisy = [Times(1), Noise(0.1), Noise(0.1)]
    serial, threaded = (Parallel(noisy, threads=n)(batch, keyed(4))["input"] for n in (0, 3))
    assert torch.equal(serial, threaded) and serial.shape == (4, 6) and torch.equal(serial[:, :2], batch["input"])
    assert not torch.equal(serial[:, 2:4], serial[:, 4:])
    meeting = threading.Barrier(2)

    class Meet(Times):
        def __call__(self, batch, random):
            meeting.wait(timeout=20)
            return super().__call__(batch, random)

    summed = Parallel([Times(2), Times(3)], join=sum)(batch, keyed(4))["input"]
    torch.testing.assert_close(summed, batch["input"] * 5)
    with pytest.raises(ValueError, match="'stack' or a function"):
        Parallel([Times(2)], join="sum")
    both = Parallel([Meet(2), Meet(3)], join="stack", threads=2)(batch, keyed(4))["input"]
    assert torch.equal(both, torch.stack([batch["input"] * 2, batch["input"] * 3], 1))


def test_transforms_change_with_the_epoch():
    """Closed form: ByEpoch gives each transform from its epoch on."""
    late = ByEpoch([Times(1), Times(2), Times(3)], [0, 2, 5])
    assert [late({"input": torch.ones(1, 1)}, keyed(1, epoch=e))["input"].item() for e in range(7)] == [1, 1, 2, 2, 2, 3, 3]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: RandomApply(Times(1), 1.1), "from 0 to 1"),
        (lambda: RandomChoice([Times(1)], [-1]), "from 0 on, one of them positive"),
        (lambda: RandomChoice([Times(1), Times(2)], [0, 0]), "one of them positive"),
        (lambda: RandomChoice([]), "at least one"),
        (lambda: SomeOf([Times(1)], 2), "count=2 of 1"),
        (lambda: Parallel([]), "0 transforms"),
        (lambda: ByEpoch([Times(1)], [1]), "from 0 on and rising"),
    ],
)
def test_wrong_arguments_are_named(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_a_branch_of_one_record_draws_numbers_of_its_own():
    """Property: a branch does not repeat what was drawn before it, for a whole batch and for one record of it; it is the branch of that record."""
    whole = keyed(3)
    first = [whole.row(place).uniform() for place in range(3)]
    below = branch(whole, 0)
    assert not any(bool(below.row(place).uniform() == first[place]) for place in range(3))
    row = whole.row(1)
    assert not bool(branch(row, 0).uniform() == first[1])
    assert torch.equal(branch(whole.row(1), 0).uniform(), branch(whole, 0).uniform()[1:2])

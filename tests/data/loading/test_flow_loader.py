"""The loader of flows: the same batches whatever the number of workers, after any restart, over all ranks."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.data import Chain, FlowLoader, Mixed, RecordError
from weft.data.keyed import Random
from weft.engine import Steps, Update, fit
from weft.losses import mse
from weft.methods import Supervised
from weft.observe import Progress
from weft.optim import sgd


def jitter(batch: dict, random: Random) -> dict:
    return batch | {"noise": random.uniform()}


class Picky:
    raw = True

    def __call__(self, record: dict, random: Random) -> dict:
        if record["x"] == 4:
            raise ValueError("no such picture")
        return {"input": torch.tensor(record["x"])}


def numbers(sizes=(7, 0, 9, 4)):
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    return Chain(list(zip(starts, sizes, strict=True)), lambda piece: [{"input": torch.tensor(piece[0] + n)} for n in range(piece[1])], shuffle=True)


def loaded(**arguments):
    return FlowLoader(numbers(arguments.pop("sizes", (7, 0, 9, 4))), None, arguments.pop("batch_size", 3), seed=5, transforms=[jitter], **arguments)


def listed(loader):
    return [(batch["index"].tolist(), batch["input"].tolist(), batch["noise"].tolist()) for batch in loader]


@pytest.mark.parametrize("shuffle", [0, 7])
def test_workers_and_restarts_change_nothing(shuffle):
    """FlowLoader, property: 0, 1, 2 and 4 workers, and a restart after any batch, give the same two epochs, values and noise."""
    straight = loaded(shuffle=shuffle)
    expected = [listed(straight), listed(straight)]
    assert sorted(x for row in expected[0] for x in row[1]) == list(range(20))
    assert expected[0] != expected[1]
    for workers in (1, 2, 4):
        loader = loaded(shuffle=shuffle, workers=workers)
        assert [listed(loader), listed(loader)] == expected
    for workers in (0, 2, 4):
        for stop in range(0, len(expected[0]) + 1, 1 if workers == 0 else 3):
            first = loaded(shuffle=shuffle, workers=workers)
            running, begun = iter(first), []
            for _ in range(stop):
                begun += listed([next(running)])
            state = first.state_dict()
            running.close()
            second = loaded(shuffle=shuffle, workers=workers)
            second.load_state_dict(state)
            assert begun + listed(second) == expected[0]
            assert listed(second) == expected[1]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=4).filter(sum), st.integers(1, 6), st.integers(0, 12), st.integers(1, 4), st.booleans()
)
def test_ranks_share_every_batch(sizes, batch_size, shuffle, world, drop_last):
    """FlowLoader, property: over 1 to 4 ranks each record comes exactly once, in the batches of one process, equally many on every rank."""
    arguments = {"sizes": tuple(sizes), "batch_size": batch_size, "shuffle": shuffle, "drop_last": drop_last}
    alone = listed(loaded(**arguments))
    shares = [listed(loaded(**arguments).shard(rank, world)) for rank in range(world)]
    assert {len(share) for share in shares} == {len(alone)}
    for number, (index, values, noise) in enumerate(alone):
        assert sorted(i for share in shares for i in share[number][0]) == sorted(index)
        for rank, share in enumerate(shares):
            assert share[number] == (index[rank::world], values[rank::world], noise[rank::world])
    whole = [x for _, values, _ in alone for x in values]
    assert len(whole) == (sum(sizes) // batch_size * batch_size if drop_last else sum(sizes)) == len(set(whole))


def test_a_pass_that_was_left_begins_anew():
    loader = loaded()
    first = next(iter(loader))["input"].tolist()
    loader.set_epoch(1)
    loader.set_epoch(0)
    assert next(iter(loader))["input"].tolist() == first


def test_a_bad_record_is_named_with_its_place():
    for workers in (0, 1):
        loader = FlowLoader(Chain([range(6)], lambda p: [{"x": n} for n in p]), None, 2, transforms=[Picky()], workers=workers)
        with pytest.raises(RecordError, match="Record 4: no such picture"):
            list(loader)


def test_a_changed_plan_is_refused():
    state = loaded().state_dict()
    with pytest.raises(ValueError, match="batch_size was 3, now 4"):
        loaded(batch_size=4).load_state_dict(state)
    with pytest.raises(ValueError, match="expected at least 1"):
        loaded(batch_size=0)
    with pytest.raises(ValueError, match="rank must lie"):
        loaded().shard(2, 2)


def test_a_safe_checkpoint_is_told_to_the_flow():
    told = []
    loader = loaded()
    loader.flow.committed = told.append
    next(iter(loader))
    loader.committed(loader.state_dict())
    assert told == [loader.state_dict()["position"]["flow"]]


def test_data_without_an_end_trains_for_as_long_as_asked():
    """FlowLoader, learned: no length is known, so training ends by its own measure, with progress shown, and has learned the line."""
    flow = Mixed([Chain([range(-3, 4)], lambda piece: [{"input": torch.tensor([float(n)]), "target": torch.tensor([2.0 * n])} for n in piece])], stop="repeat")
    loader = FlowLoader(flow, None, 4)
    assert not hasattr(loader, "__len__")
    network = torch.nn.Linear(1, 1)
    state = fit(Supervised(network, mse), loader, Update(sgd(0.05)), until=Steps(120), listeners=[Progress()])
    assert state.step == 120 and abs(network.weight.item() - 2) < 0.01


def full_of_holes(bad, batch_size=3, workers=0, size=11):
    class Hole(Picky):
        def __call__(self, record, random):
            if record["x"] in bad:
                raise ValueError("a hole")
            return {"input": torch.tensor(record["x"])}

    return FlowLoader(Chain([range(size)], lambda p: [{"x": n} for n in p]), None, batch_size, transforms=[Hole(), jitter], workers=workers)


@pytest.mark.parametrize("workers", [0, 2])
def test_unreadable_records_are_left_out_counted_and_bounded(workers):
    """FlowLoader.tolerant, property: records that cannot be read are named and missing, whole batches of them too, wherever one goes on from;
    one more than the budget stops after all."""
    bad = {1, 3, 4, 5, 10}
    loader = full_of_holes(bad, workers=workers).tolerant(5)
    batches = [batch["input"].tolist() for batch in loader]
    assert batches == [[0, 2], [6, 7, 8], [9]]
    assert sorted(loader.failed) == sorted(bad) and loader.failed[4] == "Record 4: a hole"
    again = full_of_holes(bad, workers=workers).tolerant(5)
    running = iter(again)
    next(running)
    state = again.state_dict()
    running.close()
    rest = full_of_holes(bad, workers=workers).tolerant(5)
    rest.load_state_dict(state)
    assert [batch["input"].tolist() for batch in rest] == batches[1:]
    with pytest.raises(RecordError, match="5 records could not be read, more than the budget of 4"):
        list(full_of_holes(bad, workers=workers).tolerant(4))
    with pytest.raises(ValueError, match="number of records from 1 on"):
        loader.tolerant(0)


@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(1, 10)), st.integers(1, 4), st.integers(1, 3), st.sampled_from([1, 2, 11]))
def test_ranks_stay_in_step_over_unreadable_records(bad, batch_size, world, size):
    """FlowLoader.tolerant, property: all ranks get equally many batches, of equal keys and types, which hold every readable record once."""
    bad = {n for n in bad if n >= batch_size}  # the first batch tells the shapes
    shares = [list(full_of_holes(bad, batch_size, size=size).tolerant(20).shard(rank, world)) for rank in range(world)]
    assert world == 1 or len({len(share) for share in shares}) == 1
    assert sorted(n for share in shares for batch in share for n in batch["input"].tolist()) == sorted(set(range(size)) - bad)
    assert all(batch.keys() == {"input", "index", "noise"} and batch["input"].dtype == torch.int64 for share in shares for batch in share)
    assert all(len(batch["noise"]) == len(batch["input"]) == len(batch["index"]) for share in shares for batch in share)


def test_shapes_that_nobody_knows_are_an_error_on_several_ranks():
    with pytest.raises(RecordError, match="None of the first records can be read, so their shapes are not known: Record 0: a hole"):
        list(full_of_holes({0, 1, 2}).tolerant(20).shard(0, 2))
    assert [batch["input"].tolist() for batch in full_of_holes({0, 1, 2}, size=5).tolerant(20)] == [[3, 4]]

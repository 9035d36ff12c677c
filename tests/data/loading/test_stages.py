"""The slow stage, planted at each place, is named."""

from __future__ import annotations

import json
import time

import pytest
import torch

from weft.data import Arrays, Chain, FlowLoader, Loader, Prefetch, Random, bottleneck, stack
from weft.data.loading.stages import STAGES, Watch, made

NAP = 0.01


class Napping:
    """Source, codec and transforms in one, asleep in one stage."""

    def __init__(self, stage):
        self.stage = stage

    def nap(self, stage, value):
        if stage == self.stage:
            time.sleep(NAP)
        return value

    def __len__(self):
        return 12

    def __getitem__(self, i):
        return self.nap("read", {"x": i})

    def fit(self, source):
        return self

    def encode(self, record):
        return self.nap("encode", {"input": torch.tensor(float(record["x"]))})

    def collate(self, encoded):
        return self.nap("collate", stack(encoded))

    def decode(self, prediction):
        return []

    def schema(self):
        return {}

    def spec(self):
        return {}


class Raw:
    raw = True

    def __init__(self, parts):
        self.parts = parts

    def __call__(self, record: dict, random: Random) -> dict:
        return self.parts.nap("raw transforms", record | {"x": record["x"] + 100 * int(random.chance(1.0)[0])})


class After:
    def __init__(self, parts):
        self.parts = parts

    def __call__(self, batch: dict, random: Random) -> dict:
        return self.parts.nap("batch transforms", batch | {"noise": random.uniform()})


def loader(stage, workers=0):
    parts = Napping(stage)
    return Loader(parts, parts, 4, seed=3, transforms=[Raw(parts), After(parts)], workers=workers)


@pytest.mark.parametrize("stage", STAGES[:-2])
def test_a_sleeping_stage_is_named(stage):
    """bottleneck, property: whichever stage sleeps is the slowest, with advice; JSON and text say so."""
    found = bottleneck(loader(stage), batches=2)
    assert found.slowest == stage and stage in str(found) and found.advice in str(found)
    assert json.loads(json.dumps(found.to_json()))["slowest"] == stage


def test_the_batches_looked_at_are_those_of_the_loader():
    """Brute force: step by step gives what the loader gives, and its position does not move."""
    running = loader("nothing")
    stepwise = [made(running, index, Watch(dict.fromkeys(STAGES, 0.0))) for index in running.batches(0, 0)]
    bottleneck(running)
    for one, other in zip(stepwise, running, strict=True):
        assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in other)


class Wide:
    """A batch of records that is slow to move."""

    def __init__(self, batch):
        self.batch = batch

    def __len__(self):
        return len(self.batch["input"])

    def split(self, parts):
        return [self]

    def to(self, device):
        time.sleep(NAP)
        return self


class Widen:
    def __call__(self, batch: dict, random: Random) -> dict:
        return Wide(batch)


@pytest.mark.parametrize("form", ["Loader", "Prefetch"])
def test_a_slow_copy_is_named(form):
    """bottleneck, property: with a device, that of Prefetch too, the copy is a stage; without, it takes nothing."""
    running = Loader(Napping("nothing"), Napping("nothing"), 4, transforms=[Widen()])
    assert bottleneck(running, 2).seconds["copy"] == 0
    found = bottleneck(running, 2, device="cpu") if form == "Loader" else bottleneck(Prefetch(running, "cpu"), 2)
    assert found.slowest == "copy" and "Prefetch" in found.advice


@pytest.mark.parametrize("stage", STAGES[:-2])
def test_a_sleeping_stage_of_a_flow_is_named(stage):
    """bottleneck, property: of a FlowLoader too, the slow stage is named, and the flow stands where it stood."""
    parts = Napping(stage)

    def opened(piece):
        for n in piece:
            yield parts.nap("read", {"x": n})

    flow = Chain([range(5), range(5, 20)], opened)
    next(iter(flow))
    position = flow.state_dict()
    running = FlowLoader(flow, parts, 4, transforms=[Raw(parts), After(parts)])
    assert bottleneck(running, 3).slowest == stage and flow.state_dict() == position


def test_handing_over_counts_only_with_workers():
    assert bottleneck(loader("nothing")).seconds["hand over"] == 0 < bottleneck(loader("nothing", workers=1)).seconds["hand over"]
    rows = bottleneck(Loader(Arrays({"input": torch.zeros(9, 2)}), None, 3))
    assert rows.seconds["read"] > 0 == rows.seconds["encode"]


def test_what_is_no_loader_is_refused():
    with pytest.raises(TypeError, match=r"not list; measure\(\) takes any iterable"):
        bottleneck([1, 2])

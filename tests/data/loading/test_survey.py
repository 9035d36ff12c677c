"""What a loader gives, whatever its batches are made of."""

from __future__ import annotations

import json
from collections import namedtuple
from dataclasses import dataclass

import numpy as np
import torch

from weft.data import Arrays, Chain, FlowLoader, Loader, survey
from weft.data.loading.survey import form

Pair = namedtuple("Pair", "left right")


@dataclass
class Graph:
    nodes: torch.Tensor
    name: str


def test_every_structure_of_batch_is_described():
    """survey, closed form: dicts, lists, tuples, named tuples, data classes, arrays, texts, None, inside of each other."""
    batch = {"a": torch.zeros(2, 3), "b": [np.zeros(4), (None, 1)], "c": Pair(torch.ones(2, dtype=torch.bool), "x"), "d": Graph(torch.zeros(5), "g")}
    expected = {
        "a": "float32 (2, 3)",
        "b": ["float64 (4,)", ["None", "int"]],
        "c": {"left": "bool (2,)", "right": "str"},
        "d": {"nodes": "float32 (5,)", "name": "str"},
    }
    assert form(batch) == expected
    found = survey([batch])
    assert found.batch == expected and found.batches == 1 and found.records is None
    text = str(found)
    assert "a float32 (2, 3)" in text and "b[1][0] None" in text and "d.nodes float32 (5,)" in text and "records: unknown, batches: 1" in text
    assert json.loads(json.dumps(found.to_json()))["batch"]["c"]["right"] == "str"
    assert "first batch: float32 (3,)" in str(survey([torch.zeros(3)])) and "first batch: none" in str(survey([]))


def test_a_loaders_position_stays():
    loader = Loader(Arrays({"input": torch.arange(10.0)}), None, 4, shuffle=True)
    running = iter(loader)
    next(running)
    running.close()
    state = loader.state_dict()
    found = survey(loader)
    assert loader.state_dict() == state and (found.records, found.batches, found.workers) == (10, 3, 0)
    flow = FlowLoader(Chain([range(5)], lambda piece: [{"input": torch.tensor(n)} for n in piece]), None, 2)
    assert survey(flow).batch == {"input": "int64 (2,)", "index": "int64 (2,)"}
    assert [batch["input"].tolist() for batch in flow] == [[0, 1], [2, 3], [4]]


def test_a_plain_loader_of_torch_is_described():
    data = torch.utils.data.TensorDataset(torch.zeros(6, 2), torch.zeros(6))
    found = survey(torch.utils.data.DataLoader(data, batch_size=4))
    assert (found.records, found.batches, found.batch) == (6, 2, ["float32 (4, 2)", "float32 (4,)"])

"""What a step logs, as numbers."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from weft.losses import Loss
from weft.losses.loss import Mean
from weft.observe.logs import Averages, first_rank, jsonable, learning_rates, scalars, unjson


def test_means_are_weighted_by_what_was_counted():
    averages = Averages()
    averages.add({"loss": Mean(torch.tensor(30.0), torch.tensor(3))})
    averages.add({"loss": Mean(torch.tensor(2.0), 1), "norm": torch.tensor([4.0])})
    averages.add({"norm": 2})
    assert averages.means() == {"loss": 8.0, "norm": 3.0}
    assert averages.means() == {}, "each interval starts anew"


def test_means_over_ragged_batches_equal_the_mean_over_all_items():
    items = torch.arange(10.0)
    averages = Averages()
    for part in items.split([1, 6, 3]):
        averages.add({"loss": Loss.mean(part, logs={"twice": 2 * part}).logs["twice"]})
    assert averages.means()["loss"] == pytest.approx(float(2 * items.mean()))


def test_what_is_not_one_number_is_left_out_and_so_is_what_was_never_counted():
    logs = {
        "text": "a",
        "flag": True,
        "vector": torch.ones(2),
        "none": None,
        "empty": Mean(torch.tensor(0.0), 0),
        "good": torch.tensor(1.0, requires_grad=True),
    }
    assert scalars(logs) == {"good": 1.0}


def test_state_goes_on_in_mid_interval():
    whole, first, resumed = Averages(), Averages(), Averages()
    for value in range(4):
        whole.add({"loss": Mean(torch.tensor(float(value)), value + 1)})
    for value in range(2):
        first.add({"loss": Mean(torch.tensor(float(value)), value + 1)})
    resumed.add({"loss": 99.0})
    resumed.load_state_dict(json.loads(json.dumps(first.state_dict())))
    for value in (2, 3):
        resumed.add({"loss": Mean(torch.tensor(float(value)), value + 1)})
    assert resumed.means() == whole.means()


def test_learning_rates_carry_the_update_s_name_only_when_there_are_several():
    bound = lambda lr: SimpleNamespace(optimizer=SimpleNamespace(param_groups=[{"lr": lr}]))  # noqa: E731
    assert learning_rates(SimpleNamespace(updates={"all": bound(torch.tensor(0.5))})) == {"lr": 0.5}
    assert learning_rates(SimpleNamespace(updates={"critic": bound(0.1), "generator": bound(0.2)})) == {"lr/critic": 0.1, "lr/generator": 0.2}


def test_json_is_strict_and_comes_back():
    values = {"nan": math.nan, "up": math.inf, "down": -math.inf, "array": np.float32(2), "tensor": torch.ones(2), "nested": [{1: (1, None)}]}
    text = json.dumps(jsonable(values), allow_nan=False)
    back = json.loads(text)
    assert math.isnan(unjson(back["nan"])) and unjson(back["up"]) == math.inf and unjson(back["down"]) == -math.inf
    assert back["array"] == 2 and back["tensor"] == [1, 1] and back["nested"] == [{"1": [1, None]}] and unjson("word") == "word"


def test_only_rank_zero_writes(monkeypatch):
    monkeypatch.setenv("RANK", "1")
    assert not first_rank()
    monkeypatch.setenv("RANK", "0")
    assert first_rank()

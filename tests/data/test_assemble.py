"""From record numbers to a batch; failures name the record."""

from __future__ import annotations

import pickle

import pytest
import torch

from weft.data import Arrays, Random, RecordError
from weft.data.assemble import Assemble, Failure, encode


class Broken:
    def __len__(self):
        return 4

    def __getitem__(self, i):
        if i == 2:
            raise KeyError("age")
        return {"input": torch.tensor([float(i)])}


def test_transforms_run_in_order_with_their_own_randomness():
    def first(batch: dict, random: Random) -> dict:
        return batch | {"a": random.uniform()}

    def second(batch: dict, random: Random) -> dict:
        return batch | {"b": random.uniform(), "saw": batch["a"]}

    batch = Assemble(Arrays({"input": torch.arange(5)}), None, (first, second), seed=1)(3, torch.tensor([4, 0]))
    assert batch["index"].tolist() == [4, 0] and torch.equal(batch["saw"], batch["a"])
    assert torch.equal(batch["b"], Random(1, 3, torch.tensor([4, 0]), 1).uniform())
    assert not torch.equal(batch["a"], batch["b"])


class Grow:
    raw = True

    def __call__(self, record: dict, random: Random) -> dict:
        return {"input": record["input"] * 10 + random.uniform()[0]}


def test_raw_transforms_change_records_before_they_are_encoded():
    """Each record has its own key, and both kinds of transform keep the number of their place in the list."""

    def later(batch: dict, random: Random) -> dict:
        return batch | {"b": random.uniform()}

    source = Arrays({"input": torch.arange(5.0)})
    batch = Assemble(source, None, (later, Grow()), seed=1)(3, torch.tensor([4, 0]))
    assert torch.equal(batch["b"], Random(1, 3, torch.tensor([4, 0]), 0).uniform())
    assert torch.equal(batch["input"], torch.tensor([40.0, 0.0]) + Random(1, 3, torch.tensor([4, 0]), 1).uniform())
    assert torch.equal(source[4]["input"], torch.tensor(4.0))


@pytest.mark.parametrize("source", [Arrays({"input": torch.ones(3, 2)}), [{"input": torch.ones(2), "name": "x"}] * 3])
def test_a_batch_without_records_keeps_keys_types_and_shapes(source):
    batch = Assemble(source, None, (), 0)(0, torch.arange(0))
    full = Assemble(source, None, (), 0)(0, torch.arange(2))
    assert batch.keys() == full.keys()
    assert batch["input"].shape == (0, 2) and batch["input"].dtype == torch.float32 and len(batch["index"]) == 0


def test_the_error_names_record_and_cause():
    with pytest.raises(RecordError, match="Record 2: KeyError: 'age'") as caught:
        encode(Broken(), None, 2)
    assert caught.value.index == 2 and isinstance(caught.value.__cause__, KeyError)
    assert pickle.loads(pickle.dumps(caught.value)).index == 2


def test_a_worker_hands_the_error_over():
    failure = Assemble(Broken(), None, (), 0)[0, [1, 2]]
    assert isinstance(failure, Failure)
    error = failure.error()
    assert str(error) == "Record 2: KeyError: 'age'" and "Traceback" in error.__notes__[0]


def test_pairs_of_an_ordinary_data_set_get_names():
    pairs = torch.utils.data.TensorDataset(torch.arange(6.0).reshape(3, 2), torch.tensor([0, 1, 0]))
    batch = Assemble(pairs, None, (), 0)(0, torch.tensor([2, 1]))
    assert batch["input"].tolist() == [[4.0, 5.0], [2.0, 3.0]] and batch["target"].tolist() == [0, 1]

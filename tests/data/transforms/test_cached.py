"""Remembering what a transform made."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from tests.data.transforms.peers import keyed
from weft.data import Cached, Noise, Normalize

CODE = "import torch; from weft.data import Cached, Normalize; print(Cached(Normalize((0.5,), (2.0,)))._name({'input': torch.arange(6.0)}))"


class Counted:
    """x -> 2 x, counting the records it saw."""

    def __init__(self):
        self.seen = 0

    def __call__(self, batch, random):
        self.seen += len(batch["input"])
        return {key: value * 2 if key == "input" else value for key, value in batch.items()}

    def __repr__(self):
        return "Counted"


def test_known_records_are_not_computed_again():
    """Contract: Cached gives what the transform gives, computes only new records in any order and company, and hands out copies."""
    inner = Counted()
    cached = Cached(inner, size=10)
    x = torch.rand(6, 3)
    first = cached({"input": x[:4], "index": torch.arange(4)}, keyed(4))
    second = cached({"input": x[[5, 3, 0, 4]], "index": torch.tensor([5, 3, 0, 4])}, keyed(4))
    assert inner.seen == 6 and (cached.hits, cached.misses) == (2, 6)
    assert torch.equal(second["input"], x[[5, 3, 0, 4]] * 2) and second["index"].tolist() == [5, 3, 0, 4]
    first["input"].zero_()
    second["input"].zero_()
    assert torch.equal(cached({"input": x}, keyed(6))["input"], x * 2) and inner.seen == 6
    assert len(cached({"input": x[:0]}, keyed(0))["input"]) == 0


def test_equal_bytes_are_not_equal_records():
    """Property: the same bytes in another shape or type, or for another transform, have another name; more records than fit push out the oldest."""
    cached = Cached(Counted())
    data = torch.arange(16, dtype=torch.int64)
    names = [Cached(Counted())._name({"input": v}) for v in (data.reshape(2, 8), data.reshape(4, 4), data.view(torch.float64).reshape(2, 8), data.to(torch.int32))]
    assert len({*names, Cached(Normalize((0.0,), (1.0,)))._name({"input": data.reshape(2, 8)})}) == 5
    small = Cached(Counted(), size=2)
    for value in (0.0, 1.0, 2.0, 0.0):
        small({"input": torch.full((1, 2), value)}, keyed(1))
    assert (small.hits, small.misses, len(small.kept)) == (0, 4, 2)
    assert cached({"input": torch.zeros(2, 3), "name": ["a", "b"]}, keyed(2))["name"] == ["a", "b"]


def test_names_are_the_same_in_every_process():
    ours = Cached(Normalize((0.5,), (2.0,)))._name({"input": torch.arange(6.0)})
    theirs = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True).stdout.strip()
    assert ours == theirs


def test_random_transforms_are_refused():
    with pytest.raises(ValueError, match="draws random numbers"):
        Cached(Noise())({"input": torch.zeros(2, 3)}, keyed(2))
    with pytest.raises(ValueError, match="at least one record"):
        Cached(Counted(), size=0)

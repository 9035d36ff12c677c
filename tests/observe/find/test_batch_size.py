"""The largest batch that fits is found without a trace."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from weft.engine import Runtime, Update
from weft.losses import mse
from weft.methods import Supervised
from weft.observe import find_batch_size
from weft.observe.find import batch_size
from weft.observe.find.batch_size import foresee, largest, peak, peak_of_process, reset_peak, rows
from weft.optim import adamw


@given(st.integers(0, 5000), st.integers(1, 600), st.integers(1, 4000))
def test_the_search_finds_the_maximum(limit, start, most):
    """largest, brute force: the largest number that fits, asked for at most twice the logarithm of what there is, nothing twice."""
    asked = []
    found = largest(lambda n: asked.append(n) or n <= limit, start, most)
    assert found == min(limit, most)
    assert len(asked) == len(set(asked)) and len(asked) <= 2 * most.bit_length() + start.bit_length() + 2


class Narrow(nn.Module):
    """A network in whose memory ``most`` rows fit."""

    def __init__(self, most):
        super().__init__()
        self.body, self.most = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)), most

    def forward(self, x):
        if len(x) > self.most:
            raise torch.OutOfMemoryError("out of memory")
        return self.body(x)


def test_what_runs_out_of_memory_is_too_large():
    """find_batch_size, closed form: exactly the number of rows that fit; the method is as before."""
    method = Supervised(Narrow(77), mse)
    before = {name: value.clone() for name, value in method.state_dict().items()}
    found = find_batch_size(method, [(torch.randn(5, 3), torch.randn(5, 1))], Update(adamw()), most=1000, memory=1 << 40, runtime=Runtime(precision="float32"))
    assert found.size == 77 and dict(found.tried)[78] is None
    assert "78: too large" in str(found) and str(found).startswith("batches of 77 fit")
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())


def test_the_budget_decides(monkeypatch):
    """find_batch_size, closed form: with a memory of 1,000 bytes and 7 a row, 142 rows; what cannot fit is not even tried."""
    tried = []

    def measured(step, place):
        step()
        return 7 * tried[-1]

    method = Supervised(Narrow(10**6), mse)
    monkeypatch.setattr(batch_size, "peak", measured)
    monkeypatch.setattr(batch_size, "rows", lambda batch, count: tried.append(count) or rows(batch, count))
    found = find_batch_size(method, [(torch.randn(5, 3), torch.randn(5, 1))], most=10_000, memory=1000)
    assert found.size == 142 and max(tried) <= 150


def test_memory_is_measured():
    """peak, property: an allocation of 64 MiB shows, and its release before the next trial too."""
    place = torch.device("cpu")
    small = peak(lambda: torch.ones(1), place)
    large = peak(lambda: torch.ones(16 << 20), place)
    assert large - small > 50 << 20
    assert peak(lambda: torch.ones(1), place) < large - (50 << 20)
    reset_peak()
    assert 0 < peak_of_process() < large


def test_rows_are_repeated_and_lines_foretell():
    """Closed form."""
    repeated = rows({"input": torch.tensor([1, 2, 3]), "text": ["a", "b", "c"]}, 5)
    assert repeated["input"].tolist() == [1, 2, 3, 1, 2] and repeated["text"] == ["a", "b", "c", "a", "b"]
    assert foresee({32: 100, 64: 164}, 128) == 292
    assert foresee({32: 100}, 128) is None and foresee({32: 100, 64: None}, 128) is None


def test_errors_say_what_came():
    with pytest.raises(ValueError, match="Not even one row fits"):
        find_batch_size(Supervised(Narrow(0), mse), [(torch.randn(5, 3), torch.randn(5, 1))], memory=1 << 40)

    class Graphs:
        def __len__(self):
            return 2

        def split(self, parts):
            return [self] * parts

        def to(self, device):
            return self

    with pytest.raises(ValueError, match="the data yields a Graphs"):
        find_batch_size(Supervised(Narrow(1), mse), [Graphs()])

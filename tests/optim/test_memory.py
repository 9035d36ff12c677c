"""Training goes on when memory runs out."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from weft.engine import Epochs, Runtime, Steps, Update, fit
from weft.losses import mse
from weft.methods import Supervised
from weft.optim import MemoryFallback, adamw
from weft.optim.memory import out_of_memory


class Narrow(nn.Module):
    """A network in whose memory no more than ``most`` rows fit."""

    def __init__(self, most=None):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.ReLU(), nn.Linear(8, 2))
        self.most, self.asked = most, []

    def forward(self, x):
        self.asked.append(len(x))
        y = self.body(x)  # statistics and random numbers are used up before memory runs out
        if self.most is not None and len(x) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return y


def data(count=3, rows=12):
    generator = torch.Generator().manual_seed(1)
    return [(torch.randn(rows, 3, generator=generator), torch.randn(rows, 2, generator=generator)) for _ in range(count)]


def trained(most, update, steps=6, **options):
    torch.manual_seed(3)
    method = Supervised(Narrow(most), mse)
    with pytest.warns(UserWarning, match="microbatches"):
        fit(method, data(), update, until=Steps(steps), runtime=Runtime(precision="float32"), **options)
    return method


def test_it_trains_as_with_so_many_microbatches_from_the_start():
    """MemoryFallback, property: bit for bit the training with four microbatches, dropout and batch norm included."""
    fallback = MemoryFallback()
    found = trained(3, Update(adamw(1e-2), estimator=fallback))
    expected = trained(None, Update(adamw(1e-2), microbatches=4))
    assert fallback.parts == 4
    assert found.network.asked[:3] == [12, 6, 3]  # tried whole, in two, in four; then never larger again
    assert max(found.network.asked[3:]) == 3
    for (name, left), right in zip(found.state_dict().items(), expected.state_dict().values(), strict=True):
        assert torch.equal(left, right), name


def test_a_resumed_training_does_not_try_again(tmp_path):
    """MemoryFallback, contract: what it learned is in the checkpoint, and the resumed training is the uninterrupted one."""
    whole = trained(3, Update(adamw(1e-2), estimator=MemoryFallback()))
    trained(3, Update(adamw(1e-2), estimator=MemoryFallback()), steps=3, run=tmp_path)
    again = Supervised(Narrow(3), mse)
    fit(again, data(), Update(adamw(1e-2), estimator=MemoryFallback()), until=Steps(6), run=tmp_path, runtime=Runtime(precision="float32"))
    assert max(again.network.asked) == 3
    for left, right in zip(again.state_dict().values(), whole.state_dict().values(), strict=True):
        assert torch.equal(left, right)


def test_it_gives_up_where_it_cannot_help():
    method = Supervised(Narrow(0), mse)
    with pytest.warns(UserWarning, match="4 microbatches"), pytest.raises(RuntimeError, match="Memory ran out with 3 rows in a microbatch"):
        fit(method, data(), Update(adamw(1e-2), estimator=MemoryFallback(smallest=3)), until=Epochs(1))
    with pytest.raises(ValueError, match="at least one row"):
        MemoryFallback(0)


def test_other_errors_are_not_taken_for_it():
    class Broken(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1))

        def forward(self, x):
            raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        fit(Supervised(Broken(), mse), data(), Update(adamw(1e-2), estimator=MemoryFallback()), until=Steps(1))
    assert out_of_memory(RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"))
    assert not out_of_memory(ValueError("out of memory"))

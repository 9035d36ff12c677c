"""Gradient transforms: what they do to gradients, what they say, what they remember."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from tests.engine.toys import mlp, pairs, weights
from weft.engine import Checkpoints, Steps, Update, fit
from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.optim import Centralise, ClipNorm, ClipValue, Noise, sgd


def filled(*shapes, scale=1.0, dtype=torch.float32):
    parameters = [nn.Parameter(torch.zeros(s, dtype=dtype)) for s in (*shapes, (2,))]
    for p in parameters[:-1]:  # the last one has no gradient
        p.grad = torch.randn(p.shape, dtype=dtype) * scale
    return parameters


@pytest.mark.parametrize("scale", [0.01, 10.0])
def test_clip_norm_is_torchs(scale):
    """ClipNorm, parity: torch.nn.utils.clip_grad_norm_ bit for bit, whether the limit binds or not; the log is the norm before."""
    ours = filled((3, 4), (5,), scale=scale)
    theirs = [nn.Parameter(torch.zeros_like(p)) for p in ours]
    for a, b in zip(ours, theirs, strict=True):
        b.grad = None if a.grad is None else a.grad.clone()
    logs = ClipNorm(1.0)(ours)
    norm = torch.nn.utils.clip_grad_norm_(theirs, 1.0)
    assert torch.equal(logs["grad_norm"], norm)
    assert all((a.grad is None and b.grad is None) or torch.equal(a.grad, b.grad) for a, b in zip(ours, theirs, strict=True))


def test_clip_norm_keeps_low_precision_and_knows_no_gradients():
    """ClipNorm, property: bfloat16 stays bfloat16; without any gradient there is nothing to log."""
    parameters = filled((50,), scale=100, dtype=torch.bfloat16)
    ClipNorm(1.0)(parameters)
    assert parameters[0].grad.dtype == torch.bfloat16 and float(parameters[0].grad.float().norm()) == pytest.approx(1, rel=0.02)
    assert ClipNorm(1.0)([nn.Parameter(torch.zeros(1))]) == {}


def test_clip_value_is_torchs():
    """ClipValue, parity: torch.nn.utils.clip_grad_value_."""
    ours = filled((3, 4), (5,), scale=3)
    wanted = [None if p.grad is None else p.grad.clamp(-0.5, 0.5) for p in ours]
    ClipValue(0.5)(ours)
    assert torch.equal(ours[0].grad, wanted[0]) and torch.equal(ours[1].grad, wanted[1]) and ours[2].grad is None
    assert float(ours[0].grad.abs().max()) == 0.5


@pytest.mark.parametrize("limit", [0, -1])
@pytest.mark.parametrize("kind", [ClipNorm, ClipValue])
def test_limits_are_positive(kind, limit):
    """ClipNorm and ClipValue, property: the error repeats what came."""
    with pytest.raises(ValueError, match=rf"{kind.__name__}\({limit}\): the limit must be positive"):
        kind(limit)


def test_centralise_takes_the_mean_of_each_output():
    """Centralise, closed form: every row of a matrix and every kernel sums to zero, vectors stay, and doing it twice is doing it once."""
    parameters = filled((3, 4), (2, 3, 3, 3), (5,))
    matrix, kernel, vector = (p.grad.clone() for p in parameters[:3])
    Centralise()(parameters)
    torch.testing.assert_close(parameters[0].grad, matrix - matrix.mean(1, keepdim=True))
    torch.testing.assert_close(parameters[1].grad, kernel - kernel.mean((1, 2, 3), keepdim=True))
    assert torch.equal(parameters[2].grad, vector)
    before = parameters[0].grad.clone()
    Centralise()(parameters)
    torch.testing.assert_close(parameters[0].grad, before, rtol=0, atol=1e-6)


def test_noise_has_its_scale_and_is_its_own():
    """Noise, closed form: N(0, scale^2), new at every call, equal for equal seeds; the program's own random state does not move."""
    p = nn.Parameter(torch.zeros(40_000))
    draws = []
    state = torch.get_rng_state()
    for noise in (Noise(0.3, seed=1), Noise(0.3, seed=1), Noise(0.3, seed=2)):
        for _ in range(2):
            p.grad = torch.full((40_000,), 5.0)
            noise([p])
            draws.append(p.grad - 5)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(draws[0], draws[2]) and torch.equal(draws[1], draws[3])
    assert not torch.equal(draws[0], draws[1]) and not torch.equal(draws[0], draws[4])
    assert float(draws[0].std()) == pytest.approx(0.3, rel=0.03) and abs(float(draws[0].mean())) < 5 * 0.3 / math.sqrt(40_000)


def train(folder, until, seed=0):
    torch.manual_seed(seed)
    method = Supervised(mlp(8, 4, 2), cross_entropy)
    fit(method, [next(pairs())], Update(sgd(0.1), on="", gradients=[ClipNorm(1.0), Noise(0.5, seed=3)]), until=Steps(until), run=Checkpoints(folder, every=Steps(1)))
    return weights(method)


def test_noise_resumes_bit_for_bit(tmp_path):
    """Noise, contract: cut at step 2 of 5 and resumed, the noise goes on where it was."""
    whole = train(tmp_path / "whole", 5)
    train(tmp_path / "cut", 2)
    assert torch.equal(train(tmp_path / "cut", 5, seed=9), whole)


def test_transforms_run_in_order_and_may_log():
    """Property: each sees what the one before left; logs are joined, functions that return nothing are fine."""
    seen = []

    def tenfold(parameters):
        for p in parameters:
            p.grad.mul_(10)

    def norm(parameters):
        return {"after": torch.stack([p.grad.norm() for p in parameters]).norm()}

    method = Supervised(mlp(8, 2), cross_entropy)
    update = Update(sgd(0.1), on="", gradients=[ClipNorm(1e-3), tenfold, norm])
    fit(method, [next(pairs())], update, until=Steps(1), listeners=[lambda s, logs: seen.append(logs)])
    assert float(seen[0]["after"]) == pytest.approx(1e-2, rel=1e-3) and float(seen[0]["grad_norm"]) > 1e-2


def test_arrows_come_in_a_sequence():
    """Property: one alone is refused with the way to write it."""
    with pytest.raises(TypeError, match=r"takes a sequence of arrows; write gradients=\[\.\.\.\]"):
        Update(gradients=ClipNorm(1.0))
    with pytest.raises(TypeError, match=r"write after=\[\.\.\.\]"):
        Update(after=lambda progress: None)

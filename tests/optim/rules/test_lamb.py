"""LAMB against timm and pytorch_optimizer, and by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.optim.rules.problems import assert_same_walk
from weft.optim import lamb


def test_twenty_steps_are_those_of_timm():
    """lamb, parity: timm's Lamb without its clip of all gradients, which is ClipNorm's work here; decay on matrices."""
    reference = pytest.importorskip("timm.optim.lamb", exc_type=ImportError)

    def groups(named):
        return reference.Lamb([{"params": [p for _, p in named if (p.ndim > 1) == decays], "weight_decay": 0.1 if decays else 0.0} for decays in (True, False)], lr=0.01, max_grad_norm=None)

    assert_same_walk(lamb(0.01, 0.1), groups)


def test_twenty_steps_are_those_of_the_reference():
    """lamb, parity: pytorch_optimizer's Lamb, which corrects no second moment; without decay the ratio of norms takes that away again."""
    reference = pytest.importorskip("pytorch_optimizer")

    def corrected(optimizer, step):
        if isinstance(optimizer, reference.Lamb):
            optimizer.param_groups[0]["lr"] = 0.01 * (1 - 0.9**step)  # there the rate is divided by the correction of the mean

    assert_same_walk(lamb(0.01, 0.0, eps=0.0), lambda named: reference.Lamb([p for _, p in named], lr=0.01, eps=0.0), shapes={"w": (3, 5), "k": (2, 3, 2)}, before=corrected)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_a_matrix_moves_by_the_rate_times_its_length(scale):
    """lamb, closed form: |step| = lr |w| whatever the gradient's size; biases take Adam's step; a zero matrix starts with Adam's step."""
    torch.manual_seed(0)
    w, zero, b = nn.Parameter(torch.randn(3, 4)), nn.Parameter(torch.zeros(2, 2)), nn.Parameter(torch.randn(3))
    before = [p.detach().clone() for p in (w, zero, b)]
    for p in (w, zero, b):
        p.grad = torch.randn_like(p) * scale
    lamb(0.1, 0.0, eps=1e-12)([("w", w), ("zero", zero), ("b", b)]).step()
    moves = [p.detach() - old for p, old in zip((w, zero, b), before, strict=True)]
    assert moves[0].norm().item() == pytest.approx(0.1 * before[0].norm().item(), rel=1e-5)
    for p, move in ((zero, moves[1]), (b, moves[2])):
        torch.testing.assert_close(move, -0.1 * p.grad.sign(), rtol=1e-4, atol=1e-5)

"""Schedule-free rules: the reference's path, the average that evaluation uses, resuming."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.optim.rules.problems import assert_same_walk, loss, parameters, split
from weft.engine import Evaluation, Steps, Update, fit
from weft.losses import mse
from weft.methods import Supervised
from weft.optim import average_of, schedule_free_adamw, schedule_free_sgd


@pytest.mark.parametrize("warmup", [0, 5])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_twenty_steps_are_those_of_the_reference(warmup, decay):
    """schedule_free_sgd and schedule_free_adamw, parity: pytorch_optimizer's, with warm-up and decay, over twenty steps in float64."""
    reference = pytest.importorskip("pytorch_optimizer")
    assert_same_walk(schedule_free_sgd(0.1, 0.9, decay, warmup), lambda named: reference.ScheduleFreeSGD(split(named, decay), lr=0.1, momentum=0.9, warmup_steps=warmup))
    assert_same_walk(schedule_free_adamw(0.1, weight_decay=decay, warmup=warmup), lambda named: reference.ScheduleFreeAdamW(split(named, decay), lr=0.1, warmup_steps=warmup))


def test_the_average_is_what_the_reference_evaluates():
    """schedule_free_adamw, parity: the follow-up's weights are those after the reference's eval()."""
    reference = pytest.importorskip("pytorch_optimizer")
    ours, theirs = (nn.ParameterDict({n: p for n, p in parameters()}) for _ in range(2))
    holder = nn.Module()
    holder.network, holder.average = ours, average_of(ours)
    rule = schedule_free_adamw(0.1)
    follow, mine, other = rule.average(), rule(list(ours.items())), reference.ScheduleFreeAdamW(theirs.values(), lr=0.1)
    follow.bind(holder)
    for _ in range(20):
        for net, optimizer in ((ours, mine), (theirs, other)):
            optimizer.zero_grad()
            loss(list(net.items())).backward()
            optimizer.step()
        follow(None)
    other.eval()
    for found, wanted, y in zip(holder.average.values(), theirs.values(), ours.values(), strict=True):
        torch.testing.assert_close(found, wanted.detach(), rtol=0, atol=1e-10)
        assert not torch.equal(found, y.detach())


def test_on_a_constant_slope_the_average_is_the_mean_of_the_descent():
    """schedule_free_sgd, closed form: z_t = -t, and x is the mean of z_1 to z_t, so y = (1 - beta) z + beta x."""
    w = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = schedule_free_sgd(1.0, 0.75)([("w", w)])
    for t in range(1, 6):
        w.grad = torch.ones_like(w)
        optimizer.step()
        assert w.item() == pytest.approx(-(0.25 * t + 0.75 * (t + 1) / 2))


def test_evaluation_uses_the_average():
    """schedule_free_sgd, learned: on noisy least squares the average of one fit is nearer to the solution than the weights that moved."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2048, 8, generator=generator)
    truth = torch.randn(8, 1, generator=generator)
    y = x @ truth + torch.randn(2048, 1, generator=generator)
    torch.manual_seed(0)
    method = Supervised(nn.Linear(8, 1, bias=False), mse)
    method.average = average_of(method.network)
    rule = schedule_free_sgd(0.1, 0.9)
    batches = [(x[i : i + 16], y[i : i + 16]) for i in range(0, 2048, 16)]
    state = fit(method, batches, Update(rule, on="network", after=[rule.average()]), until=Steps(512), evaluate=Evaluation(lambda m: {"error": float(nn.functional.mse_loss(m.predict({"input": x})["output"], y))}, every=Steps(512), mode="min"))
    best = torch.linalg.lstsq(x, y).solution.T
    errors = {name: (getattr(method, name).weight - best).norm().item() for name in ("network", "average")}
    assert errors["average"] < 0.8 * errors["network"] and errors["average"] < 0.1
    assert state.metrics["val/error"] == pytest.approx(nn.functional.mse_loss(method.average(x), y).item(), rel=1e-4)


def test_an_average_without_its_update_says_how_it_is_used():
    """schedule_free_sgd, property: the error shows the two lines."""
    rule = schedule_free_sgd()
    with pytest.raises(TypeError, match="works inside its own update"):
        rule.average()(None)
    with pytest.raises(ValueError, match=r"beta=1.0; expected more than 0 and less than 1"):
        schedule_free_sgd(beta=1.0)

"""The whole step in one graph: the same numbers, the same skips, and refusals by name."""

from __future__ import annotations

import copy
import functools

import pytest
import torch
from torch import nn

from tests.engine.toys import mlp, pairs, weights
from weft.engine import Checkpoints, Runtime, Steps, Update, fit
from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.optim import EMA, ClipNorm, Noise, SharpnessAware, adamw, average_of, cosine, lbfgs, sgd, warmup

STEP = Runtime(compile="step")


def both(optimizer, network, steps=12, **settings):
    results = []
    for runtime in (Runtime(), STEP):
        method = Supervised(copy.deepcopy(network), cross_entropy)
        logs = []
        state = fit(method, pairs(), Update(optimizer, **settings), until=Steps(steps), runtime=runtime, listeners=[lambda s, x: logs.append(x)])
        results.append((method, logs, state))
    return results


@pytest.mark.parametrize("optimizer", [adamw(1e-2), sgd(0.1, momentum=0.9)], ids=["adamw", "sgd"])
def test_it_equals_the_eager_step(optimizer):
    """Parity: weights, batch-norm statistics, losses and logged norms, with a schedule, clipping and decay."""
    network = nn.Sequential(nn.Linear(8, 16, bias=False), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2))
    (a, logs, s), (b, other, t) = both(optimizer, network, schedule=warmup(3) | cosine(), gradients=[ClipNorm(0.1)])
    assert t.updates["all"].whole is not None and t.updates["all"].whole.graphs, "the graph was never used"
    for (name, x), y in zip(a.state_dict().items(), b.state_dict().values(), strict=True):
        torch.testing.assert_close(x, y, rtol=1e-4, atol=1e-5, msg=name)
    assert [float(x["loss"]) for x in logs] == pytest.approx([float(x["loss"]) for x in other], rel=1e-4)
    assert float(logs[-1]["grad_norm"]) == pytest.approx(float(other[-1]["grad_norm"]), rel=1e-3)
    assert s.updates["all"].count == t.updates["all"].count == 12


def test_a_non_finite_step_changes_nothing_inside_the_graph():
    """Property: weights and moments keep their values under the flag, the step is counted as skipped."""
    method = Supervised(mlp(8, 4, 2), cross_entropy)
    trail = []

    def data():
        for i, (x, y) in enumerate(pairs(8)):
            if i == 4:
                x[0, 0] = torch.nan
            yield x, y

    def watch(state, logs):
        update = state.updates["all"]
        moments = [v.clone() for p in update.parameters for v in update.optimizer.state[p].values()]
        trail.append((weights(method), moments))

    state = fit(method, data(), Update(adamw(1e-2)), until=Steps(7), runtime=Runtime(compile="step", nonfinite="skip"), listeners=[watch])
    assert torch.equal(trail[3][0], trail[4][0]) and not torch.equal(trail[4][0], trail[5][0])
    assert all(torch.equal(a, b) for a, b in zip(trail[3][1], trail[4][1], strict=True))
    assert (state.skipped, state.updates["all"].count) == (1, 6)


def test_resume_and_follow_ups_work_beside_the_graph(tmp_path):
    """Property: stopped and resumed equals one run; the average follows every step."""

    def train(folder, until):
        torch.manual_seed(0)
        method = Supervised(mlp(8, 4, 2), cross_entropy)
        method.average = average_of(method.network)
        update = Update(adamw(1e-2), on="network", after=[EMA("average", "network", 0.5)])
        data = [next(pairs(8, seed=i)) for i in range(4)]
        fit(method, data, update, until=Steps(until), runtime=STEP, run=Checkpoints(folder, every=Steps(1)))
        return method

    whole = train(tmp_path / "a", 8)
    train(tmp_path / "b", 5)
    rest = train(tmp_path / "b", 8)
    torch.testing.assert_close(weights(whole), weights(rest), rtol=1e-6, atol=1e-7)
    assert not torch.equal(weights(whole.average), weights(whole.network))


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"estimator": SharpnessAware()}, "SharpnessAware"),
        ({"gradients": [Noise(0.1)]}, "Noise"),
        ({"microbatches": 2}, "microbatches"),
        ({"optimizer": lbfgs()}, "Lbfgs"),
    ],
)
def test_what_cannot_be_traced_is_refused_by_name(settings, name):
    """Error: names the arrow and the way out."""
    with pytest.raises(ValueError, match=f"{name}.*objective"):
        fit(Supervised(mlp(8, 2), cross_entropy), pairs(), Update(**settings), until=Steps(1), runtime=STEP)


def test_the_objective_alone_can_be_compiled():
    """Parity: compile="objective" gives the eager numbers."""
    network = mlp(8, 16, 2)
    other = copy.deepcopy(network)
    loss = functools.partial(nn.functional.cross_entropy, reduction="none")  # weft's own is wrapped in a shape check while the tests run
    fit(Supervised(network, loss), pairs(), Update(sgd(0.1)), until=Steps(5))
    fit(Supervised(other, loss), pairs(), Update(sgd(0.1)), until=Steps(5), runtime=Runtime(compile="objective"))
    torch.testing.assert_close(weights(network), weights(other), rtol=1e-4, atol=1e-6)

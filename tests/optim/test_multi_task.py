"""Several tasks: two-dimensional examples by hand, scipy's minima, convex toys, and resuming."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import nn

from weft.engine import Checkpoints, Method, Steps, Update, fit
from weft.losses import Loss, mse
from weft.optim import CommonDescent, GradientBalance, ProjectConflicts, sgd
from weft.optim.multi_task import least_norm, on_simplex


class Pull(Method):
    """One shared point drawn to several centres, each with a stiffness of its own, and a head that only the first task moves."""

    def __init__(self, centres, stiffness=None, start=(0.0, 0.0)):
        super().__init__()
        self.network = nn.Module()
        self.network.point = nn.Parameter(torch.tensor(start))
        self.network.head = nn.Parameter(torch.ones(1))
        self.centres = torch.tensor(centres)
        self.stiffness = stiffness or [1.0] * len(centres)

    def loss(self, batch):
        rows = torch.ones(len(batch["input"]))
        total = None
        for i, (centre, k) in enumerate(zip(self.centres, self.stiffness, strict=True)):
            value = k * (self.network.point - centre).square().sum() / 2 + (0.5 * self.network.head.square().sum() if i == 0 else 0)
            term = Loss.mean(value * rows, name=f"task{i}")
            total = term if total is None else total + term
        return total


class Kept:
    """Remembers the gradients that the optimizer is given."""

    def __init__(self):
        self.seen = []

    def __call__(self, parameters):
        self.seen.append([p.grad.clone() for p in parameters])


def one_step(method, estimator):
    kept = Kept()
    fit(method, [{"input": torch.zeros(4, 1)}], Update(sgd(0.0), on="", estimator=estimator, gradients=[kept]), until=Steps(1))
    return kept.seen[0]


def test_projection_of_two_gradients_by_hand():
    """ProjectConflicts, closed form: (1, 0) and (-1, 1) oppose each other; each gives up its part along the other; a task's own head keeps its gradient."""
    shared, head = one_step(Pull([[-1.0, 0.0], [1.0, -1.0]]), ProjectConflicts())
    first, second = torch.tensor([1.0, 0.0]), torch.tensor([-1.0, 1.0])
    hand = (first - (first @ second) / 2 * second) + (second - (first @ second) * first)
    torch.testing.assert_close(shared, hand)
    torch.testing.assert_close(head, torch.ones(1))


def reference(gradients, orders):
    """The paper's algorithm 1, written out."""
    mended = []
    for i, order in enumerate(orders):
        g = gradients[i].copy()
        for j in order:
            if j != i and g @ gradients[j] < 0:
                g = g - g @ gradients[j] / (gradients[j] @ gradients[j]) * gradients[j]
        mended.append(g)
    return np.array(mended)


def test_projection_of_many_equals_the_algorithm():
    """ProjectConflicts, parity: the paper's algorithm written out with the same orders; two tasks are left without a negative product."""
    rows = torch.randn(5, 4, dtype=torch.float64)
    estimator, generator = ProjectConflicts(seed=3), torch.Generator().manual_seed(3)
    orders = [torch.randperm(5, generator=generator).tolist() for _ in range(5)]
    mended, conflicts = estimator.project(rows)
    np.testing.assert_allclose(mended.numpy(), reference(rows.numpy(), orders))
    assert conflicts == float((rows @ rows.T < 0).sum()) / 20
    for _ in range(20):
        pair = torch.randn(2, 3, dtype=torch.float64)
        mended, _ = ProjectConflicts().project(pair)
        assert (mended * pair.flip(0)).sum(1).min() > -1e-9


def test_agreeing_tasks_are_simply_added():
    """ProjectConflicts, closed form: without conflict the gradient is that of the sum, and the log says so."""
    method = Pull([[-1.0, 0.0], [-1.0, -1.0]])
    logs = {}
    kept = Kept()
    fit(method, [{"input": torch.zeros(4, 1)}], Update(sgd(0.0), on="", estimator=ProjectConflicts(), gradients=[kept]), until=Steps(1), listeners=[lambda s, l: logs.update(l)])
    torch.testing.assert_close(kept.seen[0][0], torch.tensor([2.0, 1.0]))
    assert float(logs["conflicts"]) == 0
    assert float(logs["task0"]) == pytest.approx(1.0)


def scipy_simplex(function, count):
    return minimize(function, np.full(count, 1 / count), bounds=[(0, 1)] * count, constraints={"type": "eq", "fun": lambda w: w.sum() - 1}, method="SLSQP", options={"ftol": 1e-12, "maxiter": 500})


@pytest.mark.parametrize("count", [2, 3, 5])
def test_weights_on_the_simplex_equal_scipys(count):
    """CommonDescent, parity: the least norm and the conflict-averse weights as scipy's SLSQP finds them."""
    rng = np.random.default_rng(count)
    for _ in range(5):
        rows = rng.normal(size=(count, 6)) + 0.5
        gram = rows @ rows.T
        theirs = scipy_simplex(lambda w, gram=gram: w @ gram @ w, count)
        mine = least_norm(gram)
        assert mine.min() >= 0
        assert mine.sum() == pytest.approx(1)
        assert mine @ gram @ mine == pytest.approx(theirs.fun, rel=1e-5, abs=1e-8)
        mean = np.full(count, 1 / count)
        reach = 0.5 * np.sqrt(mean @ gram @ mean)

        def gain(w, gram=gram, mean=mean, reach=reach):
            return float(w @ gram @ mean + reach * np.sqrt(max(w @ gram @ w, 1e-16)))

        assert gain(on_simplex(gain, count)) == pytest.approx(scipy_simplex(gain, count).fun, rel=1e-3, abs=1e-4)


def test_conflict_averse_step_is_the_best_worst_case():
    """CommonDescent, brute force: within the ball |d - g0| <= c |g0|, of 20,000 steps none gives the task that gains least more; c = 0 is the mean."""
    centres = [[-1.0, 0.2], [2.0, -1.5], [0.3, 2.0]]
    (step, _) = one_step(Pull(centres), CommonDescent(aversion=0.5))
    gradients = -torch.tensor(centres)
    mean = gradients.mean(0)
    angle, radius = 2 * torch.pi * torch.rand(20000), 0.5 * mean.norm() * torch.rand(20000).sqrt()
    others = mean + radius[:, None] * torch.stack([angle.cos(), angle.sin()], 1)
    assert (gradients @ step).min() >= (others @ gradients.T).min(1).values.max() - 1e-3
    assert (step - mean).norm() <= 0.5 * mean.norm() + 1e-4
    torch.testing.assert_close(one_step(Pull(centres), CommonDescent(aversion=0.0))[0], mean)
    with pytest.raises(ValueError, match="0 or more and below 1"):
        CommonDescent(aversion=1.0)


def test_every_loss_falls_on_a_convex_toy():
    """CommonDescent, property: between a soft and a stiff task no step raises a loss; plain descent and the averse step raise the soft one's."""

    def history(chosen):
        method, seen = Pull([[0.0, 0.0], [1.0, 0.0]], [1.0, 60.0], start=(0.3, 0.5)), []
        method.network.head.data.zero_()
        fit(
            method,
            [{"input": torch.zeros(2, 1)}],
            Update(sgd(0.01), on="", estimator=chosen),
            until=Steps(60),
            listeners=[lambda s, l: seen.append([float(l["task0"]), float(l["task1"])]) if "task0" in l else None],
        )
        return np.array(seen)

    common = history(CommonDescent())
    assert (np.diff(common, axis=0) <= 1e-6).all()
    assert (common[-1] < common[0] - 0.1).all()
    assert (np.diff(history(None)[:, 0]) > 1e-3).any()


def test_gradient_norms_come_to_one_rate():
    """GradientBalance, closed form: with alpha 0 the weighed norms of tasks 1 and 10 times as stiff meet; the weights add up to 2, none under its least."""
    method = Pull([[1.0, 0.0], [0.0, 1.0]], [1.0, 10.0])
    method.network.head.data.zero_()
    estimator = GradientBalance(alpha=0.0, lr=1e-3, layer="network.point")
    logs = {}
    fit(method, [{"input": torch.zeros(2, 1)}], Update(sgd(0.0), on="", estimator=estimator), until=Steps(300), listeners=[lambda s, l: logs.update(l)])
    a, b = estimator.weights["task0"], estimator.weights["task1"]
    assert a + b == pytest.approx(2.0)
    assert a * 1.0 == pytest.approx(b * 10.0, abs=0.2)
    assert min(a, b) >= 0.01
    assert float(logs["weight/task0"]) == pytest.approx(a, abs=0.1)
    with pytest.raises(ValueError, match="begins with 'trunk'"):
        one_step(Pull([[1.0, 0.0], [0.0, 1.0]]), GradientBalance(layer="trunk"))
    with pytest.raises(ValueError, match="least between 0 and 1"):
        GradientBalance(least=1.0)


def test_who_lags_gets_more():
    """GradientBalance, property: of two tasks of equal slope the one that has kept more of its first loss gains weight, the more so with alpha."""
    gains = []
    for alpha in (0.5, 2.0):
        estimator = GradientBalance(alpha=alpha, lr=0.01)
        estimator.weights, estimator.first = {"task0": 1.0, "task1": 1.0}, {"task0": 1.0, "task1": 0.6}
        method = Pull([[1.0, 0.0], [0.0, 1.0]])
        method.network.head.data.zero_()
        fit(method, [{"input": torch.zeros(2, 1)}], Update(sgd(0.0), on="", estimator=estimator), until=Steps(30))
        gains.append(estimator.weights["task1"] - 1)
    assert 0 < gains[0] < gains[1]


class Trunk(Method):
    """A real network with two heads and dropout."""

    def __init__(self):
        super().__init__()
        self.network = nn.ModuleDict({"trunk": nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Dropout(0.2)), "a": nn.Linear(8, 1), "b": nn.Linear(8, 1)})

    def loss(self, batch):
        h = self.network["trunk"](batch["input"])
        y = batch["input"].sum(1)
        return Loss.mean(mse(self.network["a"](h)[:, 0], y), name="a") + 0.5 * Loss.mean(mse(self.network["b"](h)[:, 0], -y), batch["mask"], name="b")


def data():
    generator = torch.Generator().manual_seed(0)
    return [{"input": torch.randn(8, 3, generator=generator), "mask": torch.arange(8) % 3 > 0} for _ in range(3)]


MAKE = {
    "project_conflicts": lambda: ProjectConflicts(seed=1),
    "common_descent": CommonDescent,
    "averse": lambda: CommonDescent(aversion=0.4),
    "gradient_balance": lambda: GradientBalance(lr=0.05),
}


@pytest.mark.parametrize("name", MAKE)
def test_several_tasks_resume_bit_for_bit_and_add_up_over_pieces(name, tmp_path):
    """ProjectConflicts, CommonDescent and GradientBalance, contract: stopped and resumed they end where one run does; two microbatches with a mask too."""
    ends = {}
    for key, steps, folder, pieces in (("straight", 7, "s", 1), ("half", 3, "h", 1), ("resumed", 7, "h", 1)):
        torch.manual_seed(0)
        method = Trunk()
        fit(method, data(), Update(sgd(0.1), on="", estimator=MAKE[name](), microbatches=pieces), until=Steps(steps), run=Checkpoints(tmp_path / folder, every=Steps(1)))
        ends[key] = torch.cat([p.detach().flatten() for p in method.parameters()])
    assert torch.equal(ends["straight"], ends["resumed"])
    whole = []
    for pieces in (1, 2):
        torch.manual_seed(0)
        method = Trunk()
        method.network["trunk"][2].p = 0.0
        fit(method, data(), Update(sgd(0.1), on="", estimator=MAKE[name](), microbatches=pieces), until=Steps(4))
        whole.append(torch.cat([p.detach().flatten() for p in method.parameters()]))
    torch.testing.assert_close(whole[0], whole[1], rtol=1e-4, atol=1e-5)
    plain = Trunk()
    assert not torch.equal(whole[0], torch.cat([p.detach().flatten() for p in plain.parameters()]))

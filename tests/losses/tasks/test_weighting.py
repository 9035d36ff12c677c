"""Weights of tasks by their minima, their formulas, and training."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from weft.engine import Checkpoints, Method, Steps, Update, fit
from weft.losses import (
    DynamicAverage,
    Loss,
    SoftmaxWeights,
    UncertaintyWeights,
    chebyshev,
    constrained,
    guarded,
    magnitude_weights,
    mse,
    progress_weights,
    weighed,
)
from weft.optim import sgd


def two(a=2.0, b=6.0):
    return Loss.mean(torch.full((4,), a), name="a") + Loss.mean(torch.full((2,), b), name="b")


def test_fixed_weights_scale_their_terms():
    """weighed, closed form: 0.5 * 2 + 6; unknown names and weights that could be trained are refused."""
    assert weighed(two(), {"a": 0.5}).value.item() == 7.0
    assert weighed(0.1 * two(), {"a": 0.5}).value.item() == pytest.approx(0.7)
    with pytest.raises(ValueError, match="Unknown term 'c'"):
        weighed(two(), {"c": 1.0})
    with pytest.raises(TypeError, match="fall without end"):
        weighed(two(), {"a": nn.Parameter(torch.ones(()))})


@pytest.mark.parametrize(("kind", "least"), [("plain", math.log(6.0)), ("regression", math.log(6.0)), ("classification", math.log(12.0))])
def test_the_least_lies_where_the_paper_says(kind, least):
    """UncertaintyWeights, closed form: for a fixed loss L descent ends at log L, for classification at log 2 L, and the value there is the formula's."""
    weights = UncertaintyWeights({"b": kind}).double()
    loss = Loss.mean(torch.full((2,), 6.0, dtype=torch.float64), name="b")
    optimizer = torch.optim.SGD(weights.parameters(), lr=0.3)
    for _ in range(400):
        optimizer.zero_grad()
        weights(loss).value.backward()
        optimizer.step()
    assert weights.log_variance.item() == pytest.approx(least, abs=1e-5)
    half, price = {"plain": (1, 1), "regression": (0.5, 0.5), "classification": (1, 0.5)}[kind]
    assert weights(loss).value.item() == pytest.approx(half * math.exp(-least) * 6 + price * least, rel=1e-5)


def test_uncertainty_is_held_logged_and_exact():
    """UncertaintyWeights, property: gradcheck through losses and log-variances; a wild one is cut back; other terms and kinds are refused."""
    weights = UncertaintyWeights({"a": "regression", "b": "classification"}).double()

    def value(s, x):
        weights.log_variance.data.copy_(s)
        loss = Loss.mean(x.square(), name="a") + Loss.mean(x.abs(), name="b")
        return torch.func.functional_call(weights, {"log_variance": s.clone()}, (loss,)).value.double()

    s, x = torch.randn(2, dtype=torch.float64, requires_grad=True), torch.randn(5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(value, (s, x), atol=1e-4, eps=1e-3, rtol=1e-2)  # Loss.value adds its terms in float32
    weights.log_variance.data.fill_(99.0)
    logs = weights(two()).logs
    assert float(logs["weight/a"]) == pytest.approx(0.5 * math.exp(-10))
    with pytest.raises(ValueError, match="the loss has a, b"):
        UncertaintyWeights(["a"])(two())
    with pytest.raises(ValueError, match="Did you mean 'regression'"):
        UncertaintyWeights({"a": "regresion"})


class Both(Method):
    """Two tasks of different size on one trunk."""

    def __init__(self, weights):
        super().__init__()
        self.network, self.weights = nn.Linear(3, 2), weights

    def loss(self, batch):
        out = self.network(batch["input"])
        target = batch["target"]
        return self.weights(Loss.mean(mse(out[:, 0], target), name="a") + Loss.mean(100 * mse(out[:, 1], target.sin()), name="b"))


def batches(count=4):
    generator = torch.Generator().manual_seed(0)
    return [{"input": (x := torch.randn(16, 3, generator=generator)), "target": x.sum(1) + torch.randn(16, generator=generator)} for _ in range(count)]


def test_learned_weights_stay_within_bounds_and_resume(tmp_path):
    """UncertaintyWeights, SoftmaxWeights and DynamicAverage, property: trained with the network, the sum of weights is kept, the large task is scaled down,
    and a resumed run ends bit for bit where the straight one does, microbatches included."""
    for make in (lambda: UncertaintyWeights(["a", "b"]), lambda: SoftmaxWeights(["a", "b"], least=0.1), lambda: DynamicAverage(["a", "b"], every=4, least=0.2)):
        ends = []
        for steps, folder in ((12, "straight"), (5, "halves"), (12, "halves")):
            torch.manual_seed(0)
            method = Both(make())
            fit(method, batches(), Update(sgd(0.01), on=""), until=Steps(steps), run=Checkpoints(tmp_path / type(method.weights).__name__ / folder, every=Steps(1)))
            ends.append(method.state_dict())
        assert all(torch.equal(ends[0][k], ends[2][k]) for k in ends[0])
        if isinstance(method.weights, UncertaintyWeights):
            assert method.weights.log_variance[1] > method.weights.log_variance[0] + 0.05
        else:
            weights = method.weights.weights()
            assert weights.sum().item() == pytest.approx(2.0)
            assert weights.min() >= 0.2 - 1e-6
            assert weights[0] != weights[1]


def test_softmax_weights_never_starve_a_task():
    """SoftmaxWeights, closed form: logits of +-50 leave the other task twice its least share; plain ones weigh 1."""
    weights = SoftmaxWeights(["a", "b"], least=0.1)
    with torch.no_grad():
        weights.logits.copy_(torch.tensor([50.0, -50.0]))
    torch.testing.assert_close(weights.weights(), torch.tensor([1.8, 0.2]))
    assert weights(two()).value.item() == pytest.approx(1.8 * 2 + 0.2 * 6)
    with pytest.raises(ValueError, match=r"\[0, 0.5\)"):
        SoftmaxWeights(["a", "b"], least=0.5)


def test_dynamic_average_is_the_papers():
    """DynamicAverage, closed form: after two periods of means (4, 1) and (2, 1) the weights are 2 softmax([0.5, 1] / T); evaluation moves nothing."""
    weights = DynamicAverage(["a", "b"], every=2, temperature=2.0)
    for a in (5.0, 3.0, 2.5):
        weights(two(a, 1.0))
        assert (weights.weights() == 1).all()
    weights(two(1.5, 1.0))
    torch.testing.assert_close(weights.weights(), 2 * torch.tensor([0.25, 0.5]).softmax(0))
    before = {k: v.clone() for k, v in weights.state_dict().items()}
    weights.eval()(two(9.0, 9.0))
    assert all(torch.equal(v, before[k]) for k, v in weights.state_dict().items())
    with pytest.raises(ValueError, match="a period of at least 1"):
        DynamicAverage(["a"], every=0)


def test_guards_magnitudes_and_progress():
    """guarded, magnitude_weights and progress_weights, closed form: sums are kept, weighed losses are equal, a finished task weighs nothing."""
    weights = guarded(torch.tensor([0.0, 0.0, 3.0]), 0.1)
    torch.testing.assert_close(weights, torch.tensor([0.1, 0.1, 2.8]))
    values = torch.tensor([0.5, 4.0, 20.0])
    scaled = magnitude_weights(values) * values
    torch.testing.assert_close(scaled, scaled[:1].expand(3))
    assert magnitude_weights(values).sum().item() == pytest.approx(3.0)
    torch.testing.assert_close(progress_weights(torch.tensor([0.25, 1.0]), gamma=2.0), torch.tensor([0.75**2 * math.log(4), 0.0]))
    for wrong, text in ((lambda: guarded(values, 1.0), "share of the mean"), (lambda: magnitude_weights(-values), "positive"), (lambda: progress_weights(values), "metrics in")):
        with pytest.raises(ValueError, match=text):
            wrong()


def test_chebyshev_takes_the_worst_and_reaches_a_hollow_front():
    """chebyshev, closed form: max w (L - z); on the concave front L = (x, sqrt(1 - x^2)) equal preferences end at x = sqrt(1/2), where a sum ends at a corner."""
    assert chebyshev(two(), {"a": 5.0, "b": 1.0}).value.item() == 10.0
    assert chebyshev(two(), {"a": 5.0, "b": 1.0}, {"a": 1.5}).value.item() == 6.0
    assert chebyshev(two(), {"a": 5.0, "b": 1.0}, {"a": 0.5}).value.item() == 7.5
    ends = []
    for combine in (lambda loss: chebyshev(loss, {"a": 1.0, "b": 1.0}), lambda loss: loss):
        x = torch.tensor([0.4], requires_grad=True)
        for _ in range(400):
            loss = combine(Loss.mean(x, name="a") + Loss.mean((1 - x.square()).clamp(min=1e-4).sqrt(), name="b"))
            (slope,) = torch.autograd.grad(loss.value, x)
            x = (x - 0.005 * slope).clamp(0, 0.999).detach().requires_grad_()
        ends.append(x.item())
    assert ends[0] == pytest.approx(math.sqrt(0.5), abs=0.02)
    assert ends[1] == 0
    with pytest.raises(ValueError, match="positive preference for each of a, b"):
        chebyshev(two(), {"a": 1.0})


def test_limits_cost_only_where_they_are_broken():
    """constrained, closed form: a kept limit adds nothing, a broken one its excess times the weight, with the gradient to go with it."""
    assert constrained(two(), "a", {"b": 7.0}).value.item() == 2.0
    assert constrained(two(), "a", {"b": 5.5}, weight=4.0).value.item() == 4.0
    x = torch.full((3,), 2.0, requires_grad=True)
    loss = constrained(Loss.mean(x, name="a") + Loss.mean(3 * x, name="b"), "a", {"b": 1.0}, weight=2.0)
    loss.value.backward()
    torch.testing.assert_close(x.grad, torch.full((3,), (1 + 2 * 3) / 3))
    assert loss.couples
    assert float(constrained(two(), "a", {}).logs["b"]) == 6.0
    with pytest.raises(ValueError, match="Unknown term 'c'"):
        constrained(two(), "c", {})

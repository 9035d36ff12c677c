"""Penalties and proximal steps: slopes by hand, exact zeros, scikit-learn's solutions."""

from __future__ import annotations

import math
import warnings

import pytest
import torch
from torch import nn

from weft.engine import Method, Steps, Update, fit
from weft.losses import Loss, cross_entropy
from weft.methods import Supervised
from weft.optim import (
    Penalised,
    Progress,
    Proximal,
    SharpnessAware,
    adamw,
    confidence,
    elastic_net,
    group_lasso,
    l1,
    l2,
    linear,
    orthogonality,
    sgd,
    spectral,
)
from weft.optim.penalties import as_groups, proximal, weights_of


def slope(function, w):
    w = w.detach().clone().requires_grad_()
    function([w]).backward()
    return w.grad


def matrix(seed=0, shape=(3, 4)):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_slopes_by_hand():
    """l1, l2 and elastic_net, closed form: sign w; 2 w, w and w / |w|; their mixture."""
    w = matrix()
    torch.testing.assert_close(slope(l1, w), w.sign())
    for form, wanted in (("squared", 2 * w), ("half", w), ("norm", w / w.norm())):
        torch.testing.assert_close(slope(lambda p, form=form: l2(p, form=form), w), wanted)
    torch.testing.assert_close(slope(lambda p: elastic_net(p, share=0.3), w), 0.3 * w.sign() + 0.7 * w)


PENALTIES = [l1, l2, lambda p: l2(p, form="norm"), elastic_net, group_lasso, lambda p: group_lasso(p, by="columns"), lambda p: group_lasso(p, by="tensor"), orthogonality, spectral]


@pytest.mark.parametrize("penalty", PENALTIES)
def test_slopes_are_those_of_differences(penalty):
    """l1, l2, elastic_net, group_lasso, orthogonality and spectral, closed form: gradcheck in float64; bfloat16 stays finite; nothing to penalise gives 0."""
    w = matrix().requires_grad_()
    assert torch.autograd.gradcheck(lambda p: penalty([p]), (w,))
    assert torch.isfinite(slope(penalty, matrix().bfloat16())).all()
    assert penalty([]).item() == 0


@pytest.mark.parametrize("penalty", PENALTIES[:7])
def test_zeros_have_a_slope_of_zero(penalty):
    """l1, l2, elastic_net and group_lasso, property: at a tensor of zeros, and at one row of zeros, the slope is zero and not NaN."""
    assert torch.equal(slope(penalty, torch.zeros(3, 4)), torch.zeros(3, 4))
    w = matrix()
    w[1] = 0
    assert torch.isfinite(slope(penalty, w)).all() and slope(penalty, w)[1].norm() < 10


def test_structured_penalties_by_hand():
    """group_lasso, orthogonality, spectral and confidence, closed form: sums of row norms; 0 for orthogonal matrices; the largest singular value; negative entropy."""
    w = matrix()
    assert group_lasso([w]).item() == pytest.approx(2 * w.norm(dim=1).sum().item())
    assert group_lasso([w], by="columns").item() == pytest.approx(math.sqrt(3) * w.norm(dim=0).sum().item())
    q = torch.linalg.qr(matrix(shape=(5, 3)))[0]
    assert orthogonality([q]).item() == pytest.approx(0, abs=1e-20) and orthogonality([q.T]).item() == pytest.approx(0, abs=1e-20)
    assert orthogonality([2 * q]).item() == pytest.approx(3 * 9)
    assert spectral([w]).item() == pytest.approx(torch.linalg.svdvals(w)[0].item() ** 2)
    assert spectral([matrix(shape=(4, 2, 3, 3))]).item() > 0
    logits = matrix(shape=(5, 7))
    torch.testing.assert_close(confidence(logits), -torch.distributions.Categorical(logits=logits).entropy())
    assert torch.isfinite(confidence(torch.tensor([[1e30, -1e30, 0.0]]))).all()


def test_a_modules_weights_are_its_trainable_matrices():
    """weights_of, closed form: no biases, no norms, nothing frozen, nothing skipped."""
    net = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3), nn.Linear(3, 1), nn.Linear(1, 1))
    net[3].weight.requires_grad_(False)
    assert [tuple(w.shape) for w in weights_of(net)] == [(3, 2), (1, 3)]
    assert [tuple(w.shape) for w in weights_of(net, "0")] == [(1, 3)]
    assert l1(net, skip="0").item() == pytest.approx(net[2].weight.abs().sum().item())


def test_half_l2_is_sgds_weight_decay():
    """l2, closed form: with factor a half, the penalty lambda and SGD's weight_decay lambda take the same ten steps."""
    ends = []
    for penalty, decay in ((0.1, 0.0), (0.0, 0.1)):
        torch.manual_seed(0)
        method = Supervised(nn.Linear(3, 2).double(), cross_entropy)
        x, y = torch.randn(6, 3, dtype=torch.float64), torch.tensor([0, 1, 0, 1, 1, 0])
        estimator = Penalised({"l2": penalty / 2}) if penalty else None
        fit(method, [(x, y)], Update(sgd(0.5, weight_decay=decay), on="", estimator=estimator), until=Steps(10))
        ends.append([p.detach() for p in method.parameters()])
    for a, b in zip(*ends, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


class LeastSquares(Method):
    """scikit-learn's objective of a linear model: half the mean of squares."""

    def __init__(self, features):
        super().__init__()
        self.network = nn.Linear(features, 1, bias=False).double()
        nn.init.zeros_(self.network.weight)

    def loss(self, batch):
        return Loss.mean((self.network(batch["input"]) - batch["target"]).square()[:, 0] / 2)


def regression():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(60, 8, generator=generator, dtype=torch.float64)
    truth = torch.tensor([2.0, -1.0, 0, 0, 0.5, 0, 0, 0], dtype=torch.float64)
    y = x @ truth[:, None] + 0.3 * torch.randn(60, 1, generator=generator, dtype=torch.float64)
    rate = 1 / float(torch.linalg.eigvalsh(x.T @ x / 60)[-1])
    return x, y, rate


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_the_solution_is_scikit_learns(share):
    """Proximal, parity: gradient and proximal steps end at scikit-learn's Lasso and ElasticNet, zeros and all."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    x, y, rate = regression()
    method = LeastSquares(8)
    follow = Proximal("network", {"l1": 0.2 * share, "l2": 0.2 * (1 - share) / 2}, rate=rate)
    fit(method, [(x, y)], Update(sgd(rate), on="", after=[follow]), until=Steps(500))
    reference = linear_model.ElasticNet(alpha=0.2, l1_ratio=share, fit_intercept=False, tol=1e-14, max_iter=100_000).fit(x.numpy(), y.numpy()[:, 0])
    found = method.network.weight.detach()[0]
    torch.testing.assert_close(found, torch.from_numpy(reference.coef_), rtol=0, atol=2e-3 if share < 1 else 1e-8)
    assert ((found == 0) == torch.from_numpy(reference.coef_ == 0)).all() and 3 <= int((found == 0).sum()) < 8


def test_the_penalty_in_the_loss_reaches_the_same_value():
    """elastic_net, parity: scikit-learn's ElasticNet by its objective's value, reached within a thousandth by the slope alone, without exact zeros."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    x, y, rate = regression()
    method = LeastSquares(8)
    fit(method, [(x, y)], Update(sgd(rate), on="", estimator=Penalised({"elastic_net": 0.2}), schedule=linear()), until=Steps(600))
    reference = linear_model.ElasticNet(alpha=0.2, l1_ratio=0.5, fit_intercept=False, tol=1e-14, max_iter=100_000).fit(x.numpy(), y.numpy()[:, 0])

    def value(w):
        return ((x @ w - y[:, 0]).square().mean() / 2 + 0.2 * elastic_net([w])).item()

    best = value(torch.from_numpy(reference.coef_))
    assert best <= value(method.network.weight.detach()[0]) < 1.001 * best


def test_whole_groups_go_to_zero():
    """Proximal, learned: inputs that carry nothing lose all their weights in a layer of ten units, those that do keep theirs."""
    torch.manual_seed(0)
    x = torch.randn(256, 6, dtype=torch.float64)
    network = nn.Sequential(nn.Linear(6, 10), nn.Tanh(), nn.Linear(10, 2)).double()
    method = Supervised(network, cross_entropy)
    follow = Proximal("network.0", {"columns": 0.03}, rate=0.5)
    fit(method, [(x, (x[:, 0] + x[:, 3] > 0).long())], Update(sgd(0.5), on="", after=[follow]), until=Steps(200))
    assert (network[0].weight == 0).all(0).tolist() == [False, True, True, False, True, True]


@pytest.mark.parametrize("name", ["l1", "l2", "rows", "columns", "tensor"])
def test_a_proximal_step_is_the_minimum(name):
    """Proximal, brute force: no point near or far has a smaller |u - w|^2 / 2 + t penalty(u); a long step is exactly zero, but for l2."""
    penalty = {"l1": l1, "l2": l2, "rows": group_lasso, "columns": lambda p: group_lasso(p, by="columns"), "tensor": lambda p: group_lasso(p, by="tensor")}[name]
    torch.manual_seed(0)
    w = torch.randn(3, 4, dtype=torch.float64)
    for t in (0.05, 0.3):
        found = proximal(w, name, t)

        def value(u, t=t):
            return ((u - w).square().sum() / 2 + t * penalty([u])).item()

        for size in (1e-4, 1e-2, 1.0):
            assert all(value(found) <= value(found + size * torch.randn_like(w)) + 1e-12 for _ in range(50))
    assert (proximal(w, name, 1e3) == 0).all() == (name != "l2")
    assert torch.isfinite(proximal(torch.zeros(3, 4), name, 0.1)).all()
    assert torch.equal(as_groups(w, "tensor"), w.reshape(1, -1))


def test_the_rate_of_a_proximal_step_follows_its_schedule():
    """Proximal, closed form: t = rate schedule strength."""
    net = nn.Linear(1, 1, bias=False)
    nn.init.ones_(net.weight)
    Proximal(net, {"l1": 0.4}, rate=0.5, schedule=linear())(Progress(fraction=0.5))
    assert net.weight.item() == pytest.approx(1 - 0.4 * 0.5 * 0.5)


def penalised(weights, optimizer=None, **rest):
    torch.manual_seed(0)
    method = Supervised(nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)), cross_entropy)
    logs = []
    x, y = torch.randn(8, 3), torch.tensor([0, 1] * 4)
    update = Update(optimizer or sgd(0.0), on="", estimator=Penalised(weights, **rest), microbatches=rest.pop("microbatches", 1))
    fit(method, [(x, y)], update, until=Steps(1), listeners=[lambda s, found: logs.append(found)])
    return method, {k: float(v) for k, v in next(found for found in logs if found).items()}


def test_the_block_sums_its_penalties():
    """Penalised, closed form: the loss is that of the objective plus each weight times its penalty, named in the logs, without what is skipped."""
    _, plain = penalised({})
    method, logs = penalised({"l1": 0.1, "spectral": 0.2}, skip="network.1")
    first = [method.network[0].weight]
    assert logs["l1"] == pytest.approx(l1(first).item()) and logs["spectral"] == pytest.approx(spectral(first).item())
    assert logs["loss"] == pytest.approx(plain["loss"] + 0.1 * logs["l1"] + 0.2 * logs["spectral"])


def test_microbatches_and_other_estimators_see_the_same_sum():
    """Penalised, property: four microbatches end where one does; with SharpnessAware inside, the climb is that of the whole sum."""
    ends = []
    for pieces, inner in ((1, None), (4, None), (1, SharpnessAware(0.5))):
        torch.manual_seed(0)
        method = Supervised(nn.Linear(3, 2).double(), cross_entropy)
        x, y = torch.randn(8, 3, dtype=torch.float64), torch.tensor([0, 1] * 4)
        fit(method, [(x, y)], Update(sgd(0.5), on="", estimator=Penalised({"l2": 0.1}, inner=inner), microbatches=pieces), until=Steps(3))
        ends.append(method.network.weight.detach().clone())
    torch.testing.assert_close(ends[0], ends[1], rtol=1e-10, atol=1e-12)
    assert not torch.allclose(ends[0], ends[2])


def test_shrinking_twice_is_warned_of():
    """Penalised, property: an L2 penalty beside an optimizer's decay warns with both numbers; either alone does not."""
    with pytest.warns(UserWarning, match=r"shrinks its weights twice: by the penalty 'l2' \(0.1\) and by the optimizer's weight_decay \(0.01\)"):
        penalised({"l2": 0.1}, adamw(0.1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        penalised({"l2": 0.1}, adamw(0.1, weight_decay=0.0))
        penalised({"l1": 0.1}, adamw(0.1))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Penalised({"l3": 0.1}), r"Unknown penalty 'l3'\. Known: elastic_net"),
        (lambda: Penalised({"l1": -1}), "l1=-1; expected 0 or more"),
        (lambda: Proximal("network", {"row": 0.1}, rate=0.1), "Unknown proximal step 'row'. Did you mean 'rows'"),
        (lambda: Proximal("network", {"l1": 0.1}, rate=0), "expected a strength of 0 or more and a positive rate"),
        (lambda: l2([torch.ones(1)], form="root"), "Unknown form of l2 'root'"),
        (lambda: elastic_net([torch.ones(1)], share=2), r"elastic_net\(share=2\)"),
        (lambda: group_lasso([torch.ones(1, 1)], by="filters"), "Unknown kind of group 'filters'"),
    ],
)
def test_impossible_requests_are_said(make, words):
    """Property: the nearest names, or what came and what is expected."""
    with pytest.raises(ValueError, match=words):
        make()

"""Estimators against independent implementations: SAM in two passes, DP-SGD beside opacus, a direction at a time."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from weft.data import Arrays, PoissonLoader
from weft.engine import Checkpoints, Epochs, Method, Steps, Update, fit
from weft.losses import Loss, cross_entropy, nt_xent
from weft.methods import Supervised
from weft.optim import Private, SharpnessAware, ZerothOrder, sgd


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))


def batches(count=5, size=12):
    generator = torch.Generator().manual_seed(1)
    return [(3 * torch.randn(size, 4, generator=generator), torch.randint(0, 3, (size,), generator=generator)) for _ in range(count)]


def flat(module):
    return torch.cat([p.detach().flatten() for p in module.parameters()])


class Kept:
    """A gradient transform that remembers the gradients it was given."""

    def __init__(self):
        self.seen = []

    def __call__(self, parameters):
        self.seen.append([p.grad.clone() for p in parameters])


@pytest.mark.parametrize("adaptive", [False, True])
def test_sharpness_aware_equals_two_passes_by_hand(adaptive):
    """SharpnessAware, parity: weights after five steps equal those of the two-pass loop; batch norm sees each batch once."""
    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 3))
    method = Supervised(copy.deepcopy(net), cross_entropy)
    fit(method, batches(), Update(sgd(0.3), on="", estimator=SharpnessAware(0.1, adaptive=adaptive)), until=Steps(5))

    optimizer = torch.optim.SGD(net.parameters(), lr=0.3)
    for x, y in batches():
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        statistics = {n: b.clone() for n, b in net.named_buffers()}
        scale = [p.abs() if adaptive else torch.ones_like(p) for p in net.parameters()]
        norm = torch.sqrt(sum((s * p.grad).square().sum() for s, p in zip(scale, net.parameters(), strict=True)))
        before = [p.detach().clone() for p in net.parameters()]
        with torch.no_grad():
            for s, p in zip(scale, net.parameters(), strict=True):
                p.add_(s.square() * p.grad / norm, alpha=0.1)
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        with torch.no_grad():
            for p, old in zip(net.parameters(), before, strict=True):
                p.copy_(old)
            for n, b in net.named_buffers():
                b.copy_(statistics[n])
        optimizer.step()
    torch.testing.assert_close(flat(method), flat(net), rtol=1e-5, atol=1e-6)
    for name, value in net.named_buffers():
        torch.testing.assert_close(method.network.get_buffer(name), value)


def private(noise=0.0, seed=None, rate=0.5, expected=12, clip=0.7):
    return Private(clip, noise, rate=rate, expected_batch_size=expected, seed=seed)


def test_private_gradients_equal_opacus():
    """Private, parity: without noise the gradient is opacus's, where some samples are clipped and others are not, for any expected batch size."""
    pytest.importorskip("opacus")
    from opacus.grad_sample import GradSampleModule
    from opacus.optimizers import DPOptimizer

    kept, data = Kept(), batches(3)
    method = Supervised(network(), cross_entropy)
    fit(method, data, Update(sgd(0.5), on="", estimator=private(expected=10, clip=2.2), gradients=[kept]), until=Steps(3))

    net = GradSampleModule(network())
    optimizer = DPOptimizer(torch.optim.SGD(net.parameters(), lr=0.5), noise_multiplier=0.0, max_grad_norm=2.2, expected_batch_size=10)
    for (x, y), found in zip(data, kept.seen, strict=True):
        optimizer.zero_grad()
        F.cross_entropy(net(x), y, reduction="mean").backward()
        norms = torch.stack([g.flatten(1).norm(dim=1) for g in (p.grad_sample for p in net.parameters())]).norm(dim=0)
        assert (norms > 2.2).any()
        assert (norms < 2.2).any()
        optimizer.step()
        for mine, p in zip(found, net.parameters(), strict=True):
            torch.testing.assert_close(mine, p.grad, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(flat(method), flat(net), rtol=1e-4, atol=1e-6)


def test_private_clips_each_sample():
    """Private, closed form: one wild sample moves the weights by no more than clip * lr / expected batch size."""
    x, y = batches(1)[0]
    x[0] *= 1e4
    moved = []
    for rows in (slice(0, None), slice(1, None)):
        method = Supervised(network(), cross_entropy)
        fit(method, [(x[rows], y[rows])], Update(sgd(1.0), on="", estimator=private()), until=Steps(1))
        moved.append(flat(method))
    assert 0 < float((moved[0] - moved[1]).norm()) <= 0.7 / 12 + 1e-6


def test_private_noise_is_added_once_a_step():
    """Private, closed form: gradient minus clipped mean has the deviation noise * clip / expected, for a full batch and an empty one."""
    wide = nn.Linear(200, 50)
    for size in (0, 9):
        kept = Kept()
        batch = (torch.zeros(size, 200), torch.zeros(size, dtype=torch.long))
        fit(Supervised(copy.deepcopy(wide), cross_entropy), [batch], Update(sgd(0.0), on="", estimator=private(2.0, seed=0), gradients=[kept]), until=Steps(1))
        weight = kept.seen[0][0]  # the input is zero, and so is the weight's own gradient
        assert float(weight.std()) == pytest.approx(2.0 * 0.7 / 12, rel=0.05)
        assert abs(float(weight.mean())) < 0.005


def test_private_spends_what_opacus_says():
    """Private, parity: epsilon after so many steps of the Poisson loader equals the accountant stepped by hand."""
    accountants = pytest.importorskip("opacus.accountants")
    x, y = torch.randn(40, 4), torch.randint(0, 3, (40,))
    loader = PoissonLoader(Arrays({"input": x, "target": y}), expected_batch_size=8)
    estimator = Private(1.0, 1.1, rate=loader.sample_rate, expected_batch_size=8)
    sizes = []
    fit(Supervised(network(), cross_entropy), loader, Update(sgd(0.1), on="", estimator=estimator), until=Epochs(2), listeners=[lambda state, logs: sizes.append(state.samples)])
    assert estimator.steps == 10
    assert len(set(sizes)) > 1
    accountant = accountants.RDPAccountant()
    for _ in range(10):
        accountant.step(noise_multiplier=1.1, sample_rate=0.2)
    assert estimator.epsilon(1e-5) == pytest.approx(accountant.get_epsilon(1e-5))
    assert private(1.0).epsilon(1e-5) == 0.0


def test_private_history_and_noise_survive_a_resume(tmp_path):
    """Private, contract: stopped and resumed, weights and spent privacy are bit for bit those of one run; other noise is refused."""

    def run(folder, steps, noise=1.0):
        method, estimator = Supervised(network(), cross_entropy), private(noise, seed=4)
        fit(method, batches(), Update(sgd(0.1), on="", estimator=estimator), until=Steps(steps), run=Checkpoints(folder, every=Steps(1)))
        return flat(method), estimator

    whole, spent = run(tmp_path / "whole", 8)
    run(tmp_path / "parts", 3)
    resumed, again = run(tmp_path / "parts", 8)
    assert torch.equal(resumed, whole)
    assert again.steps == spent.steps == 8
    with pytest.raises(ValueError, match="spent privacy"):
        run(tmp_path / "parts", 9, noise=2.0)


class Contrast(Method):
    def __init__(self):
        super().__init__()
        self.network = nn.Linear(4, 3)

    def loss(self, batch):
        z = self.network(torch.cat([batch["input"]] * 2))
        return Loss.mean(nt_xent(z, z + 1)).coupled()


def test_private_refuses_coupled_samples():
    with pytest.raises(ValueError, match="couples samples"):
        fit(Contrast(), [torch.randn(6, 4)], Update(sgd(0.1), on="", estimator=private()), until=Steps(1))
    with pytest.raises(ValueError, match="probability"):
        private(rate=0.0)


def test_zeroth_order_estimates_a_slope():
    """ZerothOrder, closed form: on a linear objective one step moves by lr * (slope . z) z; the mean over directions is the gradient."""
    slope = torch.tensor([[1.0, -2.0, 0.5]])

    class Linear(Method):
        def __init__(self):
            super().__init__()
            self.network = nn.Linear(3, 1, bias=False)

        def loss(self, batch):
            return Loss.mean((self.network.weight * slope).sum() * torch.ones(len(batch["input"])))

    kept, method = Kept(), Linear()
    fit(method, [torch.zeros(2, 3)], Update(sgd(1e-9), on="", estimator=ZerothOrder(1e-2), gradients=[kept]), until=Steps(2000))
    mean = torch.stack([g for (g,) in kept.seen]).mean(0)
    torch.testing.assert_close(mean, slope, rtol=0, atol=0.25)
    one = kept.seen[0][0]
    ratio = one / (one @ slope.T)  # z / |slope . z|^-1: parallel to a direction z with slope . z > 0
    torch.testing.assert_close(ratio @ slope.T, torch.ones(1, 1))


class Watched(Method):
    """Remembers at which weights it was evaluated, what its dropout drew, and how often its batch norm counted."""

    def __init__(self):
        super().__init__()
        self.network = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Dropout(0.5), nn.Linear(6, 1))
        self.points, self.kept = [], []
        self.network[2].register_forward_hook(lambda m, inputs, output: self.kept.append((output != 0).clone()))

    def loss(self, batch):
        self.points.append(flat(self.network).clone())
        return Loss.mean(self.network(batch["input"]).square()[:, 0])


class Back:
    """A gradient transform that looks at the weights between the estimator and the optimizer."""

    def __init__(self):
        self.weights = []

    def __call__(self, parameters):
        self.weights.append(torch.cat([p.detach().flatten() for p in parameters]))


@pytest.mark.parametrize("estimator", [SharpnessAware(0.1), SharpnessAware(0.1, adaptive=True), ZerothOrder(1e-2)], ids=["sharpness_aware", "adaptive", "zeroth_order"])
def test_two_looks_at_one_function(estimator):
    """SharpnessAware and ZerothOrder, property: both evaluations are at the right weights with the same dropout, batch norm counts once, and the weights come back bit for bit."""
    method, back = Watched(), Back()
    before = flat(method.network)
    fit(method, [torch.randn(16, 4)], Update(sgd(0.0), on="", estimator=estimator, gradients=[back]), until=Steps(1))
    first, second = method.points
    assert torch.equal(*method.kept)
    assert int(method.network[1].num_batches_tracked) == 1
    assert torch.equal(back.weights[0], before)
    if isinstance(estimator, ZerothOrder):
        torch.testing.assert_close((first + second) / 2, before, rtol=0, atol=1e-6)
        assert 0.5 < float((first - before).norm() / 1e-2) / before.numel() ** 0.5 < 1.5
    else:
        assert torch.equal(first, before) and not torch.equal(second, before)
        if not estimator.adaptive:
            assert float((second - before).norm()) == pytest.approx(0.1, rel=1e-4)


def test_zeroth_order_is_the_directional_derivative():
    """ZerothOrder, closed form: for a smooth net in float64, g = (z . gradient) z along the direction z that it drew."""
    torch.manual_seed(0)
    method = Supervised(network().double(), cross_entropy)
    x, y = batches(1)[0]
    gradient = torch.cat([g.flatten() for g in torch.autograd.grad(F.cross_entropy(method.network(x.double()), y), list(method.network.parameters()))])
    kept, state = Kept(), torch.get_rng_state()
    fit(method, [(x.double(), y)], Update(sgd(0.0), on="", estimator=ZerothOrder(1e-4), gradients=[kept]), until=Steps(1))
    torch.set_rng_state(state)
    z = torch.cat([torch.randn_like(p).flatten() for p in method.network.parameters()])
    torch.testing.assert_close(torch.cat([g.flatten() for g in kept.seen[0]]), (z @ gradient) * z, rtol=1e-5, atol=1e-8)


def test_sharpness_aware_in_microbatches_is_the_same():
    """SharpnessAware, brute force: both gradients are those of the whole batch, however it is cut."""
    found = []
    for pieces in (1, 3):
        method = Supervised(network(), cross_entropy)
        fit(method, batches(), Update(sgd(0.3), on="", estimator=SharpnessAware(0.2), microbatches=pieces), until=Steps(5))
        found.append(flat(method))
    torch.testing.assert_close(*found, rtol=1e-5, atol=1e-6)


def test_a_climb_needs_a_length():
    """SharpnessAware, property: the error repeats what came."""
    with pytest.raises(ValueError, match=r"SharpnessAware\(rho=0\): the climb needs a positive length"):
        SharpnessAware(0)


def test_private_samples_have_their_own_dropout():
    """Private, property: four equal samples are dropped differently; a second evaluation would repeat the first."""
    kept = []

    class Dropped(Method):
        def __init__(self):
            super().__init__()
            self.network = nn.Linear(64, 1)

        def loss(self, batch):
            mask = F.dropout(torch.ones_like(batch["input"]), 0.5)
            kept.append(mask)
            return Loss.mean(self.network(batch["input"] * mask)[:, 0])

    fit(Dropped(), [torch.ones(4, 64)], Update(sgd(0.1), on="", estimator=private()), until=Steps(1))
    assert len(kept) == 4 and len({tuple(k.flatten().tolist()) for k in kept}) == 4


def test_private_noise_is_new_at_every_step_and_repeats_by_seed():
    """Private, property: two steps differ, two seeds differ, one seed repeats; without noise nothing is drawn."""

    def noises(seed, noise=1.0):
        kept = Kept()
        fit(Supervised(network(), cross_entropy), [(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long))], Update(sgd(0.0), on="", estimator=private(noise, seed=seed), gradients=[kept]), until=Steps(2))
        return [torch.cat([g.flatten() for g in step]) for step in kept.seen]

    one, two = noises(1)
    assert not torch.equal(one, two) and torch.equal(one, noises(1)[0]) and not torch.equal(one, noises(2)[0])
    assert not noises(1, noise=0.0)[0].any()


def test_private_counts_an_empty_batch_as_a_step():
    """Private, property: the weights move by noise alone, the step is counted by update and accountant, and nothing is skipped."""
    method, estimator = Supervised(network(), cross_entropy), private(1.0, seed=0)
    before = flat(method)
    state = fit(method, [(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long))] * 3, Update(sgd(0.1), on="", estimator=estimator), until=Epochs(1))
    assert (estimator.steps, state.updates["all"].count, state.skipped, state.samples) == (3, 3, 0, 0)
    assert not torch.equal(before, flat(method))


@pytest.mark.parametrize("options", [{"clip": 0.0}, {"clip": -1.0}, {"noise": -1.0}, {"rate": 1.5}])
def test_private_refuses_numbers_that_mean_nothing(options):
    """Private, property: a clip is positive, noise is not negative, a rate is a probability."""
    with pytest.raises(ValueError, match=r"Private\("):
        private(**options)

"""Adaptive clipping against timm and pytorch_optimizer, by simulation, and under gradients that are not finite."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from tests.engine.toys import mlp, pairs
from weft.engine import Steps, Update, fit
from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.optim import AdaptiveClip, Centralise, ClipEach, ClipNorm, Normalise, PercentileClip, RunningClip, ZClip, sgd


def with_gradients(*shapes, scale=1.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    parameters = [nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]
    for p in parameters:
        p.grad = torch.randn(p.shape, generator=generator) * scale
    return parameters


SHAPES = [(4, 3), (2, 3, 5), (6,), (2, 2, 3, 3), ()]


@pytest.mark.parametrize("scale", [1e-3, 0.05, 10.0])
def test_unit_wise_clipping_is_that_of_timm(scale):
    """AdaptiveClip, parity: timm's adaptive_clip_grad for matrices, kernels, vectors and scalars."""
    reference = pytest.importorskip("timm.utils.agc", exc_type=ImportError)
    ours, theirs = with_gradients(*SHAPES, scale=scale), with_gradients(*SHAPES, scale=scale)
    AdaptiveClip(0.02, 1e-3)(ours)
    reference.adaptive_clip_grad(theirs, clip_factor=0.02, eps=1e-3)
    for p, q in zip(ours, theirs, strict=True):
        torch.testing.assert_close(p.grad, q.grad, rtol=1e-6, atol=1e-8)


def test_unit_wise_clipping_is_that_of_the_reference():
    """AdaptiveClip, parity: pytorch_optimizer's agc for matrices and kernels, a zero row of weights among them."""
    agc = pytest.importorskip("pytorch_optimizer.optimizer.agc").agc
    parameters = with_gradients((4, 3), (2, 3, 3, 3))
    with torch.no_grad():
        parameters[0][1] = 0
    wanted = [agc(p.detach(), p.grad.clone(), agc_eps=1e-3, agc_clip_val=0.05) for p in parameters]
    AdaptiveClip(0.05)(parameters)
    for p, q in zip(parameters, wanted, strict=True):
        torch.testing.assert_close(p.grad, q, rtol=1e-5, atol=1e-7)


def test_named_parameters_can_be_left_out():
    """AdaptiveClip, property: inside an update ``skip`` names what stays; by itself it cannot know names."""
    method = Supervised(mlp(8, 4, 2), cross_entropy)
    clip = AdaptiveClip(1e-4, skip="*weight")
    clip.bind(method)
    for p in method.parameters():
        p.grad = torch.ones_like(p)
    clip(list(method.parameters()))
    for n, p in method.named_parameters():
        assert torch.equal(p.grad, torch.ones_like(p)) == n.endswith("weight")
    with pytest.raises(TypeError, match="works inside an update"):
        AdaptiveClip(skip="head")(list(method.parameters()))


def test_each_part_keeps_to_its_own_limit():
    """ClipEach, property: every norm is at most its limit, directions are kept, what was below is untouched; by parameter, module and name."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    for by, limit in (("parameter", 0.5), ("module", 0.5), ("parameter", {"0": 0.1, "*.bias": 0.3}), ("module", {"1": 0.2})):
        for i, p in enumerate(net.parameters()):
            p.grad = torch.randn_like(p) * (0.01 if i == 3 else 1.0)
        before = {n: p.grad.clone() for n, p in net.named_parameters()}
        clip = ClipEach(limit, by)
        clip.bind(net)
        clipped = int(clip(list(net.parameters()))["clipped"])
        parts = {}
        for n, p in net.named_parameters():
            parts.setdefault(n.split(".")[0] if by == "module" else n, []).append((before[n], p.grad))
        changed = 0
        for name, pair in parts.items():
            own = limit if isinstance(limit, float) else next((v for k, v in limit.items() if name == k or name.startswith(f"{k}.") or (k == "*.bias" and name.endswith("bias"))), None)
            old, new = (torch.cat([t[i].flatten() for t in pair]) for i in (0, 1))
            if own is None or old.norm() <= own:
                assert torch.equal(old, new), name
            else:
                changed += 1
                assert new.norm().item() == pytest.approx(own, rel=1e-5)
                torch.testing.assert_close(new / new.norm(), old / old.norm())
        assert clipped == changed > 0
    with pytest.raises(TypeError, match="which tells it the names"):
        ClipEach({"a": 1.0})(list(net.parameters()))


def fed(clip, norms):
    """The norms after clipping a gradient of each of these sizes."""
    found = []
    p = nn.Parameter(torch.zeros(2, dtype=torch.float64))
    for norm in norms:
        p.grad = torch.tensor([0.6, 0.8], dtype=torch.float64) * norm
        clip([p])
        found.append(p.grad.norm().item())
    return found


def noise(count=60, seed=1):
    return (1 + torch.rand(count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)).tolist()


def test_a_percentile_by_simulation():
    """PercentileClip, brute force: numpy's quantile of the last eight norms before each step; a spike ends at the past quantile."""
    np = pytest.importorskip("numpy")
    norms = noise()
    norms[30] = 1e6
    found = fed(PercentileClip(0.8, history=8, min_history=3), norms)
    for t, (norm, kept) in enumerate(zip(norms, found, strict=True)):
        past = norms[max(0, t - 8) : t]
        wanted = min(norm, np.quantile(past, 0.8)) if len(past) >= 3 else norm
        assert kept == pytest.approx(wanted), t
    assert found[30] < 2


def test_z_by_simulation():
    """ZClip, brute force: the recursion of the paper written out; a spike ends below the z-th deviation, and the farther the nearer to the mean."""
    norms = noise()
    norms[40] = 1e6
    found = fed(ZClip(2.0, 0.9, warm=10), norms)
    mean = sum(norms[:10]) / 10
    variance = sum((n - mean) ** 2 for n in norms[:10]) / 10
    for t in range(10, 60):
        z = (norms[t] - mean) / math.sqrt(variance)
        wanted = mean + 4 / z * math.sqrt(variance) if z > 2 else norms[t]
        assert found[t] == pytest.approx(wanted), t
        mean = 0.9 * mean + 0.1 * wanted
        variance = 0.9 * variance + 0.1 * (wanted - mean) ** 2
    assert found[:10] == pytest.approx(norms[:10]) and found[40] < 2.1


def test_a_running_limit_grows_at_most_by_its_pace():
    """RunningClip, closed form: limit = scale times the mean of what was kept; a norm of a thousand at every step lets it grow by 1 % a step."""
    found = fed(RunningClip(1.0, 2.0, 0.99), [1000.0] * 20)
    assert found == pytest.approx([2 * 1.01**t for t in range(20)])
    assert fed(RunningClip(1.0, 2.0, 0.5), [1.0, 1.0, 3.0, 1.0]) == pytest.approx([1.0, 1.0, 2.0, 1.0])


def test_directions_are_kept():
    """PercentileClip, ZClip, RunningClip and Normalise, property: the clipped gradient has cosine 1 with the given one."""
    for clip in (PercentileClip(0.5, min_history=1), ZClip(0.1, warm=2), RunningClip(0.1), Normalise(0.5)):
        for scale in (1.0, 1.2, 30.0):
            parameters = with_gradients((3, 4), (5,), scale=scale)
            before = torch.cat([p.grad.flatten() for p in parameters])
            clip(parameters)
            after = torch.cat([p.grad.flatten() for p in parameters])
            assert torch.cosine_similarity(before, after, dim=0).item() == pytest.approx(1, abs=1e-6)
        assert after.norm() < 0.9 * before.norm(), clip


MAKERS = {"percentile": lambda: PercentileClip(0.5, min_history=2), "z": lambda: ZClip(1.0, warm=2), "running": lambda: RunningClip(), "each": lambda: ClipEach(0.1), "adaptive": AdaptiveClip, "normalise": Normalise, "norm": lambda: ClipNorm(0.1), "norm inf": lambda: ClipNorm(0.1, math.inf), "normalise each": lambda: Normalise(by="parameter")}


@pytest.mark.parametrize("bad", [math.inf, math.nan])
@pytest.mark.parametrize("name", MAKERS)
def test_what_is_not_finite_is_neither_scaled_nor_remembered(name, bad):
    """ClipNorm, ClipEach, PercentileClip, ZClip, RunningClip, AdaptiveClip and Normalise, property: finite entries beside it stay finite, and the memory does not change."""
    clip = MAKERS[name]()
    for scale in (1.0, 2.0, 3.0):
        clip(with_gradients((3,), scale=scale))
    memory = str(clip.state_dict()) if hasattr(clip, "state_dict") else ""
    odd, fine = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.ones(2))
    odd.grad, fine.grad = torch.tensor([bad, 1.0]), torch.tensor([1e-6, 1e-6])
    clip([odd, fine])
    assert odd.grad[1].item() == 1.0 and torch.isfinite(fine.grad).all()
    assert (str(clip.state_dict()) if hasattr(clip, "state_dict") else "") == memory


@pytest.mark.parametrize("order", [1.0, 2.0, 3.0, math.inf])
def test_other_norms_are_torchs(order):
    """ClipNorm, parity: torch.nn.utils.clip_grad_norm_ for the orders 1, 2, 3 and infinity, above and below the limit."""
    for limit in (0.1, 1e4):
        ours, theirs = with_gradients((3, 4), (5,)), with_gradients((3, 4), (5,))
        norm = ClipNorm(limit, order)(ours)["grad_norm"]
        torch.testing.assert_close(norm, torch.nn.utils.clip_grad_norm_(theirs, limit, order))
        for p, q in zip(ours, theirs, strict=True):
            torch.testing.assert_close(p.grad, q.grad)


def test_normalised_gradients_have_the_length():
    """Normalise, closed form: together or each; a zero gradient stays zero."""
    parameters = [*with_gradients((3, 4), (5,), scale=100), nn.Parameter(torch.ones(2))]
    parameters[2].grad = torch.zeros(2)
    Normalise(0.5)(parameters)
    assert torch.cat([p.grad.flatten() for p in parameters]).norm().item() == pytest.approx(0.5, rel=1e-5)
    Normalise(2.0, by="parameter")(parameters)
    assert [round(p.grad.norm().item(), 4) for p in parameters] == [2.0, 2.0, 0.0]


def test_a_chain_is_its_parts_in_order():
    """Centralise, ClipEach and ClipNorm, property: a list in an update equals the same calls by hand, and the order matters."""
    ends = []
    for chain in ([Centralise(), ClipEach(0.05), ClipNorm(0.06)], [ClipNorm(0.06), ClipEach(0.05), Centralise()]):
        torch.manual_seed(0)
        method = Supervised(mlp(8, 4, 2), cross_entropy)
        by_hand = Supervised(mlp(8, 4, 2), cross_entropy)
        by_hand.load_state_dict(method.state_dict())
        data = [next(pairs())]
        fit(method, data, Update(sgd(1.0), on="", gradients=chain), until=Steps(1))
        by_hand.loss({"input": data[0][0], "target": data[0][1]}).value.backward()
        parameters = list(by_hand.parameters())
        for transform in chain:
            transform(parameters) if not hasattr(transform, "bind") else (transform.bind(by_hand), transform(parameters))
        for p, q in zip(method.parameters(), parameters, strict=True):
            torch.testing.assert_close(p.detach(), q.detach() - q.grad)
        ends.append([p.detach().clone() for p in method.parameters()])
    assert not all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ClipEach(0.0), r"ClipEach\(limit=0.0\): expected a positive"),
        (lambda: ClipEach(1.0, by="layer"), "expected 'parameter' or 'module'"),
        (lambda: PercentileClip(1.5), r"PercentileClip\(quantile=1.5\)"),
        (lambda: PercentileClip(history=5, min_history=6), "1 <= min_history <= history"),
        (lambda: ZClip(z=0), r"ZClip\(z=0\)"),
        (lambda: RunningClip(scale=1.0), r"RunningClip\(scale=1.0"),
        (lambda: AdaptiveClip(limit=-1), r"AdaptiveClip\(limit=-1\)"),
        (lambda: Normalise(by="rows"), "expected 'all' or 'parameter'"),
        (lambda: ClipNorm(1.0, 0), r"ClipNorm\(norm=0\)"),
    ],
)
def test_impossible_numbers_are_said(make, words):
    """Property: the message shows what came and what is expected."""
    with pytest.raises(ValueError, match=words):
        make()

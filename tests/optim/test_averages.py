"""Follow-ups inside fit: averages, targets, slow weights, constraints and annealed buffers against formulas written by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.engine.toys import pairs, weights
from weft.engine import Checkpoints, Runtime, Steps, Update, fit
from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.optim import (
    EMA,
    SWA,
    Anneal,
    ClipNorm,
    Constrain,
    CopyEvery,
    Lookahead,
    Progress,
    average_of,
    exponential,
    linear,
    mean_of,
    refresh_statistics,
    sgd,
)
from weft.optim.projections import projection
from weft.surgery import is_frozen


def make(seed=0):
    torch.manual_seed(seed)
    method = Supervised(nn.Sequential(nn.Linear(8, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2)), cross_entropy)
    method.average = average_of(method.network)
    method.register_buffer("beta", torch.tensor(2.0))
    return method


def train(method, after, steps=6, run=None, watch=None):
    def seen(state, logs):
        if watch is not None and logs:
            watch(method)

    return fit(method, [next(pairs(16, seed=s)) for s in range(3)], Update(sgd(0.5), on="network", after=after), until=Steps(steps), listeners=[seen], run=run)


def path(after, steps=6):
    """Weights of network and average after each step, as (before, list)."""
    method, found = make(), []
    start = weights(method.network), weights(method.average)
    train(method, after, steps, watch=lambda m: found.append((weights(m.network), weights(m.average))))
    return method, start, found


@pytest.mark.parametrize(
    ("options", "decay"),
    [({"decay": 0.7}, lambda t: 0.7), ({"decay": 0.7, "warm": True}, lambda t: min(0.7, (1 + t) / (10 + t))), ({"decay": exponential(0.9)}, lambda t: 0.9 ** (t - 1))],
    ids=["number", "warm", "schedule"],
)
def test_ema_is_the_weighted_sum(options, decay):
    """EMA, closed form: after every step, decay * average + (1 - decay) * network; buffers are those of the network; the average stays frozen."""
    method, (_, average), found = path([EMA("average", "network", **options)])
    for t, (network, now) in enumerate(found, 1):
        average = decay(t) * average + (1 - decay(t)) * network
        torch.testing.assert_close(now, average, rtol=1e-5, atol=1e-6)
    assert not torch.equal(found[-1][0], found[-1][1])
    for a, b in zip(method.average.buffers(), method.network.buffers(), strict=True):
        assert torch.equal(a, b)
    assert is_frozen(method.average) and not method.average.training


def test_ema_of_modules_and_of_parts():
    """EMA, property: modules instead of names; a part by its dotted name leaves the rest."""
    method = make()
    train(method, [EMA(method.average, method.network, 0.0)])
    assert torch.equal(weights(method.average), weights(method.network))
    other = make()
    train(other, [EMA("average.3", "network.3", 0.0)])
    assert torch.equal(other.average[3].weight, other.network[3].weight)
    assert not torch.equal(other.average[0].weight, other.network[0].weight) and torch.equal(other.average[0].weight, make().average[0].weight)


def test_copy_every_copies_every():
    """CopyEvery, closed form: at updates 4, 8; between them the target does not move; buffers are copied then."""
    method, (_, start), found = path([CopyEvery("average", "network", steps=4)], steps=9)
    for t, (_, target) in enumerate(found, 1):
        wanted = start if t < 4 else found[3][0] if t < 8 else found[7][0]
        assert torch.equal(target, wanted), t
    assert int(method.average[1].num_batches_tracked) == 8


def test_lookahead_is_the_loop_by_hand():
    """Lookahead, parity: fast steps of SGD, every third pulled halfway back to the slow weights."""
    method, other = make(), make()
    train(method, [Lookahead("network", steps=3, alpha=0.5)], steps=7)
    optimizer = torch.optim.SGD(other.network.parameters(), 0.5)
    slow = [p.detach().clone() for p in other.network.parameters()]
    other.train()
    data = [next(pairs(16, seed=s)) for s in range(3)]
    for t in range(1, 8):
        x, y = data[(t - 1) % 3]
        optimizer.zero_grad()
        nn.functional.cross_entropy(other.network(x), y).backward()
        optimizer.step()
        if t % 3 == 0:
            with torch.no_grad():
                for s, p in zip(slow, other.network.parameters(), strict=True):
                    s += 0.5 * (p - s)
                    p.copy_(s)
    torch.testing.assert_close(weights(method.network), weights(other.network), rtol=1e-5, atol=1e-6)


def test_slow_weights_load_to_where_they_were():
    """Lookahead, property: a checkpoint comes from the CPU; the slow weights stay on the device of the module, and are a copy."""
    follow = Lookahead("net")
    follow.bind(nn.ModuleDict({"net": nn.Linear(2, 2, device="meta")}))
    follow.load_state_dict({"weight": torch.zeros(2, 2), "bias": torch.zeros(2)})
    assert {k: v.device.type for k, v in follow.slow.items()} == {"weight": "meta", "bias": "meta"}
    follow.bind(nn.ModuleDict({"net": nn.Linear(2, 2)}))
    saved = {"weight": torch.ones(2, 2), "bias": torch.ones(2)}
    follow.load_state_dict(saved)
    saved["weight"].zero_()
    assert torch.equal(follow.slow["weight"], torch.ones(2, 2))


def test_constrain_holds_after_every_step():
    """Constrain, property: all weights of the part inside, some on the edge, and those outside the part free."""
    method, seen = make(), []
    train(method, [Constrain("network.0", lambda w: w.clamp(-0.1, 0.1))], watch=lambda m: seen.append((float(weights(m.network[0]).abs().max()), float(weights(m.network[3]).abs().max()))))
    assert all(inside == pytest.approx(0.1) and inside <= 0.1 + 1e-8 and outside > 0.1 for inside, outside in seen) and len(seen) == 6


def test_anneal_writes_base_times_schedule():
    """Anneal, closed form: step t is followed by base * (1 - (t - 1) / 6): the schedule's value at that step."""
    method, seen = make(), []
    train(method, [Anneal("beta", linear())], watch=lambda m: seen.append(float(m.beta)))
    assert seen == pytest.approx([2 * (1 - t / 6) for t in range(6)], abs=1e-6)


ARROWS = {
    "ema": lambda: EMA("average", "network", 0.7, warm=True),
    "copy_every": lambda: CopyEvery("average", "network", steps=3),
    "lookahead": lambda: Lookahead("network", steps=3),
    "anneal": lambda: Anneal("beta", exponential(0.8)),
}


@pytest.mark.parametrize("name", ARROWS)
@pytest.mark.parametrize("cut", [1, 4])
def test_memories_resume_bit_for_bit(tmp_path, name, cut):
    """ema, copy_every, lookahead and anneal, contract: cut and resumed with fresh objects, the whole method ends bit for bit as if never stopped."""
    whole = make()
    train(whole, [ARROWS[name]()], 7, Checkpoints(tmp_path / "whole", every=Steps(1)))
    train(make(), [ARROWS[name]()], cut, Checkpoints(tmp_path / "cut", every=Steps(1)))
    rest = make(seed=5)
    train(rest, [ARROWS[name]()], 7, Checkpoints(tmp_path / "cut", every=Steps(1)))
    for (key, a), b in zip(whole.state_dict().items(), rest.state_dict().values(), strict=True):
        assert torch.equal(a, b), key


@pytest.mark.parametrize(
    ("arrow", "message"),
    [
        (EMA("teacher", "network"), r"target is 'teacher', but the method has \['network', 'average'\].*method\.teacher = weft\.optim\.average_of"),
        (EMA("average", "net"), r"source is 'net', but the method has \['network', 'average'\]"),
        (CopyEvery("target", "network", steps=2), "target is 'target'"),
        (Lookahead("net"), "module is 'net'"),
        (Constrain("net", torch.abs), "module is 'net'"),
        (Anneal("temperature", linear()), r"no buffer 'temperature'; the method has .*'beta'.*register_buffer"),
        (EMA(average_of(nn.Linear(1, 1)), "network"), "EMA.target is a module outside the method"),
        (Lookahead(nn.Linear(1, 1)), "Lookahead.module is a module outside the method"),
    ],
    ids=["ema target", "ema source", "copy_every", "lookahead", "constrain", "anneal", "outside", "outside slow"],
)
def test_what_is_not_there_is_refused_with_a_remedy(arrow, message):
    """Property: before the first step; the error says what there is and what to write."""
    with pytest.raises(ValueError, match=message):
        train(make(), [arrow])


def test_names_alone_teach():
    """Property: outside an update, names are no modules."""
    for arrow in (EMA("average", "network"), Lookahead("network")):
        with pytest.raises(TypeError, match="works inside an update, which binds it to a method"):
            arrow(Progress(update=1))


@pytest.mark.parametrize("name", ["ema", "copy_every", "lookahead"])
def test_an_update_is_a_value(name):
    """Property: one Update trains two methods one after the other, each as with an update of its own."""
    arrow = ARROWS[name]()
    first, second, alone = make(), make(seed=1), make(seed=1)
    train(first, [arrow])
    train(second, [arrow])
    train(alone, [ARROWS[name]()])
    for (key, a), b in zip(second.state_dict().items(), alone.state_dict().values(), strict=True):
        assert torch.equal(a, b), key


def test_an_average_is_a_frozen_copy():
    """Property: equal weights of its own, no gradient, and the original untouched."""
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    average = average_of(network)
    assert torch.equal(weights(average), weights(network)) and average[0].weight.data_ptr() != network[0].weight.data_ptr()
    assert not any(p.requires_grad for p in average.parameters()) and all(p.requires_grad for p in network.parameters()) and network.training


def trajectory(steps=12):
    """A network with batch norm and its weights after each of some steps of plain descent."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.3)
    batches = [torch.randn(8, 3) for _ in range(3)]

    def step(t):
        optimizer.zero_grad()
        net(batches[t % 3]).square().mean().backward()
        optimizer.step()

    return net, batches, step, steps


@pytest.mark.parametrize("every", [1, 3])
def test_swa_is_torchs(every):
    """SWA and refresh_statistics, parity: torch.optim.swa_utils' AveragedModel from three quarters on, and its update_bn."""
    net, batches, step, steps = trajectory(16)
    ours, theirs = average_of(net), torch.optim.swa_utils.AveragedModel(net)
    follow = SWA(ours, net, start=0.5, every=every)
    for t in range(steps):
        step(t)
        follow(Progress(update=t + 1, fraction=(t + 1) / steps))
        if (t + 1) / steps < 0.5:
            torch.testing.assert_close(ours[0].weight, net[0].weight)
        elif (t + 1) % every == 0:
            theirs.update_parameters(net)
    refresh_statistics(ours, batches)
    torch.optim.swa_utils.update_bn(batches, theirs)
    for name, value in theirs.module.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value, msg=name)
    assert not torch.allclose(ours[0].weight, net[0].weight)


def test_ema_is_torchs():
    """EMA, parity: torch.optim.swa_utils with get_ema_multi_avg_fn, updated at every second step."""
    net, _, step, steps = trajectory()
    ours = average_of(net)
    theirs = torch.optim.swa_utils.AveragedModel(ours, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.8))
    theirs.n_averaged += 1  # torch copies at its first update; here the average begins as a copy
    follow = EMA(ours, net, 0.8, every=2)
    for t in range(steps):
        step(t)
        follow(Progress(update=t + 1))
        if t % 2:
            theirs.update_parameters(net)
    for found, wanted in zip(ours.parameters(), theirs.module.parameters(), strict=True):
        torch.testing.assert_close(found, wanted)


def test_refreshing_restores_modes_and_momenta():
    """refresh_statistics, property: modes, momenta, dropout and weights are as before; nothing to do without batch norm; no batch is an error."""
    net = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout(0.5))
    net[0].momentum = 0.3
    net.train()
    refresh_statistics(net, [{"input": torch.tensor([[1.0, 2.0], [3.0, 4.0]])}, (torch.tensor([[5.0, 6.0], [7.0, 8.0]]), 0)])
    assert net[0].running_mean.tolist() == [4.0, 5.0] and net[0].momentum == 0.3 and net[0].training and net[1].training
    plain = nn.Linear(1, 1)
    assert refresh_statistics(plain, []) is plain
    with pytest.raises(ValueError, match="got no batch"):
        refresh_statistics(net, iter(()))


def test_the_mean_of_checkpoints():
    """mean_of, closed form: weighted means in each entry's own type, whole numbers from the last; other architectures are refused by name."""
    states = [{"w": torch.full((2,), float(v), dtype=torch.bfloat16), "n": torch.tensor(v)} for v in (1, 2, 6)]
    found = mean_of(states)
    assert found["w"].dtype == torch.bfloat16 and found["w"].tolist() == [3.0, 3.0] and found["n"].item() == 6
    assert mean_of(states, [3, 0, 1])["w"][0].item() == 2.25
    with pytest.raises(ValueError, match="the states differ in v, w"):
        mean_of([states[0], {"v": torch.ones(1), "n": torch.tensor(1)}])
    with pytest.raises(ValueError, match="3 states and the weights"):
        mean_of(states, [1.0])
    with pytest.raises(ValueError, match="got no states"):
        mean_of([])


@pytest.mark.parametrize(("name", "options"), [("max_norm", {"most": 0.3}), ("unit_norm", {}), ("non_negative", {}), ("bounded", {"high": 0.1}), ("orthogonal", {})])
@pytest.mark.parametrize("microbatches", [1, 2])
def test_a_projection_by_name_holds_after_every_step(name, options, microbatches):
    """Constrain, property: with clipping, microbatches and autocast beside it; biases and what is skipped go free."""
    torch.manual_seed(0)
    method = Supervised(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), cross_entropy)
    follow = Constrain("network", name, options, skip="2")
    free = method.network[2].weight.detach().clone()
    project = projection(name, options)

    def watch(state, logs):
        if logs:
            torch.testing.assert_close(method.network[0].weight.detach(), project(method.network[0].weight.detach()), rtol=1e-4, atol=1e-5)

    update = Update(sgd(0.5), on="", gradients=[ClipNorm(1.0)], after=[follow], microbatches=microbatches)
    fit(method, [(torch.randn(8, 3), torch.tensor([0, 1] * 4))], update, until=Steps(5), listeners=[watch], runtime=Runtime(precision="bfloat16"))
    assert not torch.equal(method.network[2].weight.detach(), free)
    torch.testing.assert_close(method.network[0].weight.detach(), project(method.network[0].weight.detach()), rtol=1e-4, atol=1e-5)


def test_impossible_averages_are_said():
    """SWA and EMA, property: the message shows what came."""
    net = nn.Linear(1, 1)
    with pytest.raises(ValueError, match=r"SWA\(start=1.0"):
        SWA(net, net, start=1.0)
    with pytest.raises(ValueError, match=r"EMA\(every=0\)"):
        EMA(net, net, every=0)
    with pytest.raises(TypeError, match="SWA by names works inside an update"):
        SWA("average", "network")(Progress())

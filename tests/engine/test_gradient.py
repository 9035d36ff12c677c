"""Acid tests of the gradient: however a batch is cut, over microbatches or ranks, it is the gradient of the whole."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.engine.toys import SGD, TwoTerms, mlp, pairs, ragged, twin, two_ranks, weights
from weft.engine import Method, Runtime, Steps, Update, fit
from weft.losses import Loss, cross_entropy
from weft.methods import Supervised
from weft.optim import SharpnessAware, ZerothOrder, sgd


@pytest.mark.parametrize("pieces", [2, 4, 8])
def test_microbatches_equal_one_batch_on_ragged_terms(pieces):
    """Brute force: two terms of different counts and a penalty; and the network really ran once a piece (twice for all but the first: counts come first)."""
    network = mlp(8, 16, 2)
    other = twin(network)
    calls = []
    other.register_forward_hook(lambda *_: calls.append(1))
    fit(TwoTerms(network), ragged(), Update(SGD), until=Steps(20))
    fit(TwoTerms(other), ragged(), Update(SGD, microbatches=pieces), until=Steps(20))
    torch.testing.assert_close(weights(network), weights(other), rtol=1e-5, atol=1e-6)
    assert len(calls) == 20 * (2 * pieces - 1)


@pytest.mark.parametrize("pieces", [2, 3, 7])
def test_one_count_needs_one_pass(pieces):
    """Property: with a single mask nothing is evaluated twice."""
    network = mlp(8, 16, 2)
    other = twin(network)
    calls = []
    other.register_forward_hook(lambda *_: calls.append(1))

    def masked():
        for b in ragged():
            yield {"input": b["input"], "target": b["target"], "mask": b["mask"]}

    fit(Supervised(network, cross_entropy), masked(), Update(SGD), until=Steps(20))
    fit(Supervised(other, cross_entropy), masked(), Update(SGD, microbatches=pieces), until=Steps(20))
    torch.testing.assert_close(weights(network), weights(other), rtol=1e-5, atol=1e-6)
    assert len(calls) == 20 * pieces


def test_the_gradient_is_that_of_the_value():
    """Parity: autograd on ``loss.value`` of the whole batch."""
    method = TwoTerms(mlp(8, 16, 2))
    batch = next(ragged())
    wanted = torch.autograd.grad(method.loss(batch).value, list(method.parameters()))
    state = fit(method, [batch], Update(sgd(0.0), microbatches=4), until=Steps(1))
    for p, g in zip(state.updates["all"].parameters, wanted, strict=True):
        torch.testing.assert_close(p.grad, g, rtol=1e-5, atol=1e-7)


def test_logs_cover_all_microbatches():
    """Property: the logged loss and accuracy are those of the whole batch, not of its last piece."""

    class Counts(Supervised):
        def loss(self, batch):
            output = self.network(batch["input"])
            hits = (output.argmax(1) == batch["target"]).float()
            return Loss.mean(cross_entropy(output, batch["target"]), batch["mask"], logs={"accuracy": hits})

    batch = {k: v for k, v in next(ragged()).items() if k != "other"}
    network = mlp(8, 2)
    seen = []
    fit(Counts(network, cross_entropy), [batch], Update(sgd(0.0), microbatches=4), until=Steps(1), listeners=[lambda s, logs: seen.append(logs)])
    hits = (network(batch["input"]).argmax(1) == batch["target"]).float()[batch["mask"]]
    wanted = F.cross_entropy(network(batch["input"]), batch["target"], reduction="none")[batch["mask"]].mean()
    assert float(seen[0]["accuracy"]) == pytest.approx(hits.mean().item())
    assert float(seen[0]["loss"]) == pytest.approx(wanted.item(), rel=1e-5)


def test_coupled_samples_refuse_microbatches():
    """Error: microbatches would change the value of such a loss silently."""

    class Coupled(Supervised):
        def loss(self, batch):
            return super().loss(batch).coupled()

    with pytest.raises(ValueError, match="couples the samples"):
        fit(Coupled(mlp(8, 2), cross_entropy), pairs(), Update(SGD, microbatches=2), until=Steps(1))


def test_counts_that_agree_only_in_the_first_piece_are_refused():
    """Error: equal numbers of items must stay equal."""

    class Odd(Method):
        def __init__(self):
            super().__init__()
            self.network = nn.Linear(8, 1)

        def loss(self, batch):
            out = self.network(batch["input"]).squeeze(1)
            few = out[batch["keep"]]
            return Loss.mean(out) + Loss.mean(few.square(), name="few")

    batch = {"input": torch.randn(4, 8), "keep": torch.tensor([True, True, True, False])}
    with pytest.raises(ValueError, match="different ones in another"):
        fit(Odd(), [batch], Update(SGD, microbatches=2), until=Steps(1))


def test_batch_norm_statistics_move_once_a_step():
    """Property: four microbatches, one momentum step, and it is said."""
    network = nn.Sequential(nn.Linear(8, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    with pytest.warns(UserWarning, match="batch norm normalises each of the 4 microbatches"):
        fit(Supervised(network, cross_entropy), pairs(32), Update(SGD, microbatches=4), until=Steps(3))
    assert int(network[1].num_batches_tracked) == 3


def test_a_second_look_reuses_randomness_and_leaves_buffers():
    """Property: within one step evaluations agree in dropout and move batch norm once; the next step draws anew."""
    network = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Dropout(0.5), nn.Linear(16, 2))
    method = Supervised(network, cross_entropy)
    values = []

    def twice(update, objective, batch):
        first = update.gradient(objective, batch)
        kept = [p.grad.clone() for p in update.parameters]
        for p in update.parameters:
            p.grad = None
        second = update.gradient(objective, batch)
        third = update.value(objective, batch)
        assert all(torch.equal(a, p.grad) for a, p in zip(kept, update.parameters, strict=True))
        assert float(first.value) == float(second.value) == float(third.value)
        values.append(float(first.value))
        return first

    fit(method, itertools.repeat(next(pairs())), Update(sgd(0.0), estimator=twice), until=Steps(3))
    assert int(network[1].num_batches_tracked) == 3
    assert len(set(values)) == 3


def test_an_objective_must_return_a_loss():
    """Error: a bare tensor is refused with the remedy."""

    class Bare(Supervised):
        def loss(self, batch):
            return super().loss(batch).value

    with pytest.raises(TypeError, match="returned a Tensor"):
        fit(Bare(mlp(8, 2), cross_entropy), pairs(), Update(SGD), until=Steps(1))


def test_float16_scaling_finds_its_scale_and_skips_overflow():
    """Property: an overflowing scale is halved without a step; then training goes on, unscaled gradients of the right size."""
    network = mlp(8, 32, 2)
    method = Supervised(network, cross_entropy)
    state = fit(method, pairs(), Update(sgd(0.1)), until=Steps(40), runtime=Runtime(precision="float16"))
    update = state.updates["all"]
    assert update.engine.scaler is not None
    before = update.engine.scaler.scale = 2.0**40
    update(method.loss, dict(zip(("input", "target"), next(pairs()), strict=True)))
    assert update.engine.scaler.scale == before / 2
    assert update.skipped >= 1
    reference = twin(network)
    update.engine.scaler.scale = 1024.0
    batch = dict(zip(("input", "target"), next(pairs()), strict=True))
    update(method.loss, batch)
    F.cross_entropy(reference(batch["input"]), batch["target"]).backward()
    for p, q in zip(network.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad, rtol=0.05, atol=2e-3)


@pytest.mark.parametrize("estimator", [ZerothOrder(), SharpnessAware(0.01)])
def test_float16_leaves_other_estimators_their_true_gradients(estimator):
    """Parity: no loss scale comes between them and the optimizer; the step is that of float32, up to rounding."""
    results = []
    for precision in ("float32", "float16"):
        torch.manual_seed(0)
        network = mlp(8, 16, 2)
        before = weights(network)
        fit(Supervised(network, cross_entropy), pairs(), Update(SGD, estimator=estimator), until=Steps(1), runtime=Runtime(precision=precision))
        results.append((weights(network) - before).norm())
    assert results[1] > 0.3 * results[0]


RANKS = """
import itertools, json, sys, torch
from tests.engine.toys import TwoTerms, SGD, mlp, ragged, weights
from weft.engine import Epochs, Update, fit
from weft.optim import ClipNorm
from weft.parallel import join
kind, out = sys.argv[1], sys.argv[2]
group = join(); rank = torch.distributed.get_rank(); world = torch.distributed.get_world_size()
torch.manual_seed(rank)                       # rank 0's weights must reach everyone
network = mlp(8, 16, 2)
def cut(batch, i):                            # uneven shards: rank 0 gets the first 11 rows, the last rank the rest
    bounds = [0, *[11 + 5 * r for r in range(world - 1)], len(batch["input"])]
    return {k: v[bounds[i]:bounds[i + 1]] for k, v in batch.items()}
whole = list(itertools.islice(ragged(), 6))
mine = [cut(b, rank) for b in whole]
if kind == "uneven" and rank == world - 1:
    mine = mine[:4]                           # fewer batches: keeps the others company for two steps
seen = []
pieces = 3 if kind == "pieces" else 1
state = fit(TwoTerms(network), mine, Update(SGD, gradients=[ClipNorm(1.0)], microbatches=pieces), until=Epochs(2), listeners=[lambda s, l: l and seen.append(float(l["loss"]))])
if rank == 0:
    torch.save([weights(network), seen, state.samples, state.step], out)
torch.distributed.barrier()
"""


def one_process(kind, world=2):
    torch.manual_seed(0)
    network = mlp(8, 16, 2)
    whole = list(itertools.islice(ragged(), 6))
    if kind == "uneven":
        first = 11 + 5 * (world - 2)
        whole = [*whole[:4], *({k: v[:first] for k, v in b.items()} for b in whole[4:])]
    seen = []
    from weft.engine import Epochs
    from weft.optim import ClipNorm

    state = fit(
        TwoTerms(network),
        whole,
        Update(SGD, gradients=[ClipNorm(1.0)]),
        until=Epochs(2),
        listeners=[lambda s, logs: logs and seen.append(float(logs["loss"]))],
    )
    return weights(network), seen, state.samples, state.step


@pytest.mark.parametrize("kind", ["even", "uneven", "pieces"])
def test_two_ranks_equal_one_process(tmp_path, kind):
    """Brute force: ragged shards of different sizes, different numbers of batches, microbatches: weights, logs and counters of one process."""
    out = tmp_path / "out.pt"
    two_ranks(RANKS, kind, str(out))
    got, seen, samples, steps = torch.load(out, weights_only=True)
    wanted, logged, count, number = one_process(kind)
    torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-6)
    assert seen == pytest.approx(logged, rel=1e-4)
    assert (samples, steps) == (count, number)


def test_three_ranks_equal_one_process(tmp_path):
    """Brute force: as above, with three."""
    two_ranks(RANKS, "uneven", str(tmp_path / "out.pt"), ranks=3)
    got = torch.load(tmp_path / "out.pt", weights_only=True)[0]
    torch.testing.assert_close(got, one_process("uneven", 3)[0], rtol=1e-5, atol=1e-6)


GAN_RANKS = """
import sys, torch
from tests.engine.toys import GAN, mlp, weights
from weft.engine import Steps, fit
from weft.parallel import join
join(); torch.manual_seed(0)
method = GAN(mlp(4, 16, 2), mlp(2, 16, 1), 4)
def real():
    while True: yield torch.randn(8, 2)
fit(method, real(), until=Steps(5))
noise = torch.randn(4)
both = [torch.zeros(4), torch.zeros(4)]; torch.distributed.all_gather(both, noise)
w = weights(method); ws = [torch.zeros_like(w), torch.zeros_like(w)]; torch.distributed.all_gather(ws, w)
assert torch.equal(*ws), "ranks drifted apart"
assert not torch.equal(*both), "ranks draw the same noise"

"""


def test_ranks_keep_equal_weights_and_draw_different_noise():
    """Property: two updates on two ranks."""
    assert two_ranks(GAN_RANKS).returncode == 0

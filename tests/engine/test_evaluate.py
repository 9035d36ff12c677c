"""Evaluation: exact, over what it says, and without a trace."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from tests.engine.toys import mlp, pairs, two_ranks
from weft.engine import Epochs, Evaluation, Method, Runtime, Steps, Update, evaluate, fit
from weft.losses import Loss, cross_entropy
from weft.methods import Supervised
from weft.metrics import Accuracy
from weft.optim import EMA, average_of, sgd


def batches(sizes=(8, 8, 3)):
    return [dict(zip(("input", "target"), next(pairs(n, seed=n)), strict=True)) for n in sizes]


def test_metrics_weigh_samples_not_batches():
    """Closed form: over batches of 8, 8 and 3 the loss is that of all 19 samples."""
    method = Supervised(mlp(8, 2), cross_entropy)
    found = evaluate(method, batches(), {"accuracy": Accuracy()})
    x, y = (torch.cat([b[k] for b in batches()]) for k in ("input", "target"))
    output = method.network(x)
    assert found["loss"] == pytest.approx(float(nn.functional.cross_entropy(output, y).detach()), rel=1e-6)
    assert found["accuracy"] == pytest.approx(float((output.argmax(1) == y).float().mean()))


def test_evaluation_leaves_no_trace():
    """Property: parameters, buffers, gradients, modes and random states are as before, even for a network that counts its calls."""

    class Counter(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("calls", torch.zeros(()))
            self.inner = nn.Sequential(nn.Linear(8, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))

        def forward(self, x):
            self.calls += 1
            torch.rand(3)
            return self.inner(x)

    method = Supervised(Counter(), cross_entropy)
    method.train()
    method.network.inner[1].eval()
    method.loss(batches()[0]).value.backward()
    before = copy.deepcopy(method.state_dict()), [p.grad.clone() for p in method.parameters()], torch.get_rng_state(), [m.training for m in method.modules()]
    Evaluation(batches(), {"accuracy": Accuracy()})(method, Runtime().resolve(method))
    assert all(torch.equal(a, b) for a, b in zip(before[0].values(), method.state_dict().values(), strict=True))
    assert all(torch.equal(a, p.grad) for a, p in zip(before[1], method.parameters(), strict=True))
    assert torch.equal(before[2], torch.get_rng_state()) and before[3] == [m.training for m in method.modules()]


def test_training_is_the_same_with_and_without_evaluation():
    """Property: dropout draws the same numbers either way."""

    def train(evaluation):
        torch.manual_seed(0)
        method = Supervised(nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.5), nn.Linear(8, 2)), cross_entropy)
        fit(method, batches((8, 8)), until=Epochs(3), evaluate=evaluation)
        return method.network[0].weight

    assert torch.equal(train(None), train(Evaluation(batches(), {"accuracy": Accuracy()}, every=Steps(1))))


def test_average_weights_are_measured_unless_the_network_is_asked_for():
    """Property: use="average" and use="network" give different numbers when the two differ."""
    method = Supervised(mlp(8, 2), cross_entropy)
    method.average = average_of(method.network)
    update = Update(sgd(1.0), on="network", after=[EMA("average", "network", 0.999)])
    both = [Evaluation(batches(), {"accuracy": Accuracy()}, use=u, name=u) for u in ("average", "network")]
    state = fit(method, batches((8, 8)), update, until=Epochs(3), evaluate=both)
    x, y = (torch.cat([b[k] for b in batches()]) for k in ("input", "target"))
    for use, network in (("average", method.average), ("network", method.network)):
        assert state.metrics[f"{use}/accuracy"] == pytest.approx(float((network(x).argmax(1) == y).float().mean()))


def test_the_best_weights_are_kept_and_nan_never_is_best():
    """Property: scripted scores; a tie keeps the first."""
    scores = iter([0.2, float("nan"), 0.9, 0.9, 0.1])
    trail = []

    def measure(method):
        trail.append(method.network[0].weight.detach().clone())
        return {"score": next(scores)}

    method = Supervised(mlp(8, 2), cross_entropy)
    state = fit(method, batches((8,)), until=Epochs(5), evaluate=Evaluation(measure))
    assert state.score == 0.9 and state.best_step == 3
    assert torch.equal(state.best().network[0].weight, trail[2])


def test_direction_comes_from_metric_or_loss():
    """Property: a lower loss is better, a higher accuracy is."""
    evaluation = Evaluation([], {"accuracy": Accuracy()})
    assert evaluation.watched({"val/accuracy": 0.5, "val/loss": 1.0}) == ("val/accuracy", 0.5)
    assert Evaluation([], monitor="loss").watched({"val/loss": 2.0}) == ("val/loss", -2.0)
    with pytest.raises(ValueError, match="monitors 'f1'"):
        Evaluation([], monitor="f1").watched({"val/loss": 1.0})


def test_nothing_to_measure_is_an_error_and_limit_limits():
    """Error: no batch; property: limit counts batches."""
    method = Supervised(mlp(8, 2), cross_entropy)
    with pytest.raises(ValueError, match="no batch"):
        evaluate(method, [])
    assert evaluate(method, batches(), limit=1) == evaluate(method, batches()[:1])


def test_a_method_without_a_loss_is_measured_by_its_metrics():
    """Property: no loss, no loss entry."""

    class Silent(Method):
        def __init__(self):
            super().__init__()
            self.network = nn.Linear(8, 2)

        def step(self, batch, update):
            return {}

    assert set(evaluate(Silent(), batches(), {"accuracy": Accuracy()})) == {"accuracy"}


RANKS = """
import sys, torch
from tests.engine.test_evaluate import batches
from tests.engine.toys import mlp
from weft.engine import evaluate
from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.metrics import AUROC, Accuracy
from weft.parallel import join
join(); rank = torch.distributed.get_rank()
torch.manual_seed(0)
mine = batches()[:2] if rank == 0 else batches()[2:]
found = evaluate(Supervised(mlp(8, 2), cross_entropy), mine, {"accuracy": Accuracy(), "auroc": AUROC()})
torch.save({k: torch.tensor(v) for k, v in found.items()}, f"{sys.argv[1]}-{rank}")
"""


def test_two_ranks_measure_what_one_does(tmp_path):
    """Brute force: metrics with sums and with ragged memories, over uneven shards, on every rank."""
    from weft.metrics import AUROC

    two_ranks(RANKS, str(tmp_path / "out"))
    torch.manual_seed(0)
    wanted = evaluate(Supervised(mlp(8, 2), cross_entropy), batches(), {"accuracy": Accuracy(), "auroc": AUROC()})
    for rank in (0, 1):
        found = torch.load(tmp_path / f"out-{rank}", weights_only=True)
        assert {k: float(v) for k, v in found.items()} == pytest.approx(wanted, rel=1e-5)


def test_loss_terms_and_logs_are_measured_too():
    """Closed form: each term by its own count, the loss as their weighted sum."""

    class Terms(Supervised):
        def loss(self, batch):
            output = self.network(batch["input"])
            hits = (output.argmax(1) == batch["target"]).float()
            return Loss.mean(cross_entropy(output, batch["target"]), logs={"hits": hits}) + 0.5 * Loss.mean(output.square(), name="size")

    found = evaluate(Terms(mlp(8, 2), cross_entropy), batches())
    assert set(found) == {"loss", "size", "hits"}

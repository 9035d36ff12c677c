"""Updates: schedules on groups, closures, isolation, non-finite steps, saved state by name."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import nn

from tests.engine.toys import mlp, pairs, weights
from weft.engine import Evaluation, Method, NonFinite, Runtime, Steps, Update, fit
from weft.losses import Loss, cross_entropy
from weft.methods import Supervised
from weft.optim import EMA, Anneal, Noise, adam, adamw, average_of, constant, exponential, lbfgs, linear, plateau, sgd


def supervised(*sizes):
    return Supervised(mlp(*(sizes or (8, 16, 2))), cross_entropy)


def test_schedules_reach_options_and_named_groups():
    """Closed form: the learning rate halves each step, weight decay stays where nothing is said, and only the named group follows its own."""
    seen = []
    update = Update(adamw(0.1, weight_decay=0.5), schedule={"lr": exponential(0.5), "decay.weight_decay": constant(2.0)})

    def watch(state, logs):
        seen.append([(g["name"], g["lr"], g["weight_decay"]) for g in state.updates["all"].optimizer.param_groups])

    fit(supervised(), pairs(), update, until=Steps(3), listeners=[watch])
    assert seen[2] == [("decay", pytest.approx(0.025), 1.0), ("no_decay", pytest.approx(0.025), 0.0)]


def test_an_unknown_option_lists_the_known():
    """Error: the schedule's name is no option of the optimizer."""
    with pytest.raises(ValueError, match=r"momentun.*lr"):
        fit(supervised(), pairs(), Update(sgd(0.1), schedule={"momentun": constant()}), until=Steps(1))


def test_a_closure_optimizer_gets_one():
    """Closed form: L-BFGS solves a small least-squares problem that gradient descent does not within the same steps."""
    g = torch.Generator().manual_seed(0)
    x = torch.randn(40, 5, generator=g)
    y = x @ torch.randn(5, 1, generator=g)

    class Squares(Method):
        def __init__(self):
            super().__init__()
            self.network = nn.Linear(5, 1, bias=False)

        def loss(self, batch):
            return Loss.mean((self.network(batch["input"]) - batch["target"]).square())

    results = []
    for optimizer in (lbfgs(), sgd(0.01)):
        method = Squares()
        fit(method, itertools.repeat((x, y)), Update(optimizer), until=Steps(3))
        results.append(float((method.network(x) - y).square().mean().detach()))
    assert results[0] < 1e-8 < 0.1 < results[1]


class Poisoned(Supervised):
    """Yields NaN for the samples whose first input is above 100."""

    def loss(self, batch):
        output = self.network(batch["input"].clamp(max=50))
        bad = torch.where(batch["input"][:, 0] > 100, torch.nan, 1.0)
        return Loss.mean(cross_entropy(output, batch["target"]) * bad)


def poisoned(at=3):
    for step, (x, y) in enumerate(pairs(8)):
        if step == at:
            x[5, 0] = 1000.0
        yield {"input": x, "target": y, "index": torch.arange(8) + 100 * step}


def test_a_non_finite_step_names_update_parameter_and_sample():
    """Property: stop says where; and nothing was changed by the bad step."""
    method = Poisoned(mlp(8, 4, 2), cross_entropy)
    trail = []
    with pytest.raises(NonFinite, match=r"Update 'all'.*loss.*nan.*gradients of network\.0\.weight.*5 \(index 305\)"):
        fit(method, poisoned(), until=Steps(10), listeners=[lambda s, _: trail.append(weights(s.method))])
    assert torch.equal(trail[-1], weights(method)) and len(trail) == 3


def test_skipping_leaves_optimizer_schedule_and_follow_ups_alone():
    """Brute force: with the bad batch skipped, everything equals a run that never saw it."""

    def run(data, steps, nonfinite):
        torch.manual_seed(0)
        method = Poisoned(mlp(8, 4, 2), cross_entropy)
        method.average = average_of(method.network)
        update = Update(adam(0.1), on="network", schedule=exponential(0.9), after=[EMA("average", "network", 0.9)])
        return fit(method, data, update, until=Steps(steps), runtime=Runtime(nonfinite=nonfinite))

    skipped = run(poisoned(3), 8, "skip")
    clean = run((b for i, b in enumerate(poisoned(3)) if i != 3), 7, "stop")
    assert torch.equal(weights(skipped.method), weights(clean.method))
    assert (skipped.skipped, skipped.updates[next(iter(skipped.updates))].count) == (1, 7)


def test_skipping_gives_up():
    """Error: twenty bad steps in a row are no accident."""

    def always():
        for b in poisoned(0):
            b["input"][0, 0] = 1000.0
            yield b

    with pytest.raises(NonFinite, match="Gave up after 21"):
        fit(Poisoned(mlp(8, 4, 2), cross_entropy), always(), until=Steps(50), runtime=Runtime(nonfinite="skip"))


def test_rolling_back_returns_to_the_last_good_snapshot():
    """Property: weights and optimizer are those of the snapshot, training goes on behind the bad batch."""
    trail = []
    with pytest.warns(UserWarning, match="Rolled back to the snapshot of step 0"):
        state = fit(
            Poisoned(mlp(8, 4, 2), cross_entropy),
            poisoned(3),
            until=Steps(6),
            runtime=Runtime(nonfinite="rollback"),
            listeners=[lambda s, _: trail.append((weights(s.method), s.updates["all"].count))],
        )
    torch.manual_seed(0)
    assert state.step == 6 and [count for _, count in trail] == [1, 2, 3, 0, 1, 2]
    assert not torch.equal(trail[2][0], trail[3][0]) and math.isfinite(weights(state.method).sum())


def test_saved_state_goes_by_name():
    """Contract: moments are found by parameter name, not by position."""
    first = fit(supervised(), pairs(), Update(adam(0.01)), until=Steps(3)).updates["all"]
    saved = first.state_dict()
    assert set(saved["optimizer"]) == {n for n, _ in first.named}
    saved["optimizer"] = dict(reversed(saved["optimizer"].items()))
    second = fit(supervised(), pairs(), Update(adam(0.01)), until=Steps(1)).updates["all"]
    second.load_state_dict(saved)
    for (_, p), (_, q) in zip(first.named, second.named, strict=True):
        assert torch.equal(first.optimizer.state[p]["exp_avg"], second.optimizer.state[q]["exp_avg"])
    assert second.count == 3


def test_a_bare_arrow_where_a_list_belongs_is_refused():
    """Error: says how to write it."""
    with pytest.raises(TypeError, match=r"gradients=\[\.\.\.\]"):
        Update(gradients=lambda parameters: None)
    with pytest.raises(ValueError, match="microbatches=0"):
        Update(microbatches=0)


def test_an_optimizer_that_is_already_made_is_refused():
    """Error: says what to give instead."""
    with pytest.raises(TypeError, match=r"got a Adam that is already made.*functools\.partial"):
        Update(torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))]))


def test_one_update_used_for_two_trainings_starts_anew():
    """Property: the second training equals one with an update of its own, for a schedule with memory, drawn noise and an annealed buffer."""

    class Tempered(Supervised):
        def __init__(self, base):
            torch.manual_seed(0)
            super().__init__(nn.Linear(2, 2), cross_entropy)
            self.register_buffer("temperature", torch.tensor(base))

    def made():
        slower = constant() * plateau("val/worse", factor=0.5, patience=0)
        return Update(sgd(0.1), on="network", schedule=slower, gradients=[Noise(0.1, seed=3)], after=[Anneal("temperature", linear())])

    def trained(update, base):
        counted = iter(range(1, 1000))
        worse = Evaluation(lambda method: {"worse": float(next(counted))}, every=Steps(1))
        state = fit(Tempered(base), [(torch.eye(2), torch.tensor([0, 1]))], {"network": update}, until=Steps(6), evaluate=worse)
        return weights(state.method), state.updates["network"].optimizer.param_groups[0]["lr"], float(state.method.temperature)

    shared = made()
    trained(shared, 1.0)
    second, alone = trained(shared, 4.0), trained(made(), 4.0)
    assert second[1:] == alone[1:] and 0 < alone[1] < 0.1 and alone[2] > 0.5
    assert torch.equal(second[0], alone[0])

"""Acid tests of the loop: equality with loops written by hand, order, stopping, stages, interruption."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.engine.toys import GAN, Remembers, mlp, pairs, twin, weights
from weft.engine import Checkpoints, Epochs, Evaluation, Method, Seconds, Steps, Stop, Update, fit
from weft.losses import Loss, cross_entropy
from weft.methods import Supervised
from weft.optim import ClipNorm, adam, plateau, sgd


def by_hand(network, batches, optimizer, clip=None):
    for x, y in batches:
        optimizer.zero_grad()
        F.cross_entropy(network(x), y).backward()
        if clip:
            nn.utils.clip_grad_norm_(network.parameters(), clip)
        optimizer.step()


@pytest.mark.parametrize("make", [partial(torch.optim.Adam, lr=1e-2), partial(torch.optim.SGD, lr=0.1, momentum=0.9)], ids=["adam", "sgd"])
def test_supervised_is_bitwise_the_loop_written_by_hand(make):
    """Parity: at a batch of 32 the mean is a power of two, so the two ways of dividing agree to the last bit."""
    network = mlp(8, 32, 2)
    other = twin(network)
    fit(Supervised(network, cross_entropy), pairs(32), Update(make), until=Steps(50))
    by_hand(other, itertools.islice(pairs(32), 50), make(other.parameters()))
    assert torch.equal(weights(network), weights(other))


def test_supervised_at_batch_30_agrees_to_rounding():
    """Parity: 1e-6 relative where 1 / 30 is rounded."""
    network = mlp(8, 32, 2)
    other = twin(network)
    fit(Supervised(network, cross_entropy), pairs(30), Update(sgd(0.1)), until=Steps(30))
    by_hand(other, itertools.islice(pairs(30), 30), torch.optim.SGD(other.parameters(), lr=0.1))
    torch.testing.assert_close(weights(network), weights(other), rtol=1e-6, atol=1e-7)


def test_clipping_is_that_of_torch():
    """Parity: the limit binds at every step."""
    network = mlp(8, 32, 2)
    other = twin(network)
    fit(Supervised(network, cross_entropy), pairs(32), Update(sgd(0.5), gradients=[ClipNorm(0.05)]), until=Steps(20))
    by_hand(other, itertools.islice(pairs(32), 20), torch.optim.SGD(other.parameters(), lr=0.5), clip=0.05)
    torch.testing.assert_close(weights(network), weights(other), rtol=1e-6, atol=1e-7)


def real(n=32):
    g = torch.Generator().manual_seed(1)
    while True:
        yield torch.randn(n, 2, generator=g) + 3


def test_gan_is_bitwise_the_loop_written_by_hand():
    """Parity: two updates in their own order; neither leaves a gradient on the other's parameters."""
    generator, critic = mlp(4, 16, 2), mlp(2, 16, 1)
    g2, c2 = twin(generator), twin(critic)
    method = GAN(generator, critic, 4)
    average = twin(generator)
    torch.manual_seed(5)
    fit(method, real(), until=Steps(20))

    torch.manual_seed(5)
    og, oc = torch.optim.Adam(g2.parameters(), 1e-3, fused=True), torch.optim.Adam(c2.parameters(), 1e-3, fused=True)
    for x in itertools.islice(real(), 20):
        with torch.no_grad():
            fake = g2(torch.randn(32, 4))
        oc.zero_grad()
        (F.softplus(-c2(x)) + F.softplus(c2(fake))).mean().backward()
        oc.step()
        og.zero_grad()
        F.softplus(-c2(g2(torch.randn(32, 4)))).mean().backward()
        og.step()
        with torch.no_grad():
            for a, p in zip(average.parameters(), g2.parameters(), strict=True):
                a.lerp_(p, 1 - 0.9)
    assert torch.equal(weights(generator), weights(g2))
    assert torch.equal(weights(critic), weights(c2))
    torch.testing.assert_close(weights(method.average), weights(average), rtol=1e-6, atol=1e-7)


def test_an_update_leaves_no_gradient_outside_its_own_parameters():
    """Property: after one generator update the critic has no gradient at all."""
    method = GAN(mlp(4, 16, 2), mlp(2, 16, 1), 4)
    state = fit(method, real(), until=Steps(1))
    for p in method.parameters():
        p.grad = None
    state.updates["generator"](method.generator_loss, {"input": torch.randn(4, 2)})
    assert all(p.grad is None for p in method.critic.parameters())
    assert all(p.grad is not None for p in method.generator.parameters())


def test_order_of_a_step_and_of_an_epoch():
    """Property: step, evaluation, listeners in order, checkpoint last; the epoch's end is seen with its evaluation."""
    seen = []

    class Watched(Supervised):
        def step(self, batch, update):
            seen.append("step")
            return super().step(batch, update)

    class Store(Checkpoints):
        def save(self, *rest):
            seen.append("save")

    def measure(method):
        seen.append("evaluate")
        return {"x": 1.0}

    fit(
        Watched(mlp(8, 2), cross_entropy),
        [next(pairs())] * 2,
        until=Epochs(1),
        evaluate=Evaluation(measure),
        listeners=[lambda s, logs: seen.append("first" if "val/x" not in logs else "first+val"), lambda s, logs: seen.append("second")],
        run=Store("unused"),
    )
    assert seen == ["step", "first", "second", "step", "first", "second", "evaluate", "first+val", "second", "save"]


def test_a_listener_stops_after_all_have_run():
    """Property: Stop(reason) ends the fit after the step; later listeners still see it."""
    later = []
    state = fit(
        Supervised(mlp(8, 2), cross_entropy),
        pairs(),
        until=Steps(10),
        listeners=[lambda s, _: Stop("enough") if s.step == 3 else None, lambda s, _: later.append(s.step)],
    )
    assert (state.step, state.stopped, later) == (3, "enough", [1, 2, 3])


def test_epochs_steps_and_samples_are_counted():
    """Property: counters after two epochs of three ragged batches."""
    batches = [next(pairs(n)) for n in (4, 4, 2)]
    state = fit(Supervised(mlp(8, 2), cross_entropy), batches, until=Epochs(2))
    assert (state.step, state.epoch, state.samples, state.total) == (6, 2, 20, 6)


def test_whichever_length_comes_first_ends_it():
    """Property: Steps(5) | Seconds(1000)."""
    assert fit(Supervised(mlp(8, 2), cross_entropy), pairs(), until=Steps(5) | Seconds(1000)).step == 5


def test_seconds_end_a_fit():
    """Property: time is an end, too."""
    state = fit(Supervised(mlp(8, 2), cross_entropy), pairs(), until=Seconds(0.2))
    assert state.step > 0 and state.seconds >= 0.2


def test_an_iterator_that_ends_early_raises():
    """Error: a one-shot iterator does not end training in silence."""
    with pytest.raises(ValueError, match="ended after 3 steps of 10"):
        fit(Supervised(mlp(8, 2), cross_entropy), itertools.islice(pairs(), 3), until=Steps(10))


def test_an_iterator_serves_one_epoch():
    """Property: one pass is what it has."""
    assert fit(Supervised(mlp(8, 2), cross_entropy), itertools.islice(pairs(), 3), until=Epochs(1)).step == 3


def test_empty_data_raises():
    """Error: no batch at all."""
    with pytest.raises(ValueError, match="yielded no batch"):
        fit(Supervised(mlp(8, 2), cross_entropy), [], until=Steps(1))


def test_an_epoch_without_a_valid_target_raises():
    """Error: every mask empty; and no step was taken, so no weight moved."""
    x, y = next(pairs())
    method = Supervised(mlp(8, 2), cross_entropy)
    before = weights(method)
    with pytest.raises(ValueError, match="no valid target"):
        fit(method, [{"input": x, "target": y, "mask": torch.zeros(32, dtype=torch.bool)}], Update(sgd(1.0, weight_decay=0.1)), until=Epochs(2))
    assert torch.equal(before, weights(method))


def test_a_part_of_an_epoch_without_a_valid_target_raises_too():
    """Error: training that ends before its first epoch does; and one valid step is enough."""
    x, y = next(pairs())
    empty, full = ({"input": x, "target": y, "mask": torch.full((32,), keep)} for keep in (False, True))
    with pytest.raises(ValueError, match="no valid target"):
        fit(Supervised(mlp(8, 2), cross_entropy), [empty, empty], until=Steps(1))
    assert fit(Supervised(mlp(8, 2), cross_entropy), [empty, full], until=Steps(3)).step == 3


def test_plain_network_and_wrong_length_teach():
    """Error: what came, what was expected."""
    with pytest.raises(TypeError, match="Supervised"):
        fit(mlp(8, 2), pairs(), until=Steps(1))
    with pytest.raises(TypeError, match="Epochs"):
        fit(Supervised(mlp(8, 2), cross_entropy), pairs(), until=10)


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Dropout(0.3), nn.ReLU(), nn.Linear(16, 2))


@pytest.mark.parametrize("cut", [1, 5, 6, 7, 13])
def test_resume_is_bitwise(tmp_path, cut):
    """Contract: stopped anywhere (mid-epoch, at its end) and resumed, weights, buffers, plateau and metrics are those of one run."""

    def train(folder, until):
        method = Supervised(network(), cross_entropy)
        update = Update(adam(1e-2), schedule=plateau("val/loss", patience=0, factor=0.5, mode="max"))
        return fit(method, Remembers(), update, until=until, evaluate=Evaluation(Remembers(2)), run=Checkpoints(folder, every=Steps(1)))

    whole = train(tmp_path / "whole", Epochs(3))
    train(tmp_path / "cut", Steps(cut))
    torch.manual_seed(123)
    rest = train(tmp_path / "cut", Epochs(3))
    for (name, a), b in zip(whole.method.state_dict().items(), rest.method.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    assert rest.updates["all"].schedules[0][-1].state_dict() == whole.updates["all"].schedules[0][-1].state_dict()
    assert rest.metrics == whole.metrics and rest.step == whole.step


def test_resume_of_a_plain_shuffling_loader_is_bitwise(tmp_path):
    """Contract: a torch DataLoader keeps no position; the feed replays its epoch."""
    data = torch.utils.data.TensorDataset(*next(pairs(40)))

    def train(folder, until, seed):
        method = Supervised(network(), cross_entropy)
        torch.manual_seed(seed)
        return fit(
            method, torch.utils.data.DataLoader(data, 8, shuffle=True), Update(adam(1e-2)), until=until, run=Checkpoints(folder, every=Steps(1))
        )

    whole = train(tmp_path / "whole", Steps(13), 3)
    train(tmp_path / "cut", Steps(7), 3)
    rest = train(tmp_path / "cut", Steps(13), 99)
    assert all(torch.equal(a, b) for a, b in zip(whole.method.state_dict().values(), rest.method.state_dict().values(), strict=True))


def test_optimizer_state_is_carried_over_by_name_into_the_next_stage(tmp_path):
    """Property: a second stage with a new head keeps the moments of the body and says what is new."""

    class Two(Method):
        def __init__(self):
            super().__init__()
            self.body, self.head = nn.Linear(8, 4), nn.Linear(4, 2)

        def loss(self, batch):
            return Loss.mean(cross_entropy(self.head(self.body(batch["input"])), batch["target"]))

    method = Two()
    first = fit(method, pairs(), Update(adam(1e-2), on=""), until=Steps(5), run=Checkpoints(tmp_path / "1"))
    moments = first.updates["all"].optimizer.state[method.body.weight]["exp_avg"].clone()
    method.extra = nn.Linear(2, 2)
    seen = []

    def watch(state, logs):
        seen.append(state)

    with pytest.warns(UserWarning, match=r"extra\.bias"):
        second = fit(
            method, pairs(), Update(adam(0.0), on=""), until=Steps(1), run=Checkpoints(tmp_path / "2", previous=tmp_path / "1"), listeners=[watch]
        )
    after = second.updates["all"].optimizer.state[method.body.weight]
    assert int(after["step"]) == 6
    gradient = (after["exp_avg"] - 0.9 * moments) / 0.1
    assert gradient.norm() < 10 * moments.norm() + 10 and not torch.equal(after["exp_avg"], torch.zeros_like(moments))


def test_a_changed_set_of_updates_is_refused_on_resume(tmp_path):
    """Error: says what the checkpoint has and what the program has."""
    fit(Supervised(mlp(8, 2), cross_entropy), pairs(), until=Steps(2), run=tmp_path)
    with pytest.raises(ValueError, match=r"\['all'\].*\['other'\]"):
        fit(Supervised(mlp(8, 2), cross_entropy), pairs(), {"other": Update(on="")}, until=Steps(4), run=tmp_path)


INTERRUPTED = """
import sys, time, torch
from tests.engine.toys import mlp, pairs
from weft.engine import Steps, fit
from weft.losses import cross_entropy
from weft.methods import Supervised
def slow(state, logs):
    print(state.step, flush=True); time.sleep(0.02)
torch.manual_seed(0)
fit(Supervised(mlp(8, 2), cross_entropy), pairs(), until=Steps(10_000), run=sys.argv[1], listeners=[slow])
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals_save_a_checkpoint_and_leave(tmp_path, number, status):
    """Property: the message names step and folder, the exit status is that of the signal, and the checkpoint is there."""
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.stdout is not None
    while int(process.stdout.readline() or -1) < 5:
        assert process.poll() is None, process.communicate()
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == status
    assert "goes on from there" in errors
    found = Checkpoints(tmp_path).latest()
    assert found is not None and found[1]["step"] >= 5


def test_a_full_disk_costs_no_earlier_checkpoint(tmp_path, monkeypatch):
    """Property: a save that fails warns, leaves the old one whole, and training goes on."""
    from weft.data import state_files as files

    real_write, calls = files.write_bytes, []

    def full(path, data):
        calls.append(path)
        if len(calls) > 4:
            raise OSError(28, "No space left on device")
        real_write(path, data)

    monkeypatch.setattr(files, "write_bytes", full)
    with pytest.warns(UserWarning, match="No checkpoint at step 3"):
        state = fit(Supervised(mlp(8, 2), cross_entropy), pairs(), until=Steps(5), run=Checkpoints(tmp_path, every=Steps(1)))
    assert state.step == 5
    found = Checkpoints(tmp_path).latest()
    assert found is not None and found[1]["step"] == 2


def test_time_spent_is_summed_over_sessions(tmp_path):
    """Property: training time goes on where the checkpoint stood."""
    first = fit(Supervised(mlp(8, 2), cross_entropy), pairs(), until=Steps(2), run=tmp_path, listeners=[lambda s, _: time.sleep(0.05)])
    second = fit(Supervised(mlp(8, 2), cross_entropy), pairs(), until=Steps(3), run=tmp_path)
    assert second.seconds > first.seconds >= 0.05
    assert json.loads(json.dumps(second.metrics)) == {}


def test_an_error_in_the_networks_brings_the_batch_along():
    """Error: torch's words know two matrices; the note knows the batch."""
    with pytest.raises(RuntimeError) as caught:
        fit(Supervised(mlp(7, 2), cross_entropy), pairs(), until=Steps(1))
    assert caught.value.__notes__ == ["This was step 1, with the batch: input (32, 8) float32, target (32,) int64."]


def test_data_hears_of_a_checkpoint_only_when_it_is_on_disk(tmp_path, monkeypatch):
    """The position is committed after the files are written, and not at all when they could not be."""
    from weft.data import Arrays, Loader
    from weft.data import state_files as files

    told = []

    class Queue(Loader):
        def committed(self, state):
            told.append((state["batch"], len(list(tmp_path.rglob("*.json")))))

    x, y = next(iter(pairs()))
    queue = Queue(Arrays({"input": x, "target": y}), None, 4)
    fit(Supervised(mlp(8, 2), cross_entropy), queue, until=Steps(2), run=Checkpoints(tmp_path, every=Steps(1)))
    assert [batch for batch, _ in told] == [1, 2] and all(files for _, files in told)

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(files, "write_bytes", full)
    with pytest.warns(UserWarning, match="No space left"):
        fit(Supervised(mlp(8, 2), cross_entropy), queue, until=Steps(4), run=Checkpoints(tmp_path / "other", every=Steps(2)))
    assert len(told) == 2

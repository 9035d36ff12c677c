"""State: counters, progress, the best weights, listeners with a memory."""

from __future__ import annotations

import pytest
import torch

from tests.engine.toys import mlp, pairs
from weft.engine import Checkpoints, Epochs, Evaluation, Steps, Stop, fit
from weft.losses import cross_entropy
from weft.methods import Supervised


def supervised():
    return Supervised(mlp(8, 2), cross_entropy)


def test_progress_counts_and_knows_the_whole():
    """Closed form: after 3 of 6 steps in batches of 32."""
    state = fit(supervised(), [next(pairs())] * 3, until=Epochs(2), listeners=[lambda s, _: Stop("half") if s.step == 3 else None])
    progress = state.progress()
    assert (progress.step, progress.samples, progress.total, progress.fraction) == (3, 96, 6, 0.5)


def test_best_without_anything_monitored_teaches():
    """Error: nothing was monitored."""
    with pytest.raises(ValueError, match="nothing was monitored"):
        fit(supervised(), pairs(), until=Steps(1)).best()


def test_best_comes_from_disk_where_there_is_a_run(tmp_path):
    """Property: the same weights, whether kept in memory or on disk."""

    def train(run):
        torch.manual_seed(0)
        scores = iter([0.1, 0.9, 0.2, 0.3])
        data = [next(pairs())] * 2
        return fit(supervised(), data, until=Epochs(4), evaluate=Evaluation(lambda m: {"score": next(scores)}), run=run)

    memory, disk = train(None), train(tmp_path)
    last = memory.method.network[0].weight.clone()
    assert torch.equal(memory.best().network[0].weight, disk.best().network[0].weight)
    assert not torch.equal(last, memory.method.network[0].weight)


class Remembering:
    def __init__(self):
        self.total = 0

    def __call__(self, state, logs):
        self.total += 1

    def state_dict(self):
        return {"total": self.total}

    def load_state_dict(self, state):
        self.total = state["total"]


class Another(Remembering):
    pass


def test_listeners_find_their_memory_whoever_stands_beside_them(tmp_path):
    """Property: by class and number among its kind, not by position."""
    first = [Another(), Remembering(), Remembering()]
    fit(supervised(), pairs(), until=Steps(4), run=Checkpoints(tmp_path), listeners=first)
    later = [Remembering(), Remembering()]
    fit(supervised(), pairs(), until=Steps(6), run=Checkpoints(tmp_path), listeners=later)
    assert [x.total for x in later] == [6, 6]


def test_what_a_listener_stopped_stays_stopped(tmp_path):
    """Property: early stopping survives a restart; reaching the end does not stop a longer run."""
    fit(supervised(), pairs(), until=Steps(9), run=tmp_path / "a", listeners=[lambda s, _: Stop("flat") if s.step == 3 else None])
    again = fit(supervised(), pairs(), until=Steps(9), run=tmp_path / "a")
    assert (again.step, again.stopped) == (3, "flat")
    fit(supervised(), pairs(), until=Steps(3), run=tmp_path / "b")
    assert fit(supervised(), pairs(), until=Steps(5), run=tmp_path / "b").step == 5


def test_a_state_prints_where_it_is():
    """Closed form: two batches of 32, twice."""
    data = [next(pairs())] * 2
    shown = repr(fit(supervised(), data, until=Epochs(2), evaluate=Evaluation(data)))
    assert shown.startswith("State(Supervised: step 4, epoch 2, 128 samples, val/loss=") and shown.endswith(")")

"""Replay of a stream: who is in memory, what is drawn, restarts; and testing before learning."""

from __future__ import annotations

import copy

import pytest
import torch

from weft.data import Chain, FlowLoader, Rehearsed, prequential
from weft.engine import Steps, Update, fit
from weft.losses import mse
from weft.methods import Supervised
from weft.optim import sgd


def batches(count=12, size=3):
    return [{"input": torch.arange(n * size, (n + 1) * size)} for n in range(count)]


def test_new_rows_come_first_and_old_ones_follow():
    """Rehearsed, property: a batch is the loader's own and ``replayed`` rows of earlier batches, none twice where there are enough."""
    for policy in ("reservoir", "recent"):
        seen: set[int] = set()
        for n, batch in enumerate(Rehearsed(batches(), 8, 4, policy=policy)):
            rows = batch["input"].tolist()
            assert rows[:3] == list(range(3 * n, 3 * n + 3)) and set(rows[3:]) <= seen and len(rows) == (7 if n else 3)
            assert len(set(rows[3:])) == min(4, len(seen), 8) if n else True
            seen |= set(rows[:3])


def test_every_row_is_in_the_reservoir_with_one_probability():
    """Rehearsed, closed form: of 40 rows each is in a memory of 10 with probability 1/4; chi-square over 200 seeds is below its 99.9 % point."""
    counts = torch.zeros(40)
    for seed in range(200):
        feed = Rehearsed(batches(4, 10), 10, 1, seed=seed)
        for _ in feed:
            pass
        counts[feed.memory.last(10)["input"]] += 1
    assert counts.sum() == 2000
    statistic = float(((counts - 50) ** 2 / (50 * 0.75)).sum())
    assert statistic < 72.1, statistic  # 39 degrees


def test_recent_rows_are_drawn_by_their_age():
    """Rehearsed, closed form: with half-life 2 the newest of four is drawn 2^(3/2) times as often as the oldest, within 4 sigma."""
    counts = torch.zeros(4)
    for seed in range(600):
        *_, last = Rehearsed([{"input": torch.arange(4)}, {"input": torch.tensor([9])}], 4, 1, policy="recent", half_life=2, seed=seed)
        counts[last["input"][1]] += 1
    weights = 0.5 ** (torch.arange(3, -1, -1) / 2)
    expected = 600 * weights / weights.sum()
    assert ((counts - expected).abs() < 4 * expected.sqrt()).all(), (counts, expected)


@pytest.mark.parametrize("policy", ["reservoir", "recent"])
def test_a_restart_anywhere_changes_nothing(policy):
    """Rehearsed, property: over a flow with a position, from the state after any batch on the batches are those of an unbroken run."""

    def make():
        return Rehearsed(FlowLoader(Chain([range(14)], lambda p: [{"input": torch.tensor(n)} for n in p]), None, 3), 5, 2, policy=policy)

    straight = [batch["input"].tolist() for batch in make()]
    for stop in range(len(straight)):
        feed = make()
        running = iter(feed)
        for _ in range(stop):
            next(running)
        state = copy.deepcopy(feed.state_dict())
        again = make()
        again.load_state_dict(state)
        assert [batch["input"].tolist() for batch in again] == straight[stop:]


def test_it_trains_through_fit_and_mistakes_are_told():
    line = [{"input": torch.tensor([[float(n)]]), "target": torch.tensor([[2.0 * n]])} for n in (-1, 1, 2)]
    network = torch.nn.Linear(1, 1)
    fit(Supervised(network, mse), Rehearsed(line, 2, 2), Update(sgd(0.1)), until=Steps(150))
    assert abs(network.weight.item() - 2) < 0.02
    for wrong in ({"policy": "none"}, {"half_life": 0}):
        with pytest.raises(ValueError, match="expected at least 1"):
            Rehearsed([], 1, 1, **wrong)


def test_each_row_is_tested_before_it_is_learned():
    """prequential, closed form: scores come before learning; the faded mean is the formula, with 1 the plain mean."""
    learned: list[int] = []
    data = [{"n": torch.tensor([2 * k, 2 * k + 1])} for k in range(4)]

    def score(batch):
        assert not set(batch["n"].tolist()) & set(learned)
        return (batch["n"] % 3 == 0).float()

    right = [float(n % 3 == 0) for n in range(8)]
    for forget in (1.0, 0.5):
        learned.clear()
        steps = list(prequential(data, score, lambda batch: learned.extend(batch["n"].tolist()), forget=forget))
        for k, (own, faded) in enumerate(steps):
            weights = [forget ** (2 * k + 1 - i) for i in range(2 * k + 2)]
            assert own == sum(right[2 * k : 2 * k + 2]) / 2
            assert faded == pytest.approx(sum(w * r for w, r in zip(weights, right, strict=False)) / sum(weights))
    with pytest.raises(ValueError, match="at most 1"):
        list(prequential([], score, print, forget=2))


def test_accuracy_falls_at_a_shift_and_recovers():
    """prequential, learned: a linear classifier that goes on learning is right on 95 of 100 rows, below 50 right after the two classes change
    places, and above 90 again 200 batches later; with a tenth of the learning rate it recovers later."""
    generator = torch.Generator().manual_seed(0)

    def stream():
        for n in range(500):
            x = torch.randn(8, 5, generator=generator)
            y = (x.sum(1) > 0).float()
            yield {"input": x, "target": y if n < 250 else 1 - y}

    def run(rate):
        w = torch.zeros(5)

        def learn(batch):
            nonlocal w
            w = w + rate * ((batch["target"] - (batch["input"] @ w).sigmoid())[:, None] * batch["input"]).mean(0)

        return [faded for _, faded in prequential(stream(), lambda b: ((b["input"] @ w > 0) == (b["target"] > 0.5)).float(), learn, forget=0.98)]

    fast = run(0.3)
    assert fast[249] > 0.95 and min(fast[250:270]) < 0.5 and fast[499] > 0.9
    slow = run(0.03)
    assert next(n for n in range(260, 500) if fast[n] > 0.8) < next((n for n in range(260, 500) if slow[n] > 0.8), 500)

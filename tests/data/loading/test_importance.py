"""Importance: unbiased whatever the scores, learned scores count from the next epoch, all of it resumes."""

from __future__ import annotations

import math

import pytest
import torch

from weft.data import Arrays, Importance, Loader


def test_the_weighted_mean_is_the_plain_mean():
    """Importance, closed form: sum of p_i w_i f_i is the mean of f, for any scores."""
    plan = Importance(6, 2, smoothing=0.3)
    plan.learn(torch.arange(6), torch.tensor([0.0, 1.0, 5.0, 0.5, 20.0, 3.0]))
    plan.batches(6, 0, 1)
    f = torch.randn(6, dtype=torch.float64)
    p, w = plan.probabilities(), plan.weights(torch.arange(6)).double()
    assert float(p.sum()) == pytest.approx(1.0)
    assert float((p * w * f).sum()) == pytest.approx(float(f.mean()), rel=1e-5)
    assert float(p[4]) > 5 * float(p[0]) > 0


def test_records_are_drawn_as_often_as_their_probability_says():
    plan = Importance(4, 8, num_samples=4000)
    plan.learn(torch.tensor([2]), torch.tensor([9.0]))
    found = torch.cat(list(plan.batches(4, 0, 1)))
    for i, p in enumerate(plan.probabilities().tolist()):
        assert abs(int((found == i).sum()) - 4000 * p) <= 3 * math.sqrt(4000 * p * (1 - p))


def test_scores_wait_for_the_next_epoch_and_resume():
    """Importance, property: an epoch under way is not changed by what is learned in it, also after a restart."""
    source = Arrays({"input": torch.arange(12)})

    def follow(loader, seen, stop=None):
        for number, batch in enumerate(loader):
            seen.append(batch["index"].tolist())
            loader.batch_size.learn(batch["index"].unique(), batch["index"].unique().float())
            if number == stop:
                return loader.state_dict()
        return None

    straight, resumed = [], []
    loader = Loader(source, None, Importance(12, 3))
    for _ in range(3):
        follow(loader, straight)
    first = Loader(source, None, Importance(12, 3))
    follow(first, resumed)
    state = follow(first, resumed, stop=1)
    second = Loader(source, None, Importance(12, 3))
    second.load_state_dict(state)
    follow(second, resumed)
    follow(second, resumed)
    assert resumed == straight


@pytest.mark.parametrize("arguments", [{"smoothing": 0.0}, {"memory": 1.0}, {"size": 0}])
def test_impossible_settings_are_refused(arguments):
    with pytest.raises(ValueError, match="expected sizes from 1 on"):
        Importance(**({"size": 4} | arguments))
    plan = Importance(4)
    for wrong in (math.nan, -1.0):
        with pytest.raises(ValueError, match="finite and not negative"):
            plan.learn(torch.tensor([0]), torch.tensor([wrong]))
    with pytest.raises(ValueError, match="for 4 records; the source has 5"):
        plan.batches(5, 0, 0)

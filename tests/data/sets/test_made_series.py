"""Made series, token tasks and tones: a simple baseline beats chance by a stated margin."""

from __future__ import annotations

import pytest
import torch

from weft.data.sets.made_series import last_steps, seasons, token_task, tones


def explained(x, y):
    w = torch.linalg.lstsq(x[::2], y[::2]).solution
    return 1 - ((x[1::2] @ w - y[1::2]).square().mean() / y[1::2].var()).item()


def test_the_last_steps_explain_the_target():
    """Learned: the mean of the last 10 of last_steps explains above 0.95, that of all 50 steps below 0.3, that of the first 40 nothing."""
    source = last_steps(2000)
    x, y = source.columns["input"], source.columns["target"]
    assert x.shape == (2000, 50, 10)
    assert explained(x[:, -10:].mean(1), y) > 0.95 and 0.1 < explained(x.mean(1), y) < 0.3 and explained(x[:, :40].mean(1), y) < 0.02
    with pytest.raises(ValueError, match="expected 1 to length"):
        last_steps(2, 5, steps=6)


def test_the_longest_season_comes_again():
    """Learned: on seasons, the value one period before misses by less than a fifth of what the mean misses."""
    value = seasons(3000, trend=0.5).columns["value"]
    miss = (value[168:] - value[:-168]).square().mean() / value[168:].var()
    assert miss < 0.2
    assert torch.allclose(seasons(3000, noise=0).columns["value"][:100] + 0, seasons(3000, noise=0).columns["value"][:100])
    trend = seasons(1000, periods=(10,), noise=0.0, trend=3.0).columns["value"]
    assert (trend[10:] - trend[:-10]).mean().item() == pytest.approx(0.03, abs=1e-4)


def test_the_rule_of_a_token_task_is_always_right():
    """Closed form: token_task by the rule itself; a position's commonest token is right in fewer than 0.3 of copy and reverse."""
    rules = {"copy": lambda x: x, "reverse": lambda x: x[::-1], "sort": sorted}
    for task, rule in rules.items():
        columns = token_task(task, 200).columns
        assert columns["target"].tolist() == [list(rule(row)) for row in columns["input"].tolist()]
        assert columns["input"].min() == 1 and columns["input"].max() == 10
        if task != "sort":
            commonest = columns["target"].mode(0).values
            assert (columns["target"] == commonest).float().mean() < 0.3
    with pytest.raises(ValueError, match="expected 'copy'"):
        token_task("shift")


def test_the_loudest_frequency_tells_tones_apart():
    """Learned: the loudest frequency of tones names the pitch in all of 300 against a chance of 1/4; of chirps, that of the first fifth in above 0.9."""
    columns = tones().columns
    pitches = 250 * 2 ** (torch.arange(4) / 2)
    loudest = torch.fft.rfft(columns["audio"]).abs().argmax(1) * 8000 / 4000
    assert torch.equal((loudest[:, None] - pitches).abs().argmin(1), columns["label"])
    assert columns["audio"].abs().max() <= 1 and columns["sample_rate"][0] == 8000
    rising = tones(chirp=True).columns["audio"]
    first, last = (torch.fft.rfft(rising[:, part]).abs().argmax(1) * 8000 / 800 for part in (slice(0, 800), slice(-800, None)))
    assert ((first[:, None] / 1.1 - pitches).abs().argmin(1) == columns["label"]).float().mean() > 0.9 and bool((last > 1.5 * first).all())
    with pytest.raises(ValueError, match="beyond half of rate"):
        tones(4, classes=9)


@pytest.mark.parametrize("make", [last_steps, token_task, tones])
def test_the_same_seed_gives_the_same_data(make):
    options = {"task": "copy"} if make is token_task else {}
    one, two, other = (make(size=6, seed=seed, **options).columns for seed in (3, 3, 4))
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert any(not torch.equal(one[key], other[key]) for key in one)

"""The advisor's table, its ranges, and the noise scale against theory."""

from __future__ import annotations

import pytest
import torch

import weft.optim as optim
from weft.optim import advise, noise_scale
from weft.optim.advice import NETWORKS, RANGES

TABLE = [
    ({"sparse": True}, "sparse_adam"),
    ({"whole": True}, "lbfgs"),
    ({"network": "gan", "batch": 8192}, "adam"),
    ({"network": "reinforcement"}, "adam"),
    ({"network": "cnn"}, "sgd"),
    ({"network": "cnn", "batch": 4096}, "lars"),
    ({"network": "transformer", "batch": 4096}, "lamb"),
    ({"network": "transformer", "tight_memory": True}, "adafactor"),
    ({"network": "recurrent", "tight_memory": True}, "lion"),
    ({"network": "cnn", "fine_tune": True}, "adamw"),
    ({"network": "mlp", "known_length": False}, "schedule_free_adamw"),
    ({"network": "transformer"}, "adamw"),
]


@pytest.mark.parametrize(("situation", "wanted"), TABLE)
def test_the_table(situation, wanted):
    """advise, closed form: each situation's optimizer, which is one of the catalogue and can be made at the advised rate."""
    advice = advise(**situation)
    assert advice.optimizer == wanted and str(advice).startswith(wanted) and advice.why
    made = getattr(optim, wanted)(advice.lr)([("w", torch.nn.Parameter(torch.ones(2, 2)))])
    assert made.param_groups[0]["lr"] == advice.lr


def test_no_advice_says_that_rates_need_no_search():
    """advise, property: every text tells to search the rate; fine-tuning asks for smaller ones; recurrent nets are told to clip."""
    for network in NETWORKS:
        for fine in (True, False):
            assert "search a decade" in str(advise(network, fine_tune=fine))
    assert advise("transformer", fine_tune=True).lr < advise("transformer").lr
    assert "clip_norm" in str(advise("recurrent"))
    with pytest.raises(ValueError, match=r"Unknown network 'transfomer'. Did you mean 'transformer'"):
        advise("transfomer")


def test_the_ranges_hold_what_is_usual():
    """Property: the rate comes first; low < usual < high or at an end; each says what it does."""
    assert RANGES[0].name == "lr" and (RANGES[0].low, RANGES[0].high) == (1e-5, 1e-1)
    assert all(r.low <= r.usual <= r.high and r.effect for r in RANGES)


def test_the_noise_scale_of_gaussian_gradients():
    """noise_scale, closed form: gradients N(g, S) of single samples give tr(S) / |g|^2 within a tenth; without a slope it is infinite."""
    generator = torch.Generator().manual_seed(0)
    g, spread = torch.full((50,), 0.3), torch.linspace(0.5, 2, 50)

    def norms(batch):
        return [(g + spread * torch.randn(batch, 50, generator=generator)).mean(0).square().sum() for _ in range(2000)]

    wanted = spread.square().sum().item() / g.square().sum().item()
    assert noise_scale(norms(2), norms(32), 2, 32) == pytest.approx(wanted, rel=0.1)
    assert noise_scale([4.0], [1.0], 1, 4) == float("inf")
    with pytest.raises(ValueError, match="expected two sizes, the small one first"):
        noise_scale([1.0], [1.0], 4, 4)

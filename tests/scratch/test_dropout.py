"""Dropout: exact at both ends, its mean in between."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.scratch.compare import autograd, same
from weft.scratch import dropout, kept


@pytest.mark.parametrize("p", [0.0, 0.25, 0.5, 0.9, 1.0])
def test_values_and_gradients_are_torchs_for_its_choice(p):
    """dropout, parity: with the units that torch chose to keep, torch's values and gradients; exact at p = 0 and p = 1."""
    random = np.random.default_rng(0)
    x, dy = 1 + random.random((20, 30)), random.normal(size=(20, 30))
    y, (gradient,) = autograd(lambda x: torch.nn.functional.dropout(x, p), [x], dy)
    keep = y != 0
    assert same(dropout(x, keep, p), y) and same(dropout(dy, keep, p), gradient)
    if p in (0.0, 1.0):
        assert same(dropout(x, kept(x.shape, p, random), p), x * (1 - p))


def test_the_mean_stays_and_the_share_is_as_asked():
    """dropout, property: over a million units the mean and the share kept lie within four standard errors; the same generator, the same units."""
    x = np.ones(1_000_000)
    for p in (0.2, 0.5, 0.8):
        keep = kept(x.shape, p, np.random.default_rng(1))
        assert abs(keep.mean() - (1 - p)) < 4 * np.sqrt(p * (1 - p) / 1e6) and abs(dropout(x, keep, p).mean() - 1) < 4 * np.sqrt(p / (1 - p) / 1e6)
        assert np.array_equal(keep, kept(x.shape, p, np.random.default_rng(1)))


def test_all_dropped_is_zero_and_not_undefined():
    """dropout, closed form: p = 1 gives zeros, forwards and backwards, whatever the mask says."""
    with np.errstate(all="raise"):
        assert not dropout(np.ones(5), np.zeros(5, bool), 1.0).any() and not dropout(np.ones(5), np.ones(5, bool), 1.0).any()


def test_what_is_no_probability_is_refused():
    for p in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="expected a probability"):
            dropout(np.ones(3), np.ones(3, bool), p)
    with pytest.raises(ValueError, match=r"keep of shape \(1,\) for x of shape \(3,\)"):
        dropout(np.ones(3), np.ones(1, bool))

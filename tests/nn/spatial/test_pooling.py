"""Pooling."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from weft.nn import GeM, SpatialAttentionPool, SpatialPyramidPooling, pool, pool_size

SHAPES = {1: (2, 3, 9), 2: (2, 3, 9, 10), 3: (2, 3, 6, 7, 5)}


def windows(x, kernel, stride):
    """Every window of ``x``, its places in the last dimension."""
    for dim in range(2, x.ndim):
        x = x.unfold(dim, kernel, stride)
    ndim = (x.ndim - 2) // 2
    return x.flatten(2 + ndim)


@pytest.mark.parametrize("ndim", SHAPES)
@pytest.mark.parametrize(("kernel", "stride"), [(2, None), (3, 2)])
def test_pools_by_name_are_maxima_means_and_norms_of_windows(ndim, kernel, stride):
    """Brute force: pool by name over 1 to 3 dimensions, plain (2) and overlapping (3 and 2), values and gradients; sizes as pool_size says."""
    x = torch.randn(SHAPES[ndim], requires_grad=True)
    options = {"kernel_size": kernel} | ({"stride": stride} if stride else {})
    functions = {"max": lambda w: w.amax(-1), "average": lambda w: w.mean(-1), "lp": lambda w: w.square().sum(-1).sqrt()}
    for name, function in functions.items():
        y, expected = pool(name, options, ndim=ndim)(x), function(windows(x, kernel, stride or kernel))
        torch.testing.assert_close(y, expected)
        assert y.shape[2:] == torch.Size([pool_size(size, kernel, stride) for size in SHAPES[ndim][2:]])
        g = torch.randn_like(y)
        torch.testing.assert_close(torch.autograd.grad(y, x, g), torch.autograd.grad(expected, x, g))


@pytest.mark.parametrize("ndim", SHAPES)
def test_global_pools_are_over_all_places_and_adaptive_ones_of_any_size(ndim):
    """Closed form: global pools are mean and maximum over space; adaptive ones equal plain ones where sizes divide."""
    x = torch.randn(SHAPES[ndim])
    torch.testing.assert_close(pool("global_average", ndim=ndim)(x), x.flatten(2).mean(-1))
    torch.testing.assert_close(pool("global_max", ndim=ndim)(x), x.flatten(2).amax(-1))
    even = torch.randn(2, 3, *[8] * ndim)
    for name in ("max", "average"):
        torch.testing.assert_close(pool(f"adaptive_{name}", {"output_size": 4}, ndim=ndim)(even), pool(name, ndim=ndim)(even))


@pytest.mark.parametrize("ndim", [2, 3])
def test_fractional_pooling_has_its_ratio_and_repeats_with_its_seed(ndim):
    """Property: sizes are floor(size * ratio); one seed gives the same windows, another others; every value is one of the input's."""
    x, layer = torch.randn(2, 3, *[13] * ndim), pool("fractional_max", {"output_ratio": 0.7, "kernel_size": 2}, ndim=ndim)
    torch.manual_seed(1)
    first = layer(x)
    torch.manual_seed(1)
    assert torch.equal(layer(x), first) and not torch.equal(layer(x), first)
    assert first.shape[2:] == torch.Size([9] * ndim)
    assert torch.isin(first, x).all()


def test_unpooling_puts_maxima_back():
    """Property: max_unpool with the indices of a max pooling restores the maxima in their places, and zeros elsewhere."""
    x = torch.randn(2, 3, 8, 6).abs() + 0.1
    y, indices = pool("max", {"return_indices": True})(x)
    back = pool("max_unpool")(y, indices)
    assert back.shape == x.shape and torch.equal(back[back != 0], x[back != 0])
    torch.testing.assert_close(pool("max")(back), y)


def test_names_options_and_dimensions_that_do_not_exist_are_said():
    with pytest.raises(ValueError, match=r"Unknown pool 'averge'. Did you mean 'average'"):
        pool("averge")
    with pytest.raises(ValueError, match=r"Pool 'max' has no option 'kernel'. Did you mean 'kernel_size'"):
        pool("max", {"kernel": 3})
    with pytest.raises(ValueError, match="no fractional_max pooling over 1 dimensions"):
        pool("fractional_max", ndim=1)
    with pytest.raises(ValueError, match="'adaptive_max' needs output_size"):
        pool("adaptive_max")


@given(st.floats(0.3, 20), st.lists(st.floats(0.0, 1e4, width=32), min_size=1, max_size=9))
@settings(max_examples=25, deadline=None)
def test_gem_lies_between_mean_and_maximum_and_grows_with_p(p, values):
    """Property: GeM (gem) of p is a mean: between minimum and maximum, rising with p; 1 gives the mean."""
    x = torch.tensor(values, dtype=torch.float64)[None, None]
    y, larger = GeM(p).double()(x), GeM(2 * p).double()(x)
    assert x.min() - 1e-3 <= y.item() <= x.max() + 1e-3 and larger.item() >= y.item() - 1e-6 * (1 + y.item())
    torch.testing.assert_close(GeM(1.0).double()(x)[0, 0], x.clamp(min=1e-6).mean(), rtol=1e-5, atol=1e-6)


def test_gem_equals_its_formula_and_is_finite_in_half_precision():
    """Closed form: (mean x^p)^(1/p) with the gradients of x and p; in fp16 at 1e4 the cube overflows and GeM does not."""
    layer, x = GeM(2.5).double(), torch.rand(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    formula = lambda x, p: x.pow(p).mean((2, 3)).pow(1 / p)  # noqa: E731
    torch.testing.assert_close(layer(x), formula(x, 2.5))
    p = torch.tensor(2.5, dtype=torch.float64, requires_grad=True)
    ours, theirs = torch.autograd.grad(layer(x).sum(), (x, layer.p)), torch.autograd.grad(formula(x, p).sum(), (x, p))
    torch.testing.assert_close(ours, theirs)
    large = torch.full((1, 1, 4), 1e4, dtype=torch.float16)
    assert GeM()(large).isfinite().all() and not large.pow(3).isfinite().any()
    with pytest.raises(ValueError, match="above 0"):
        GeM(0)


def test_attention_pool_weighs_each_heads_channels():
    """Brute force: SpatialAttentionPool (spatial_attention_pool) by loops over samples and heads; masked places count for nothing, none for zeros."""
    layer, x = SpatialAttentionPool(4, 2), torch.randn(3, 4, 2, 5)
    mask = torch.rand(3, 2, 5) < 0.6
    mask[2] = False
    for given_mask in (None, mask):
        y = layer(x, given_mask)
        for sample in range(2):
            keep = torch.ones(10, dtype=torch.bool) if given_mask is None else mask[sample].flatten()
            places = x[sample].flatten(1)[:, keep]                                       # (4, kept)
            scores = layer.score.weight @ places + layer.score.bias[:, None]
            for head in range(2):
                own = slice(2 * head, 2 * head + 2)
                torch.testing.assert_close(y[sample, own], places[own] @ scores[head].softmax(0))
    assert not y[2].any()
    y[2].sum().backward()
    assert layer.score.weight.grad.isfinite().all()
    with pytest.raises(ValueError, match="cannot be cut into 3 equal heads"):
        SpatialAttentionPool(4, 3)


def test_pyramid_is_adaptive_pools_in_a_row_of_one_length():
    """Parity: SpatialPyramidPooling (spatial_pyramid_pooling) against torch's adaptive pools; three sizes give one length."""
    for kind, function in (("max", F.adaptive_max_pool2d), ("average", F.adaptive_avg_pool2d)):
        layer = SpatialPyramidPooling((1, 2, 3), kind)
        for size in ((6, 6), (9, 7), (3, 13)):
            x = torch.randn(2, 4, *size)
            y = layer(x)
            assert y.shape == (2, 4 * 14)
            torch.testing.assert_close(y, torch.cat([function(x, n).flatten(1) for n in (1, 2, 3)], 1))
    with pytest.raises(ValueError, match="Unknown kind of pooling 'maximum'"):
        SpatialPyramidPooling(kind="maximum")

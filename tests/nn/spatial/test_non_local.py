"""The non-local block."""

from __future__ import annotations

import pytest
import torch

from tests.references import reference
from weft.nn import NonLocal
from weft.nn.spatial.non_local import FORMS


def learned(layer):
    for value in layer.parameters():
        torch.nn.init.normal_(value, std=0.4)
    return layer


def weights(form, layer, x, seen):
    """How much each place looks at each other, by loops over pairs."""
    pairs = torch.zeros(x.shape[1], seen.shape[1])
    for i in range(x.shape[1]):
        for j in range(seen.shape[1]):
            a, b = x[:, i], seen[:, j]
            if form != "gaussian":
                a = layer.theta.weight[:, :, 0, 0] @ a + layer.theta.bias
                b = layer.phi.weight[:, :, 0, 0] @ b + layer.phi.bias
            pairs[i, j] = (layer.weigh.weight[0] @ torch.cat([a, b])).relu() if form == "concatenation" else a @ b
    return pairs.softmax(1) if form in ("embedded", "gaussian") else pairs / seen.shape[1]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("subsample", [1, 2])
@torch.no_grad()
def test_every_form_is_its_sum_over_pairs(form, subsample):
    """Brute force: NonLocal (non_local) by loops over all pairs of places, with and without pooled keys; it begins as the identity."""
    layer, x = NonLocal(6, form=form, subsample=subsample), torch.randn(2, 6, 4, 4)
    assert torch.equal(layer(x), x)
    learned(layer)
    y = layer(x)
    for sample in range(2):
        seen = torch.nn.functional.max_pool2d(x[sample], subsample).flatten(1)
        places = x[sample].flatten(1)
        values = layer.g.weight[:, :, 0, 0] @ seen + layer.g.bias[:, None]
        mixed = values @ weights(form, layer, places, seen).T
        expected = places + layer.z.weight[:, :, 0, 0] @ mixed + layer.z.bias[:, None]
        torch.testing.assert_close(y[sample].flatten(1), expected, rtol=1e-4, atol=1e-4)


def test_the_embedded_form_equals_timms():
    """Parity: timm's NonLocalAttn without its scale; its norm, which is fresh, is folded into the last convolution."""
    layers = reference("timm.layers")
    from weft.nn import fold_norm

    theirs = learned(layers.NonLocalAttn(16, use_scale=False, rd_channels=8)).eval()
    last = fold_norm(theirs.z, theirs.norm)
    ours = NonLocal(16, hidden=8)
    for mine, other in ((ours.theta, theirs.t), (ours.phi, theirs.p), (ours.g, theirs.g), (ours.z, last)):
        mine.load_state_dict(other.state_dict())
    x = torch.randn(2, 16, 5, 4)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("form", FORMS)
def test_places_may_change_places(form):
    """Property: the order of places does not matter to a place's result."""
    layer, x = learned(NonLocal(4, form=form)), torch.randn(1, 4, 3, 5)
    order = torch.randperm(15)
    torch.testing.assert_close(layer(x.flatten(2)[..., order].reshape(x.shape)).flatten(2), layer(x).flatten(2)[..., order])


def test_what_does_not_fit_is_said():
    with pytest.raises(ValueError, match=r"Unknown form 'gausian'. Did you mean 'gaussian'"):
        NonLocal(4, form="gausian")
    with pytest.raises(ValueError, match=r"NonLocal expects a tensor of shape \(B, 4, H, W\); got \(1, 3, 2, 2\)"):
        NonLocal(4)(torch.zeros(1, 3, 2, 2))

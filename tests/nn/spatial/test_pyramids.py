"""Several scales at once."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.references import reference
from weft.nn import ASPP, DilatedStack, FeaturePyramid, receptive_field


@pytest.mark.parametrize("extra", [None, "pool", "convolution"])
def test_feature_pyramid_equals_torchvisions_on_odd_sizes(extra):
    """Parity: FeaturePyramid (feature_pyramid) against torchvision's, copied weights, maps whose sizes are no halves of each other, extra levels."""
    fpn = reference("torchvision.ops.feature_pyramid_network")
    more = {None: None, "pool": fpn.LastLevelMaxPool(), "convolution": fpn.LastLevelP6P7(5, 5)}[extra]
    ours, theirs = FeaturePyramid([3, 4, 6], 5, extra=extra), fpn.FeaturePyramidNetwork([3, 4, 6], 5, more)
    state = dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True))
    theirs.load_state_dict(state)
    maps = [torch.randn(2, 3, 97, 131), torch.randn(2, 4, 49, 66), torch.randn(2, 6, 25, 33)]
    expected = list(theirs(OrderedDict((str(i), found) for i, found in enumerate(maps))).values())
    found = ours(*maps)
    assert len(found) == len(expected)
    for left, right in zip(found, expected, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-5)


def test_pyramids_say_what_does_not_fit():
    layer = FeaturePyramid([3, 4], 5)
    with pytest.raises(ValueError, match=r"expects 2 maps, of \(3, 4\) channels; got 1"):
        layer(torch.zeros(1, 3, 4, 4))
    with pytest.raises(ValueError, match=r"FeaturePyramid \(map 1\) expects a tensor of shape \(B, 4, H, W\); got \(1, 3, 2, 2\)"):
        layer(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 2, 2))
    with pytest.raises(ValueError, match="Unknown extra 'pol'"):
        FeaturePyramid([3], extra="pol")
    with pytest.raises(ValueError, match="at least one dilation"):
        DilatedStack(3, dilations=())


def test_aspp_equals_torchvisions():
    """Parity: ASPP (aspp) against torchvision's, copied weights, in eval mode."""
    deeplab = reference("torchvision.models.segmentation.deeplabv3")
    ours, theirs = ASPP(6, 4, rates=(2, 3)).eval(), deeplab.ASPP(6, [2, 3], 4).eval()
    for value in ours.parameters():
        nn.init.normal_(value, std=0.5)
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)))
    x = torch.randn(2, 6, 9, 11)
    torch.testing.assert_close(ours(x), theirs(x))


def test_a_dilated_stack_sees_what_is_promised_with_as_many_weights():
    """Brute force: DilatedStack (dilated_stack) sees 2^(n + 1) - 1 places by a gradient's extent and by receptive_field; weights do not depend on dilation."""
    for count in (1, 2, 3):
        layer = DilatedStack(1, dilations=[2**n for n in range(count)], norm=None, activation="identity")
        x = torch.randn(1, 1, 33, 33, requires_grad=True)
        (slope,) = torch.autograd.grad(layer(x)[0, 0, 16, 16], x)
        reached = slope[0, 0].abs().sum(0).nonzero().flatten()
        assert reached[-1] - reached[0] + 1 == 2 ** (count + 1) - 1 == receptive_field(layer)[-1][1].size
    sizes = {sum(p.numel() for p in DilatedStack(4, dilations=d).parameters()) for d in ((1, 1), (1, 2), (3, 9))}
    assert len(sizes) == 1
    layer, x = DilatedStack(2, dilations=(1, 3), norm=None), torch.randn(1, 2, 8, 9)
    hidden = F.conv2d(x, layer[0].conv.weight, layer[0].conv.bias, padding=1).relu()
    torch.testing.assert_close(layer(x), F.conv2d(hidden, layer[1].conv.weight, layer[1].conv.bias, padding=3, dilation=3).relu())

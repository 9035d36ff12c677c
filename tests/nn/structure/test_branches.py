"""Parts around parts, beside the same thing by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from weft.nn import Heads, Merge, Parallel, Repeat, Residual, Siamese, TimeDistributed
from weft.nn.structure.branches import projection


def test_residual_is_x_plus_f():
    """Closed form: Residual is x + f(x), or projection(x) + f(x) where the size or the stride changes, for linear layers and convolutions."""
    x = torch.randn(3, 4)
    same = Residual(nn.Sequential(nn.Linear(4, 9), nn.ReLU(), nn.Linear(9, 4)), activation="relu")
    torch.testing.assert_close(same(x), (x + same.body(x)).relu())
    wide = Residual(nn.Linear(4, 6))
    torch.testing.assert_close(wide(x), wide.shortcut(x) + wide.body(x))
    for dim, conv in enumerate((nn.Conv1d, nn.Conv2d, nn.Conv3d), start=1):
        picture = torch.randn(2, 3, *[9] * dim)
        block = Residual(nn.Sequential(conv(3, 5, 3, 2, 1), nn.ReLU(), conv(5, 8, 3, 2, 1)))
        assert isinstance(block.shortcut, conv) and block.shortcut.kernel_size == (1,) * dim and block.shortcut.bias is not None
        torch.testing.assert_close(block(picture), block.shortcut(picture) + block.body(picture))
    assert isinstance(projection(nn.Conv2d(3, 3, 3, padding=1)), nn.Identity)
    with pytest.raises(ValueError, match=r"the body makes \(2, 3, 7, 7\) of \(2, 3, 9, 9\), the shortcut \(2, 3, 9, 9\)"):
        Residual(nn.Conv2d(3, 3, 3))(torch.randn(2, 3, 9, 9))


def test_ways_of_merging():
    """Closed form: Merge and Parallel by each way; nothing is broadcast."""
    a, b, c = torch.randn(3, 2, 3, 4)
    for how, expected in (("add", a + b + c), ("multiply", a * b * c), ("mean", (a + b + c) / 3), ("max", torch.maximum(a, torch.maximum(b, c)))):
        torch.testing.assert_close(Merge(how)(a, b, c), expected)
    torch.testing.assert_close(Merge(dim=2)(a, torch.ones(2, 3, 1)), torch.cat([a, torch.ones(2, 3, 1)], 2))
    torch.testing.assert_close(Merge(dim=-1)(a, b), torch.cat([a, b], -1))
    x, branches = torch.randn(2, 4), [nn.Linear(4, 3), nn.Linear(4, 3)]
    torch.testing.assert_close(Parallel(branches, "add")(x), branches[0](x) + branches[1](x))
    assert [tuple(y.shape) for y in Parallel(branches, "none")(x)] == [(2, 3), (2, 3)]
    with pytest.raises(ValueError, match=r"same shape; got \(2, 1\), \(2, 3\)"):
        Merge("add")(torch.zeros(2, 1), torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"but along 1; got \(2, 1\), \(3, 3\)"):
        Merge()(torch.zeros(2, 1), torch.zeros(3, 3))
    with pytest.raises(ValueError, match=r"Unknown merge 'ad'\. Did you mean 'add'"):
        Parallel(branches, "ad")
    with pytest.raises(ValueError, match="at least one branch"):
        Parallel([])


def test_repeated_weights_get_the_sum_of_their_gradients():
    """Closed form: Repeat is f(f(f(x))), counts its weights once, and their gradient is the sum over uses."""
    body, x = nn.Linear(3, 3), torch.randn(2, 3)
    layer = Repeat(body, 3)
    torch.testing.assert_close(layer(x), body(body(body(x))))
    assert len(list(layer.parameters())) == 2
    layer(x).sum().backward()
    copies = [nn.Linear(3, 3) for _ in range(3)]
    for copied in copies:
        copied.load_state_dict(body.state_dict())
    copies[2](copies[1](copies[0](x))).sum().backward()
    torch.testing.assert_close(body.weight.grad, sum(copied.weight.grad for copied in copies))
    with pytest.raises(ValueError, match="at least 1"):
        Repeat(body, 0)


def test_steps_of_a_sequence_are_items():
    """Brute force: TimeDistributed is the body on each step; a siamese pair is the encoder on each input; heads share their trunk."""
    conv, x = nn.Conv2d(3, 4, 3), torch.randn(2, 5, 3, 8, 8)
    torch.testing.assert_close(TimeDistributed(conv)(x), torch.stack([conv(x[:, t]) for t in range(5)], 1))
    encoder, a, b = nn.Linear(4, 2), torch.randn(3, 4), torch.randn(3, 4)
    for found, expected in zip(Siamese(encoder)(a, b), (encoder(a), encoder(b)), strict=True):
        torch.testing.assert_close(found, expected)
    trunk, one, other = nn.Linear(4, 6), nn.Linear(6, 10), nn.Linear(6, 5)
    found = Heads(trunk, {"one": one, "other": other})(a)
    torch.testing.assert_close(found["one"], one(trunk(a)))
    torch.testing.assert_close(found["other"], other(trunk(a)))
    sum(value.sum() for value in found.values()).backward()
    total = torch.autograd.grad(one(trunk(a)).sum(), trunk.weight)[0] + torch.autograd.grad(other(trunk(a)).sum(), trunk.weight)[0]
    torch.testing.assert_close(trunk.weight.grad, total)
    with pytest.raises(ValueError, match="at least one head"):
        Heads(trunk, {})

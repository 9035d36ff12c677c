"""What the tests of these methods share: a run with a break in it."""

from __future__ import annotations

import torch

from weft.engine import Steps, fit


def forgetful(data, key):
    """Data that loses one part of its saved state: a planted fault."""
    load = data.load_state_dict
    data.load_state_dict = lambda state: load({**state, key: data.state_dict()[key]})
    return data


def flat(tree):
    """Every tensor and number in nested state."""
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree, key=str) for leaf in flat(tree[key])]
    return [leaf for part in tree for leaf in flat(part)] if isinstance(tree, list | tuple) else [tree]


def equal(left, right):
    left, right = flat(left), flat(right)
    pairs = zip(left, right, strict=True)
    return len(left) == len(right) and all(torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b for a, b in pairs)


def same_after_a_break(make, folder, *, forget=None, first=25, last=50):
    """Whether a run that was broken off and made anew ends where an unbroken one does: method, updates and data."""
    torch.manual_seed(3)
    method, data = make()
    straight = fit(method, data, until=Steps(last))
    torch.manual_seed(3)
    method, data = make()
    fit(method, data, until=Steps(first), run=folder)
    torch.manual_seed(99)
    method, data = make()
    resumed = fit(method, forgetful(data, forget) if forget else data, until=Steps(last), run=folder)
    assert resumed.step == straight.step == last
    updates = ([u.state_dict() for u in state.updates.values()] for state in (straight, resumed))
    return equal(straight.method.state_dict(), method.state_dict()) and equal(*updates) and equal(straight.data.state_dict(), data.state_dict())

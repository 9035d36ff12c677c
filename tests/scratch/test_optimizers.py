"""Optimizers against torch.optim, step by step."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.scratch.compare import same
from weft.scratch import SGD, AdaGrad, Adam, AdamW, RMSprop

CASES = [
    (SGD, torch.optim.SGD, {"lr": 0.1}),
    (SGD, torch.optim.SGD, {"lr": 0.1, "weight_decay": 0.05}),
    (SGD, torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
    (SGD, torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.05}),
    (SGD, torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    (AdaGrad, torch.optim.Adagrad, {"lr": 0.1}),
    (AdaGrad, torch.optim.Adagrad, {}),
    (RMSprop, torch.optim.RMSprop, {"lr": 0.02, "alpha": 0.9}),
    (RMSprop, torch.optim.RMSprop, {}),
    (Adam, torch.optim.Adam, {}),
    (Adam, torch.optim.Adam, {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-4}),
    (Adam, torch.optim.Adam, {"lr": 0.05, "weight_decay": 0.1}),
    (Adam, torch.optim.Adam, {"lr": 0.05, "amsgrad": True}),
    (AdamW, torch.optim.AdamW, {}),
    (AdamW, torch.optim.AdamW, {"lr": 0.05, "weight_decay": 0.1}),
    (AdamW, torch.optim.AdamW, {"lr": 0.05, "weight_decay": 0.1, "amsgrad": True}),
]


@pytest.mark.parametrize(("ours", "theirs", "options"), CASES, ids=lambda value: getattr(value, "__module__", str(value)).rpartition(".")[2])
@pytest.mark.parametrize("shapes", [[(3,)], [(2, 3), (4,)], [(1,), (2, 1, 2), (5, 2)]])
def test_two_hundred_steps_are_torchs(ours, theirs, options, shapes):
    """SGD, AdaGrad, RMSprop, Adam, AdamW, parity: the same parameters as torch.optim after each of 200 steps in float64, within 1e-10."""
    random = np.random.default_rng(0)
    w = [random.normal(size=shape) for shape in shapes]
    tensors = [torch.tensor(array.copy(), requires_grad=True) for array in w]
    mine, peer = ours(w, **options), theirs(tensors, **options)
    for _ in range(200):
        gradients = [array + 0.5 * random.normal(size=array.shape) for array in w]
        for tensor, gradient in zip(tensors, gradients, strict=True):
            tensor.grad = torch.tensor(gradient)
        mine.step(gradients)
        peer.step()
        assert same(w, [tensor.detach().numpy() for tensor in tensors])


def test_a_bowl_by_hand():
    """SGD, closed form: on w² / 2 each step of plain descent multiplies w by 1 - lr; momentum's rate may stand inside as long as it is constant."""
    w = np.array([3.0])
    optimizer = SGD([w], lr=0.1)
    for _ in range(7):
        optimizer.step([w.copy()])
    assert same(w, [3 * 0.9**7])
    ours, inside, v = np.array([3.0]), 3.0, 0.0
    optimizer = SGD([ours], lr=0.1, momentum=0.8)
    for _ in range(20):
        optimizer.step([ours.copy()])
        v = 0.8 * v + 0.1 * inside
        inside -= v
    assert same(ours, [inside])


def test_decay_beside_the_gradient_is_not_decay_through_it():
    """AdamW, closed form: with no gradient w shrinks by 1 - lr · λ a step; Adam's decay through the gradient moves w by lr instead."""
    beside, through = np.array([2.0]), np.array([2.0])
    AdamW([beside], lr=0.1, weight_decay=0.5).step([np.zeros(1)])
    Adam([through], lr=0.1, weight_decay=0.5).step([np.zeros(1)])
    assert same(beside, [2 * 0.95]) and same(through, [1.9], 1e-6)


def test_the_largest_so_far_keeps_adam_from_going_the_wrong_way():
    """Adam, learned: on Reddi's example, w in [-1, 1] with gradients 3, -1, -1 in turn, Adam goes to the worst end, AMSGrad to the best."""
    ends = {}
    for amsgrad in (False, True):
        w = np.array([0.0])
        optimizer = Adam([w], lr=0.5, betas=(0.0, 0.1), amsgrad=amsgrad)
        for t in range(1, 4_000):
            optimizer.lr = 0.5 / np.sqrt(t)
            optimizer.step([np.array([3.0 if t % 3 == 1 else -1.0])])
            np.clip(w, -1, 1, out=w)
        ends[amsgrad] = w[0]
    assert ends[False] > 0.9 and ends[True] < -0.9


def test_parameters_are_listed_once_and_none_are_refused():
    """SGD and Adam, property: a generator of parameters is trained at every step; one that is used up is refused, and what cannot be moved in place."""
    w = [np.array([1.0]), np.array([1.0])]
    optimizer = Adam(p for p in w)
    for _ in range(3):
        optimizer.step([np.ones(1), np.ones(1)])
    assert same(w, [np.array([0.997])] * 2, 1e-6)
    used = (p for p in w)
    list(used)
    for make in (SGD, AdaGrad, RMSprop, Adam, AdamW):
        with pytest.raises(ValueError, match="No parameters"):
            make(used)
        with pytest.raises(TypeError, match="expected arrays of floats"):
            make([np.array([1])])
    with pytest.raises(ValueError, match="shorter"):
        SGD(w).step([np.ones(1)])
    with pytest.raises(ValueError, match="expected momentum above 0"):
        SGD(w, nesterov=True)

"""Checks of a method before it is trained for long: each answers one question, with a figure."""

# pyright: reportUnknownMemberType=false
# (torch is annotated in part)

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from weft.data import random_state
from weft.engine import Length, Method, State, as_batch, evaluate, fit
from weft.engine.evaluate import undisturbed
from weft.nn.freezing import eval_mode
from weft.observe.health.activations import first_tensor
from weft.observe.health.monitor import main_network

NEAR = 0.25  # distance of the first loss from that of guessing, as a share
SAME = 1e-6  # of the output's size


@dataclass(frozen=True)
class Check:
    """An answer: whether it is as it should be, and what was seen. True when it is."""

    name: str
    fine: bool
    says: str

    def __bool__(self) -> bool:
        return self.fine


def first_loss(method: Method, batch: Any, classes: int | None = None) -> Check:
    """Whether a network that knows nothing has the loss of guessing, log K for K classes.

    ``classes`` (default: the size of the output's last dimension). Far above, the outputs begin too large or the loss is summed; below, the answer
    is in the input or the loss is divided twice. For other losses than cross-entropy give ``classes`` only if log K is what is expected.

    >>> from weft.losses import cross_entropy
    >>> from weft.methods import Supervised
    >>> network = nn.Linear(4, 8)
    >>> _ = nn.init.zeros_(network.weight), nn.init.zeros_(network.bias)
    >>> first_loss(Supervised(network, cross_entropy), (torch.randn(16, 4), torch.arange(16) % 8)).says
    'The first loss is 2.079; guessing among 8 gives 2.079.'
    """
    batch = as_batch(batch)
    with undisturbed(method), torch.no_grad():
        value = float(method.loss(batch).value)
        count = classes or answer(method, batch).shape[-1]
    expected = math.log(count)
    return Check(
        "first_loss", abs(value - expected) <= NEAR * expected, f"The first loss is {value:.4g}; guessing among {count} gives {expected:.4g}."
    )


def uses_input(method: Method, batch: Any) -> Check:
    """Whether the answer depends on the input: with the samples' inputs exchanged, the outputs must differ.

    >>> from weft.losses import cross_entropy
    >>> from weft.methods import Supervised
    >>> bool(uses_input(Supervised(nn.Linear(4, 3), cross_entropy), (torch.randn(16, 4), torch.zeros(16, dtype=torch.long))))
    True
    """
    batch = as_batch(batch)
    with undisturbed(method), torch.no_grad():
        made = answer(method, batch).float()
    varies = float((made - made.mean(0)).abs().amax() / made.abs().amax().clamp(min=1e-12))
    return Check("uses_input", varies > SAME, f"Between samples the output differs by {varies:.2g} of its size.")


def apart(network: nn.Module, given: Tensor, *, train: bool = False) -> Check:
    """Whether samples of a batch leave one another alone: changing all others must not change the first one's output.

    ``train`` looks in training mode, where batch norm mixes them by design.

    >>> bool(apart(nn.Linear(4, 3), torch.randn(8, 4))), bool(apart(nn.BatchNorm1d(4), torch.randn(8, 4), train=True))
    (True, False)
    """
    if len(given) < 2:
        raise ValueError(f"apart compares samples of one batch; it needs 2 or more, got {len(given)}.")
    other = torch.cat([given[:1], changed(given[1:])])
    moved = difference(network, given, other, train, lambda made: made[:1])
    return Check("apart", moved <= SAME, f"With all other samples changed, the first one's output moves by {moved:.2g} of its size.")


def causal(network: nn.Module, given: Tensor, *, dim: int = 1, output_dim: int = 1) -> Check:
    """Whether the past is kept apart from the future: changing the second half of ``dim`` must not change the first half of ``output_dim``.

    >>> convolution = nn.Conv1d(2, 2, 3, padding=1)
    >>> bool(causal(convolution, torch.randn(1, 2, 8), dim=2, output_dim=2))
    False
    """
    half = given.shape[dim] // 2
    if half < 1:
        raise ValueError(f"causal needs 2 or more places along dim {dim}; the input is {tuple(given.shape)}.")
    past, future = given.split([half, given.shape[dim] - half], dim)
    other = torch.cat([past, changed(future)], dim)
    moved = difference(network, given, other, False, lambda made: made.narrow(output_dim, 0, made.shape[output_dim] * half // given.shape[dim]))
    return Check("causal", moved <= SAME, f"With the second half changed, the first half of the output moves by {moved:.2g} of its size.")


def shuffled_labels(make: Callable[[], Method], data: Sequence[Any], held_out: Sequence[Any], until: Length, updates: Any = None) -> Check:
    """Whether labels matter: trained on shuffled ones, the method must do worse on held-out data than trained on the true ones.

    ``make`` gives a fresh method each time. When it does as well, the held-out data is in the training data, or the target is not used.
    Paper: Zhang et al., 2017, arXiv:1611.03530 (what networks do with random labels).

    >>> from weft.engine import Steps
    >>> from weft.losses import cross_entropy
    >>> from weft.methods import Supervised
    >>> x = torch.randn(64, 4); pairs = [(x, (x[:, 0] > 0).long())]
    >>> bool(shuffled_labels(lambda: Supervised(nn.Linear(4, 2), cross_entropy), pairs, pairs, Steps(60)))
    True
    """
    batches = [as_batch(raw) for raw in data]
    generator = torch.Generator().manual_seed(0)
    whole = torch.cat([batch["target"] for batch in batches])
    mixed = whole[torch.randperm(len(whole), generator=generator).to(whole.device)].split([len(batch["target"]) for batch in batches])
    false = [{**batch, "target": target} for batch, target in zip(batches, mixed, strict=True)]
    losses: list[float] = []
    for rows in (batches, false):
        with random_state.untouched():
            torch.manual_seed(0)
            method = make()
            fit(method, rows, updates, until=until)
            losses.append(evaluate(method, held_out)["loss"])
    true, shuffled = losses
    says = f"On held-out data the loss is {true:.4g} after the true labels and {shuffled:.4g} after shuffled ones."
    return Check("shuffled_labels", shuffled > 1.1 * true, says)


def repeats(run: Callable[[], Method | State], seed: int = 0) -> Check:
    """Whether a training gives the same weights twice; the first parameter that differs is named.

    ``run`` makes everything anew, trains, and returns the method or the state; it is called twice from the same random state.

    >>> from weft.engine import Steps
    >>> from weft.losses import cross_entropy
    >>> from weft.methods import Supervised
    >>> data = [(torch.eye(2), torch.tensor([0, 1]))]
    >>> repeats(lambda: fit(Supervised(nn.Linear(2, 2), cross_entropy), data, until=Steps(3))).says
    'Both trainings gave the same weights, bit for bit.'
    """
    weights: list[Mapping[str, Tensor]] = []
    for _ in range(2):
        with random_state.untouched():
            torch.manual_seed(seed)
            made = run()
            method = made.method if isinstance(made, State) else made
            weights.append({name: value.detach().clone() for name, value in method.state_dict().items()})
    first, second = weights
    other = next((name for name in first if name not in second or not torch.equal(first[name], second[name])), None)
    return Check(
        "repeats", other is None, "Both trainings gave the same weights, bit for bit." if other is None else f"{other} differs between two trainings."
    )


def check_method(method: Method, batch: Any) -> list[Check]:
    """The quick checks at once, on one batch: ``uses_input``, ``gradients_arrive``, ``apart``, and for classes ``first_loss``.

    Use before the first long run; instead of it, ``lint`` for the settings around the method. Nothing of the method changes.

    >>> from weft.losses import cross_entropy
    >>> from weft.methods import Supervised
    >>> [check.name for check in check_method(Supervised(nn.Linear(4, 3), cross_entropy), (torch.randn(9, 4), torch.arange(9) % 3)) if check]
    ['uses_input', 'gradients_arrive', 'apart', 'first_loss']
    """
    batch = as_batch(batch)
    found = [uses_input(method, batch), gradients_arrive(method, batch)]
    given, target = batch["input"], batch.get("target")
    if isinstance(given, Tensor) and len(given) > 1:
        found.append(apart(main_network(method), given))
    if isinstance(target, Tensor) and not target.is_floating_point() and answer_is_classes(method, batch):
        found.append(first_loss(method, batch))
    return found


def gradients_arrive(method: Method, batch: Any) -> Check:
    """Whether every trainable weight gets a gradient from the loss that is finite and not all zero."""
    batch = as_batch(batch)
    named = [(name, p) for name, p in method.named_parameters() if p.requires_grad]
    with undisturbed(method), torch.enable_grad():
        value = method.loss(batch).value
        if not value.requires_grad:
            return Check("gradients_arrive", False, "The loss does not depend on any weight: look for .detach() or torch.no_grad().")
        grads = torch.autograd.grad(value, [p for _, p in named], allow_unused=True)
    pairs = [(name, grad) for (name, _), grad in zip(named, grads, strict=True)]
    lost = [name for name, grad in pairs if grad is None or not bool(torch.isfinite(grad).all()) or not bool(grad.any())]
    says = f"All {len(pairs)} parameters get a gradient."
    if lost:
        says = f"No gradient, or none that is finite, for {', '.join(lost[:3])} ({len(lost)} of {len(pairs)})."
    return Check("gradients_arrive", not lost, says)


def answer(method: Method, batch: Any) -> Tensor:
    """What the method's network says about a batch."""
    made = first_tensor(method.predict(batch))
    assert made is not None
    return made


def answer_is_classes(method: Method, batch: Any) -> bool:
    """Whether the output is one row of numbers a sample."""
    made = answer(method, batch)
    return made.ndim == 2 and made.shape[1] > 1


def changed(given: Tensor) -> Tensor:
    """Other values of the same kind: tokens and numbers of the same range, in another order and place."""
    flat = given.flatten()
    if flat.is_floating_point():
        return (flat.roll(1) + flat.std(correction=0) + 1).reshape(given.shape)
    low, high = int(flat.min()), int(flat.max())
    return (low + (flat - low + 1) % max(high - low + 1, 1)).reshape(given.shape)


def difference(network: nn.Module, one: Tensor, other: Tensor, train: bool, part: Callable[[Tensor], Tensor]) -> float:
    """How far a part of the output moves between two inputs, over its size; modes, buffers and random states stay."""
    buffers = [(b, b.clone()) for b in network.buffers()]
    results: list[Tensor] = []
    for given in (one, other):
        with random_state.untouched(), torch.no_grad():
            if train:
                made = first_tensor(network(given))
            else:
                with eval_mode(network):
                    made = first_tensor(network(given))
        assert made is not None
        results.append(part(made).float())
    with torch.no_grad():
        for buffer, before in buffers:
            buffer.copy_(before)
    return float((results[0] - results[1]).abs().amax() / results[0].abs().amax().clamp(min=1e-12))

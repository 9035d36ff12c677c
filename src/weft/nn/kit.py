"""What a layer of one's own must do, as a function to call in its test."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree


def check_layer(make: Callable[[], nn.Module], *inputs: Tensor, couples: bool = False) -> None:
    """Raise unless the layer that ``make()`` gives behaves: the checks that every layer of the catalogue passes.

    Outputs are finite and inputs left alone; every parameter gets a gradient; parts and tensors are registered, not hidden in lists or plain
    attributes; weights go through a state dict; eval mode is repeatable and changes nothing; samples (the first dimension of every input) do not see
    each other, in training and in eval mode, unless ``couples``; it runs in float64 and bfloat16, and on another device; gradients equal finite
    differences.

    Errors: ``ValueError`` listing everything that is wrong.
    Use in the test of a layer of your own: ``check_layer(lambda: Mine(4, 6), torch.randn(3, 4))``. Give at least two samples, in float32.

    >>> check_layer(lambda: nn.Linear(4, 6), torch.randn(3, 4))
    """
    found = list(faults(make, inputs, couples=couples))
    if found:
        raise ValueError("The layer is not in order:\n" + "\n".join(f"- {fault}" for fault in found))


def faults(make: Callable[[], nn.Module], inputs: tuple[Tensor, ...], *, couples: bool = False) -> Iterator[str]:
    """What is wrong with a layer, one sentence each.

    >>> list(faults(lambda: nn.Linear(4, 6), (torch.randn(3, 4),)))
    []
    """
    torch.manual_seed(0)
    layer = make()
    yield from _hidden(layer)
    try:
        yield from _learning(layer, inputs)
        yield from _repeating(layer, make, inputs)
        yield from _apart(layer, inputs, couples)
        yield from _moving(layer, inputs)
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        yield f"a call fails: {type(error).__name__}: {error}"


def _hidden(layer: nn.Module) -> Iterator[str]:
    for path, part in layer.named_modules():
        if type(part).__module__.startswith("torch."):
            continue
        place = f"{type(part).__name__}{f' at {path}' if path else ''}"
        for name, value in vars(part).items():
            if name.startswith("_") and name in nn.Module().__dict__:
                continue
            if isinstance(value, Tensor):
                yield f"{place}: self.{name} is a plain tensor, which does not move or get saved; use nn.Parameter or register_buffer"
            elif isinstance(value, list | tuple | dict):
                inside = value.values() if isinstance(value, dict) else value
                if any(isinstance(item, nn.Module | nn.Parameter) for item in inside):
                    yield f"{place}: self.{name} is a {type(value).__name__} that hides parts; use nn.ModuleList, nn.ModuleDict or nn.ParameterList"


def _tensors(value: Any) -> list[Tensor]:
    return [leaf for leaf in pytree.tree_leaves(value) if isinstance(leaf, Tensor)]


def _learning(layer: nn.Module, inputs: tuple[Tensor, ...]) -> Iterator[str]:
    before = [value.clone() for value in inputs]
    outputs = [value for value in _tensors(layer(*inputs)) if value.is_floating_point()]
    if not outputs:
        yield "the output holds no tensor of numbers"
        return
    if not all(value.isfinite().all() for value in outputs):
        yield "the output is not finite"
    if not all(torch.equal(old, new) for old, new in zip(before, inputs, strict=True)):
        yield "an input is changed in place"
    if any(value.requires_grad for value in layer.parameters()):
        sum((value * torch.linspace(0.5, 1.5, value.numel()).view_as(value)).sum() for value in outputs).backward()  # type: ignore[union-attr]
    for name, value in layer.named_parameters():
        if value.requires_grad and value.grad is None:
            yield f"no gradient reaches {name}"
        elif value.grad is not None and not value.grad.isfinite().all():
            yield f"the gradient of {name} is not finite"
    layer.zero_grad()


def _repeating(layer: nn.Module, make: Callable[[], nn.Module], inputs: tuple[Tensor, ...]) -> Iterator[str]:
    layer.eval()
    torch.manual_seed(1)
    other = make().eval()
    other.load_state_dict(layer.state_dict())
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    with torch.no_grad():
        first, second, loaded, twin = (_tensors(one(*inputs)) for one in (layer, layer, other, copy.deepcopy(layer)))
    said = {"two calls in eval mode differ": second, "a deep copy gives another output": twin}
    for what, found in {**said, "a layer with the same state gives another output": loaded}.items():
        if not all(torch.equal(a, b) for a, b in zip(first, found, strict=True)):
            yield what
    if any(not torch.equal(before[name], value) for name, value in layer.state_dict().items()):
        yield "a call in eval mode changes the state"


def _apart(layer: nn.Module, inputs: tuple[Tensor, ...], couples: bool) -> Iterator[str]:
    if couples or len({len(value) for value in inputs if value.ndim}) != 1 or len(inputs[0]) < 2:
        return
    changed = tuple(torch.cat([value[:1], value[1:].flip(0) * (2 if value.is_floating_point() else 1)]) for value in inputs)
    for mode in (False, True):
        layer.train(mode)
        state = copy.deepcopy(layer.state_dict())
        results = []
        for given in (inputs, changed):
            torch.manual_seed(2)
            with torch.no_grad():
                results.append(_tensors(layer(*given)))
            layer.load_state_dict(state)
        for a, b in zip(*results, strict=True):
            if a.ndim and len(a) == len(inputs[0]) and not torch.allclose(a[0], b[0], rtol=1e-4, atol=1e-5, equal_nan=True):
                yield f"in {'training' if mode else 'eval'} mode the first sample's output depends on the others"
                return
    layer.eval()


def _moving(layer: nn.Module, inputs: tuple[Tensor, ...]) -> Iterator[str]:
    layer.eval()
    for dtype in (torch.float64, torch.bfloat16):
        moved = copy.deepcopy(layer).to(dtype)
        outputs = [value for value in _tensors(moved(*_as(inputs, dtype))) if value.is_floating_point()]
        if outputs and outputs[0].dtype != dtype and any(value.is_floating_point() for value in inputs):
            yield f"with inputs and weights in {dtype} the output is {outputs[0].dtype}"
    exact = copy.deepcopy(layer).double().requires_grad_(False)
    given = tuple(value.requires_grad_() if value.is_floating_point() else value for value in _as(inputs, torch.float64))
    if any(value.requires_grad for value in given):
        try:
            torch.autograd.gradcheck(lambda *x: tuple(v for v in _tensors(exact(*x)) if v.requires_grad), given, fast_mode=True)
        except (RuntimeError, ValueError) as error:
            yield f"its gradient is not that of finite differences: {str(error).splitlines()[0]}"
    try:
        copy.deepcopy(layer).to("meta")(*(value.to("meta") for value in inputs))
    except RuntimeError as error:
        if "register_meta" in str(error) or "'Meta' backend" in str(error):
            return  # an operator that has no outline, as where the numbers decide the shape: nothing can be said without another device
        yield f"it does not run on another device than it was made on: {str(error).splitlines()[0]}"


def _as(inputs: tuple[Tensor, ...], dtype: torch.dtype) -> tuple[Tensor, ...]:
    return tuple(value.detach().to(dtype).clone() if value.is_floating_point() else value for value in inputs)

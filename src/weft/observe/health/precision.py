"""Whether a network bears a shorter precision: overflow, error, and sizes that hardware likes."""

# pyright: reportUnknownMemberType=false
# (torch is annotated in part)

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from weft.data import random_state
from weft.nn.freezing import eval_mode
from weft.observe.health.activations import first_tensor
from weft.observe.health.monitor import main_network

ALIGNED = 8  # of which the sides of matrices should be multiples, for tensor cores in 16 bits


@dataclass(frozen=True)
class Precision:
    """What a shorter precision does to one forward pass.

    ``first_bad``: the first module whose output is not finite there and is in float32 (empty: none); ``largest``: the largest absolute output of
    any module, and ``room`` what the type holds over it; ``error``: of the network's output, relative to float32; ``worst``: the module with the
    largest relative error; ``unaligned``: layers with sides that are no multiples of 8.
    """

    dtype: str
    first_bad: str
    largest: float
    room: float
    error: float
    worst: str
    unaligned: tuple[str, ...]

    def __str__(self) -> str:
        if self.first_bad:
            return f"{self.dtype} overflows in {self.first_bad}; bfloat16 has the range of float32."
        wide = f" {len(self.unaligned)} layers have sides that are no multiples of {ALIGNED}, such as {self.unaligned[0]}." if self.unaligned else ""
        changed = f"{self.dtype} changes the output by {self.error:.2g} of its size, most in {self.worst}"
        return f"{changed}; there is room for values {self.room:.3g} times as large.{wide}"


def compare_precision(network: nn.Module, *inputs: Any, dtype: torch.dtype = torch.bfloat16) -> Precision:
    """Run a network in float32 and under autocast, and say where they part.

    ``network`` may be a method: then its network is taken. Runs in eval mode without gradient; everything stays as it is.
    Raises ValueError for a type that autocast does not know.
    Use before training in float16; instead of it, a short run of each with the same seed. Gradients are not looked at: float16 may lose small
    ones, which the loss scale is for.

    >>> found = compare_precision(nn.Sequential(nn.Linear(8, 8), nn.ReLU()), torch.randn(4, 8))
    >>> found.first_bad, found.error < 0.05
    ('', True)
    """
    if dtype not in (torch.bfloat16, torch.float16):
        raise ValueError(f"Autocast knows bfloat16 and float16, got {dtype}.")
    network = main_network(network)
    full, short = (outputs(network, inputs, kind) for kind in (None, dtype))
    bad = next((n for n in short if not bool(torch.isfinite(short[n]).all()) and n in full and bool(torch.isfinite(full[n]).all())), "")
    errors = {n: float((short[n] - full[n]).norm() / full[n].norm().clamp(min=1e-12)) for n in full if n in short and short[n].shape == full[n].shape}
    fine = {n: e for n, e in errors.items() if e == e}
    largest = max((float(x.abs().amax()) for x in full.values() if x.numel()), default=0.0)
    layers = [(n, m) for n, m in network.named_modules() if isinstance(m, nn.Linear)]
    unaligned = tuple(f"{n} ({m.in_features} to {m.out_features})" for n, m in layers if m.in_features % ALIGNED or m.out_features % ALIGNED)
    room = torch.finfo(dtype).max / max(largest, 1e-12)
    worst = max(fine, key=lambda n: fine[n], default="")
    return Precision(str(dtype).removeprefix("torch."), bad, largest, room, errors.get("output", float("nan")), worst, unaligned)


def outputs(network: nn.Module, inputs: Any, dtype: torch.dtype | None) -> dict[str, Tensor]:
    """The output of every module, as float32, in the order in which they ended."""
    found: dict[str, Tensor] = {}
    device = next((p.device.type for p in network.parameters()), "cpu")

    def keep(name: str) -> Any:
        def hook(part: nn.Module, args: Any, output: Any) -> None:
            made = first_tensor(output)
            if made is not None and made.is_floating_point():
                found[name or "output"] = made.detach().float()

        return hook

    handles = [part.register_forward_hook(keep(name)) for name, part in network.named_modules()]
    try:
        with (
            eval_mode(network),
            torch.no_grad(),
            random_state.untouched(),
            torch.autocast(device, dtype or torch.bfloat16, enabled=dtype is not None),
        ):
            network(*inputs)
    finally:
        for handle in handles:
            handle.remove()
    return found

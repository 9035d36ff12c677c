"""Where and how numbers are computed: device, precision, process group, compilation, what happens on a non-finite step."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import sys
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
import torch.distributed as dist
from torch import Tensor, nn

from weft.parallel.reduce import add_up

PRECISION = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
WORTH_BFLOAT16 = 256  # narrower linear layers lose more to the casts than the faster product gives back


@dataclass(frozen=True)
class Runtime:
    """How a training runs, as a value.

    ``device``: a torch device, or "auto" (cuda, xpu, mps, cpu). ``precision``: "float32", "bfloat16", "float16" (autocast; float16 with
    loss scaling), or "auto": bfloat16 where the processor has it natively and the method has convolutions or wide layers.
    ``compile``: None, "objective", or "step" (forward, backward and optimizer in one graph). ``nonfinite``: what a non-finite loss or
    gradient does: "stop" (an error that names update, parameter and samples), "skip" the update, or "rollback" to the last good
    snapshot. ``group``: the process group; by default the world, when one is initialised.
    """

    device: str | torch.device = "cpu"
    precision: str = "float32"
    compile: Literal["objective", "step"] | None = None
    nonfinite: Literal["stop", "skip", "rollback"] = "stop"
    group: dist.ProcessGroup | None = None
    channels_last: bool = False

    def __post_init__(self) -> None:
        _one_of("precision", self.precision, (*PRECISION, "auto"))
        _one_of("compile", self.compile, (None, "objective", "step"))
        _one_of("nonfinite", self.nonfinite, ("stop", "skip", "rollback"))

    def resolve(self, method: nn.Module) -> Runtime:
        """Every "auto" replaced by what this machine and this method decide; the result is recorded and used by ``predict`` too."""
        device = find_device() if self.device == "auto" else torch.device(self.device)
        if self.device != "auto" and device.type in ("cuda", "xpu", "mps") and not getattr(torch, device.type).is_available():
            raise ValueError(
                f"Runtime device={str(self.device)!r}: this machine has no {device.type}; say 'auto' for the best device there is, or 'cpu'."
            )
        convolves = any(isinstance(m, nn.Conv2d | nn.Conv3d) for m in method.modules())
        auto = self.precision == "auto"
        wide = any(
            isinstance(m, nn.Linear | nn.MultiheadAttention) and max((p.shape[-1] for p in m.parameters(recurse=False)), default=0) >= WORTH_BFLOAT16
            for m in method.modules()
        )
        precision = ("bfloat16" if native_bfloat16(device) and (convolves or wide) else "float32") if auto else self.precision
        group = self.group or (dist.group.WORLD if dist.is_available() and dist.is_initialized() else None)
        return replace(self, device=device, precision=precision, group=group, channels_last=self.channels_last or (auto and convolves))

    def __deepcopy__(self, memo: dict[int, Any]) -> Runtime:
        """A value that never changes is its own copy; a process group could not be copied, and a copied method trains in the same one."""
        return self

    @property
    def place(self) -> torch.device:
        return torch.device(self.device)

    @property
    def rank(self) -> int:
        return dist.get_rank(self.group) if self.group else 0

    @property
    def world(self) -> int:
        return dist.get_world_size(self.group) if self.group else 1

    def total(self, value: float) -> float:
        """The sum of a number over all ranks; alone, the number."""
        return add_up([value], self.group)[0] if self.group is not None and self.world > 1 else value

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """The context in which objectives are evaluated."""
        if self.precision == "float32":
            return contextlib.nullcontext()
        return torch.autocast(self.place.type, PRECISION[self.precision])


def _one_of(name: str, value: object, known: tuple[object, ...]) -> None:
    if value not in known:
        raise ValueError(f"Runtime {name}={value!r}: expected one of {', '.join(map(repr, known))}.")


def find_device() -> torch.device:
    """The best device here: cuda, then xpu, then mps, else cpu."""
    for kind, there in (("cuda", torch.cuda.is_available), ("xpu", torch.xpu.is_available), ("mps", torch.backends.mps.is_available)):
        if there():
            return torch.device(kind)
    return torch.device("cpu")


def native_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 products run in hardware: AVX512-BF16 or AMX, Ampere or newer."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return device.type == "xpu"


def keep_memory() -> None:
    """Let glibc keep freed blocks up to 1 GiB instead of handing them back to the system at every step (Linux; measured 1.1-1.16 times faster)."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            mallopt = ctypes.CDLL("libc.so.6").mallopt
            mallopt(-3, 1 << 30)  # M_MMAP_THRESHOLD
            mallopt(-1, 1 << 30)  # M_TRIM_THRESHOLD


def release_memory() -> None:
    """Hand back to the system what ``keep_memory`` let this process keep (Linux)."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL("libc.so.6").malloc_trim(0)


def finite(tensors: list[Tensor]) -> bool:
    """Whether every number in these tensors is finite: one pass over the memory, one answer."""
    if not tensors:
        return True
    if any([t.is_sparse for t in tensors]):
        tensors = [t.coalesce().values() if t.is_sparse else t for t in tensors]
    found, one = _flags(tensors[0].device)
    torch._amp_foreach_non_finite_check_and_unscale_(tensors, found, one)
    if found.item():
        found.zero_()
        return False
    return True


@functools.cache
def _flags(device: torch.device) -> tuple[Tensor, Tensor]:
    return torch.zeros((), device=device), torch.ones((), device=device)

"""A signal in overlapping frames under a window, and back again by overlap-add."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from weft._lazy import unknown

TINY = 1e-14  # Hann twice is 3e-13 beside the edge of a frame of 4,096
WINDOWS = {
    "hann": torch.hann_window,
    "hamming": torch.hamming_window,
    "blackman": torch.blackman_window,
    "bartlett": torch.bartlett_window,
}


def window_of(name: str, length: int, *, like: Tensor | None = None) -> Float[Tensor, " length"]:
    """A periodic window: hann, hamming, blackman, bartlett or rect; of the type and device of ``like``.

    >>> window_of("hann", 4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    if name != "rect" and name not in WINDOWS:
        raise unknown("window", name, [*WINDOWS, "rect"])
    if length < 1:
        raise ValueError(f"A window of {length} samples; expected at least 1")
    dtype, device = (None, None) if like is None else (like.dtype, like.device)
    if name == "rect":
        return torch.ones(length, dtype=dtype, device=device)
    return WINDOWS[name](length, periodic=True, dtype=dtype, device=device)


def frame_signal(x: Float[Tensor, "*b t"], length: int, hop: int, *, window: str = "hann", tail: str = "pad") -> Float[Tensor, "*b frames length"]:
    """Frames of ``length`` samples every ``hop``, multiplied by a window.

    ``tail``: "pad" adds zeros so that every sample lies in a frame (a clip shorter than a frame gives one), "drop" keeps whole frames only.
    Frame k covers samples k * hop to k * hop + length. Raises ValueError for an unknown window or tail, or a hop that skips samples.

    Use when a computation goes frame by frame; instead of it, ``stft`` for spectra. Cost: length / hop times the signal.

    >>> frame_signal(torch.ones(5), 4, 2, window="rect").tolist()
    [[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 0.0]]
    """
    if tail not in ("pad", "drop"):
        raise ValueError(f"tail={tail!r}; expected 'pad' or 'drop'")
    check_hop(length, hop)
    shape = window_of(window, length, like=x)
    if tail == "pad":
        x = F.pad(x, (0, num_frames(x.shape[-1], length, hop) * hop - hop + length - x.shape[-1]))
    elif x.shape[-1] < length:
        return x.new_zeros(*x.shape[:-1], 0, length)
    return x.unfold(-1, length, hop) * shape


def num_frames(samples: int, length: int, hop: int) -> int:
    """How many frames cover every sample: at least one."""
    return max(0, -(-(samples - length) // hop)) + 1


def overlap_add(
    frames: Float[Tensor, "*b frames length"], hop: int, *, window: str = "rect", analysis: str = "hann", samples: int | None = None
) -> Float[Tensor, "*b t"]:
    """The signal of which ``frames`` are the windowed pieces: frames added where they lie, divided by what the windows add up to.

    x(t) = sum_k w(t - kH) f_k(t - kH) / sum_k w(t - kH) a(t - kH), with ``analysis`` a, the window that made the frames, and ``window`` w, applied
    once more (hann twice suits frames that were changed in between). Exact wherever the sum in the denominator is not 0; the other
    samples (the very first one under Hann) are 0. ``samples`` cuts the padding off.
    Raises ValueError when the windows leave holes inside the signal, which no hop up to length / 2 does.

    >>> x = torch.randn(100)
    >>> torch.allclose(overlap_add(frame_signal(x, 16, 8, window="hamming"), 8, analysis="hamming", samples=100), x, atol=1e-6)
    True
    """
    length = frames.shape[-1]
    check_hop(length, hop)
    once = window_of(window, length, like=frames)
    total = added(frames * once, hop)
    weights = added((once * window_of(analysis, length, like=frames)).expand(frames.shape[-2:]), hop)
    covered = weights > TINY
    if frames.shape[-2] > 1 and not covered[hop : len(covered) - hop].all():
        raise ValueError(f"Windows of {length} samples every {hop} leave holes; take a hop of at most {max(1, length // 2)}")
    signal = torch.where(covered, total / weights.clamp(min=TINY), torch.zeros_like(total))
    return signal if samples is None else signal[..., :samples]


def added(frames: Float[Tensor, "*b frames length"], hop: int) -> Float[Tensor, "*b t"]:
    """The plain sum of frames where they lie."""
    *batch, count, length = frames.shape
    total = (count - 1) * hop + length
    columns = frames.reshape(-1, count, length).transpose(1, 2)
    return F.fold(columns, (1, total), (1, length), stride=(1, hop)).reshape(*batch, total)


def is_cola(window: str, length: int, hop: int, tolerance: float = 1e-6) -> bool:
    """Whether shifted copies of a window add up to a constant (COLA), so that plain overlap-add restores the signal.

    >>> is_cola("hann", 512, 256), is_cola("hann", 512, 300)
    (True, False)
    """
    check_hop(length, hop)
    shape = window_of(window, length).double()
    sums = F.pad(shape, (0, -length % hop)).reshape(-1, hop).sum(0)
    return bool(sums.max() - sums.min() <= tolerance * sums.max())


def check_hop(length: int, hop: int) -> None:
    if not 1 <= hop <= length:
        raise ValueError(f"Frames of {length} samples every {hop}; expected a hop from 1 to the length, or samples would be skipped")

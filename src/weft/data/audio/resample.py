"""Another sampling rate by windowed sinc: band-limited, differentiable, its filters made once."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

MAX_TAPS = 10_000_000


def resample(
    x: Float[Tensor, "*b t"], source_rate: int, target_rate: int, *, zeros: int = 32, rolloff: float = 0.95, beta: float | None = 10.0
) -> Float[Tensor, "*b n"]:
    """``x`` at another rate: n = ceil(T * target / source) samples of the band-limited signal that ``x`` samples.

    y(s) = sum_t x(t) h(s - t), h(u) = 2c sinc(2c u) w(2c u / zeros), cut-off c = rolloff * min(source, target) / 2: a low-pass whose sinc is kept
    for ``zeros`` crossings on each side under a Kaiser window of ``beta``, or a Hann window when it is None. The rates are reduced by their
    common divisor; one filter for each phase is kept by rates, filter, type and device. As it stands, tones up to 0.85 of the lower half rate
    keep their size within 1e-4; ``zeros=6, rolloff=0.99, beta=None`` is what torchaudio takes by default.
    Raises ValueError for rates below 1, or a pair whose filters would need more than 10 million taps (reduce the ratio).

    Paper: J. O. Smith, Digital Audio Resampling Home Page, https://ccrma.stanford.edu/~jos/resample/.
    Use when a network wants one rate; cost: 2 * zeros * max(1, source / target)
    multiplications a sample.

    >>> resample(torch.zeros(2, 441), 44100, 16000).shape
    torch.Size([2, 160])
    """
    if min(source_rate, target_rate) < 1 or zeros < 1 or not 0 < rolloff <= 1:
        raise ValueError(f"Rates {source_rate} and {target_rate}, zeros={zeros}, rolloff={rolloff}; expected positive numbers, rolloff up to 1")
    divisor = math.gcd(source_rate, target_rate)
    old, new = source_rate // divisor, target_rate // divisor
    if old == new or x.numel() == 0:
        return x if old == new else x.new_zeros(*x.shape[:-1], -(-x.shape[-1] * new // old))
    filters, width = _filters(old, new, (zeros, rolloff, beta), x.dtype, x.device)
    length = -(-x.shape[-1] * new // old)
    padded = F.pad(x.reshape(-1, 1, x.shape[-1]), (width, width + old))
    phases = F.conv1d(padded, filters, stride=old)  # (b, new, steps): the samples of each phase
    return phases.transpose(1, 2).reshape(*x.shape[:-1], -1)[..., :length]


@lru_cache(maxsize=64)
def _filters(old: int, new: int, form: tuple[int, float, float | None], dtype: torch.dtype, device: torch.device) -> tuple[Tensor, int]:
    """One row of taps for each of the ``new`` phases, and how far they reach to the left."""
    zeros, rolloff, beta = form
    cut = min(old, new) * rolloff
    width = math.ceil(zeros * old / cut)
    if new * (2 * width + old) > MAX_TAPS:
        raise ValueError(f"Resampling by {new}/{old} needs {new * (2 * width + old):,} taps, at most {MAX_TAPS:,}; choose rates with a simpler ratio")
    times = torch.arange(-width, width + old, dtype=torch.float64)[None] / old - torch.arange(new, dtype=torch.float64)[:, None] / new
    times = (times * cut).clamp(-zeros, zeros)
    if beta is None:
        window = (times * math.pi / zeros / 2).cos() ** 2
    else:
        window = torch.special.i0(beta * (1 - (times / zeros) ** 2).sqrt()) / torch.special.i0(torch.tensor(beta, dtype=torch.float64))
    taps = torch.sinc(times) * window * (cut / old)
    taps[times.abs() >= zeros] = 0
    return taps[:, None].to(dtype=dtype, device=device), width

"""One recording: whether it is whole, silent, clipped or off centre."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from weft.data.audio.wav import wav_blocks, wav_info
from weft.data.quality.findings import Examined, Problem

SILENT = 10 ** (-60 / 20)  # peak of what counts as silence: -60 dB of full scale
CLIP_RUN = 3  # so many samples in a row at the same extreme are clipped, not loud
OFFSET = 0.05  # of full scale
BLOCK = 1 << 18  # frames read at a time


def examine_sound(source: Path | bytes, file: str) -> Examined:
    """Measures (seconds, rate, channels, bits, peak, rms) and problems of a WAV file, read in blocks.

    Problems: ``empty``; ``unreadable`` (no WAV, cut short, not finite); ``silent`` (peak below -60 dB); ``clipped`` (three samples in a row or
    more at the peak, which is near full scale); ``offset`` (the mean is more than 5 % of full scale from zero).

    >>> from weft.data.audio.wav import wav_bytes
    >>> examine_sound(wav_bytes(torch.zeros(800), 8000), "a.wav").problems[0].kind
    'silent'
    """
    if (isinstance(source, bytes) and not source) or (isinstance(source, Path) and source.is_file() and not source.stat().st_size):
        return Examined(problems=(Problem("empty", "holds 0 bytes", file, severity="error"),))
    peak, squares, total, sums, clipped = 0.0, 0.0, 0, 0.0, 0
    try:
        info = wav_info(source)
        for block in wav_blocks(source, BLOCK):
            if not block.isfinite().all():
                raise ValueError("holds samples that are not finite")
            peak = max(peak, float(block.abs().max())) if block.numel() else peak
            squares += float(block.double().square().sum())
            sums += float(block.double().sum())
            total += block.numel()
            clipped += clipped_runs(block)
    except ValueError as error:
        message = str(error).removeprefix("a WAV (bytes) ").removeprefix(f"{str(source)!r} " if isinstance(source, Path) else "")
        return Examined(problems=(Problem("unreadable", message, file, severity="error"),))
    measures: dict[str, Any] = {"seconds": info.seconds, "rate": info.sample_rate, "channels": info.channels, "bits": info.bits}
    if not total:
        return Examined(measures, (Problem("empty", "holds no samples", file, severity="error"),))
    measures |= {"peak": peak, "rms": (squares / total) ** 0.5}
    problems = []
    if peak < SILENT:
        problems.append(Problem("silent", f"nothing is louder than {SILENT} of full scale (peak {peak:.2g})", file))
    if clipped:
        problems.append(Problem("clipped", f"{clipped:,} times the samples stand still at full scale", file))
    if abs(sums / total) > OFFSET:
        problems.append(Problem("offset", f"the mean is {sums / total:+.2f} of full scale; expected about 0", file))
    return Examined(measures, tuple(problems))


def clipped_runs(block: torch.Tensor) -> int:
    """How often three or more samples in a row stand at the same value of full scale (0.99 or more): a wave that was cut off.

    >>> clipped_runs(torch.tensor([[0.0, 1.0, 1.0, 1.0, 1.0, 0.2, -1.0, 0.0]]))
    1
    """
    if block.shape[-1] < CLIP_RUN:
        return 0
    windows = block.unfold(-1, CLIP_RUN, 1)
    still = (windows.abs() >= 0.99).all(-1) & ((windows.amax(-1) - windows.amin(-1)) < 1e-3)
    return int(still[..., 0].sum() + (still[..., 1:] & ~still[..., :-1]).sum())

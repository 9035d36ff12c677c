"""Made series, token tasks and sounds: seeded, with a signal that a baseline can find."""

from __future__ import annotations

import math

import torch

from weft.data.arrays import Arrays
from weft.data.sets.made_points import drawn

TASKS = ("copy", "reverse", "sort")


def last_steps(size: int = 1000, length: int = 50, features: int = 10, *, steps: int = 10, noise: float = 0.1, seed: int = 0) -> Arrays:
    """Series whose target hangs on their last steps: y = mean of x · w over the last ``steps``, scaled to variance 1, + noise · e.

    ``input`` (T, F) standard normal, ``target`` (1,). Baseline: least squares on the mean of the last steps; on the mean of all it explains
    steps / length of it.

    >>> last_steps(2).columns["input"].shape
    torch.Size([2, 50, 10])
    """
    if not 1 <= steps <= length:
        raise ValueError(f"steps={steps}; expected 1 to length={length}")
    w = drawn(features, seed, 11).normal()
    random = drawn(size, seed, 12)
    x = random.normal(length, features)
    signal = x[:, -steps:].mean(1) @ (w / w.norm()) * math.sqrt(steps)
    return Arrays({"input": x, "target": (signal + noise * random.normal())[:, None]})


def seasons(length: int = 2000, *, periods: tuple[int, ...] = (24, 168), trend: float = 1.0, noise: float = 0.1, seed: int = 0) -> Arrays:
    """One long series of trend, seasons and noise: ``value`` (N,) and ``time`` (N,) int64 steps.

    value(t) = trend · t / N + Σ sin(2π t / period + phase) / rank + noise · e. Baseline: the value one longest period before.

    >>> len(seasons(100))
    100
    """
    time, phases = torch.arange(length), 2 * math.pi * drawn(len(periods), seed, 13).uniform()
    value = trend * time / length + noise * drawn(length, seed, 14).normal()
    for rank, (period, phase) in enumerate(zip(periods, phases.tolist(), strict=True), 1):
        value = value + torch.sin(2 * math.pi * time / period + phase) / rank
    return Arrays({"value": value, "time": time})


def token_task(task: str = "copy", size: int = 1000, length: int = 8, symbols: int = 10, *, seed: int = 0) -> Arrays:
    """Sequences to copy, reverse or sort: ``input`` (T,) int64 in 1 … symbols (0 is left for padding), ``target`` (T,). Baseline: the rule itself.

    A class drawn at random is right once in ``symbols``.

    >>> rows = token_task("sort", 1).columns
    >>> bool((rows["target"][0].diff() >= 0).all())
    True
    """
    if task not in TASKS:
        raise ValueError(f"task={task!r}; expected {', '.join(map(repr, TASKS))}")
    tokens = drawn(size, seed, 15).integers(1, symbols + 1, length)
    target = {"copy": tokens, "reverse": tokens.flip(1), "sort": tokens.sort(1).values}[task]
    return Arrays({"input": tokens, "target": target})


def tones(
    size: int = 300, classes: int = 4, *, chirp: bool = False, samples: int = 4000, rate: int = 8000, noise: float = 0.1, seed: int = 0
) -> Arrays:
    """Pure tones of one of ``classes`` pitches, or ``chirp``s that rise from it by an octave: ``audio`` (T,) float32 in [-1, 1], ``label``.

    Pitches are 250 · 2^(label / 2) Hz, at a random phase and loudness; ``sample_rate`` is that of all. Baseline: the loudest frequency.

    >>> tones(2, samples=100).columns["audio"].shape
    torch.Size([2, 100])
    """
    random, label = drawn(size, seed, 16), torch.arange(size) % classes
    pitch = 250 * 2 ** (label / 2)
    highest = 250 * 2 ** ((classes - 1) / 2) * (2 if chirp else 1)
    if highest >= rate / 2:
        raise ValueError(f"The highest of {classes} pitches, {highest:.0f} Hz, is beyond half of rate={rate}; take fewer or a higher rate")
    time = torch.arange(samples) / rate
    turns = pitch[:, None] * (time + (time**2 / (2 * time[-1]) if chirp else 0))
    sound = (0.3 + 0.5 * random.uniform())[:, None] * torch.sin(2 * math.pi * (turns + random.uniform()[:, None]))
    audio = (sound + noise * random.normal(samples) / 3).clamp(-1, 1)
    return Arrays({"audio": audio, "label": label, "sample_rate": torch.full((size,), rate)})

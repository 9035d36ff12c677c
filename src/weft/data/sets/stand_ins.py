"""Small made sets in the form of named ones: to try a program where the files are not, or in tests."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from weft.data.audio.wav import wav_bytes
from weft.data.sets.made_points import drawn

SIZES = {"train": 240, "val": 60, "test": 60}
WORDS = {"ein": "a", "mann": "man", "hund": "dog", "sieht": "sees", "den": "the", "roten": "red", "ball": "ball", "alten": "old", "baum": "tree"}
SUBJECTS, ADJECTIVES, OBJECTS = ("mann", "hund"), ("roten", "alten"), ("ball", "baum")


def stripes(part: str, classes: int, shape: tuple[int, ...], seed: int) -> tuple[Tensor, Tensor]:
    """Pictures (N, *shape) uint8 of noisy stripes whose direction and width tell the class, and the classes (N,) int64, all equally often.

    >>> images, labels = stripes("test", 10, (28, 28), 0)
    >>> images.shape, labels.bincount().tolist() == [6] * 10
    (torch.Size([60, 28, 28]), True)
    """
    size = -(-SIZES[part] // classes) * classes
    random = drawn(size, seed, sorted(SIZES).index(part))
    labels = torch.arange(size) % classes
    turn = math.pi * (labels % 10) / 10
    across = 0.4 + 0.9 * (labels // 10) / max(1, classes // 10)
    rows, columns = torch.meshgrid(torch.arange(shape[-2]) - shape[-2] / 2, torch.arange(shape[-1]) - shape[-1] / 2, indexing="ij")
    along = turn.cos()[:, None, None] * columns + turn.sin()[:, None, None] * rows
    wave = 0.5 + 0.5 * torch.cos(across[:, None, None] * along)
    wave = wave.reshape(size, *(1,) * (len(shape) - 2), *shape[-2:])
    return (200 * wave + 55 * random.uniform(*shape)).to(torch.uint8), labels


def pairs_of_sentences(part: str) -> list[dict[str, str]]:
    """German and English sentences, word by word translations of each other.

    >>> pairs_of_sentences("val")[0].keys() == {"de", "en"}
    True
    """
    random = drawn(SIZES[part], 5, sorted(SIZES).index(part))
    picks = random.integers(0, 2, 3).tolist()
    made = [("ein", SUBJECTS[a], "sieht", "den", ADJECTIVES[b], OBJECTS[c]) for a, b, c in picks]
    return [{"de": " ".join(words).capitalize() + ".", "en": " ".join(WORDS[word] for word in words).capitalize() + "."} for words in made]


def spoken(part: str) -> list[dict[str, Any]]:
    """Tones of a tenth of a second at 8 kHz whose pitch tells the digit, as WAV files, of two speakers.

    >>> spoken("test")[0]["path"]
    '0_low_0.wav'
    """
    takes = range(0, 5) if part == "test" else range(5, 20)
    records = []
    for digit in range(10):
        for speaker, factor in (("low", 1.0), ("high", 1.06)):
            for take in takes:
                time = torch.arange(800) / 8000
                noise = 0.05 * drawn(800, digit, take).normal()
                sound = 0.5 * torch.sin(2 * math.pi * (300 + 150 * digit) * factor * time) + noise
                path = f"{digit}_{speaker}_{take}.wav"
                audio = wav_bytes(sound.clamp(-1, 1), 8000)
                records.append({"audio": audio, "label": str(digit), "speaker": speaker, "index": take, "path": path})
    return records

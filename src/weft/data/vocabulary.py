"""Text to tokens and a vocabulary of the most frequent ones."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

PAD, UNKNOWN = 0, 1
SPECIAL = ("<pad>", "<unk>")

# every character of the text is in exactly one match, so that joining tokens gives the text again
PIECES = re.compile(r"\s+|\w+|[^\w\s]")


def check_level(level: str) -> None:
    """Raise ValueError for an unknown level."""
    if level not in ("character", "word"):
        raise ValueError(f"level={level!r}; expected 'character' or 'word'")


def pieces(text: str, level: str) -> list[str]:
    """Characters, or words, punctuation marks and white space: ``"".join(pieces(text, level)) == text``.

    >>> pieces("Hi, you", "word")
    ['Hi', ',', ' ', 'you']
    """
    return list(text) if level == "character" else PIECES.findall(text)


def vocabulary_of(tokens: Iterable[str], size: int | None = None, min_count: int = 1) -> tuple[str, ...]:
    """``<pad>``, ``<unk>``, then tokens by falling frequency, equal ones in alphabetical order; ``size`` counts all of them.

    Raises ValueError when no token is left.

    >>> vocabulary_of(["b", "a", "b"])
    ('<pad>', '<unk>', 'b', 'a')
    """
    counts = Counter(tokens)
    ordered = sorted((token for token, count in counts.items() if count >= min_count), key=lambda token: (-counts[token], token))
    kept = ordered if size is None else ordered[: max(0, size - len(SPECIAL))]
    if not kept:
        raise ValueError(f"No token is left of {len(counts)} different ones with size={size} and min_count={min_count}")
    return (*SPECIAL, *kept)


def check_vocabulary(vocabulary: Sequence[str]) -> None:
    """Raise ValueError unless the special tokens come first and none occurs twice."""
    if tuple(vocabulary[:2]) != SPECIAL or len(set(vocabulary)) != len(vocabulary):
        raise ValueError(f"A vocabulary starts with {SPECIAL} and has no token twice; got {vocabulary[:5]}… of {len(vocabulary)}")

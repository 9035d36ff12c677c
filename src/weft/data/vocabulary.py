"""Text to tokens and a vocabulary of the most frequent ones."""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from weft.data.text_file import read_text

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


def vocabulary_of(tokens: Iterable[str], size: int | None = None, min_count: int = 1, specials: Sequence[str] = SPECIAL) -> tuple[str, ...]:
    """``specials``, then tokens by falling frequency, equal ones in alphabetical order; ``size`` counts all of them.

    A token of the text that is written like a special one is left out: it stays unknown. Raises ValueError when no token is left.

    >>> vocabulary_of(["b", "a", "b"])
    ('<pad>', '<unk>', 'b', 'a')
    """
    counts = Counter(tokens)
    for name in specials:
        counts.pop(name, None)
    ordered = sorted((token for token, count in counts.items() if count >= min_count), key=lambda token: (-counts[token], token))
    kept = ordered if size is None else ordered[: max(0, size - len(specials))]
    if not kept:
        raise ValueError(f"No token is left of {len(counts)} different ones with size={size} and min_count={min_count}")
    return (*specials, *kept)


def check_vocabulary(vocabulary: Sequence[str]) -> None:
    """Raise ValueError unless the special tokens come first and none occurs twice."""
    if tuple(vocabulary[:2]) != SPECIAL or len(set(vocabulary)) != len(vocabulary):
        raise ValueError(f"A vocabulary starts with {SPECIAL} and has no token twice; got {vocabulary[:5]}… of {len(vocabulary)}")


@dataclass(frozen=True)
class Vocabulary:
    """Tokens and their numbers; what it does not hold has the number of ``unknown``.

    Made of a corpus by ``Vocabulary.of``, of a list by hand, or read from a file of word vectors or its own JSON.
    Raises ValueError for a token that stands twice and for an ``unknown`` that is missing; KeyError for an unknown token
    when there is no ``unknown``.

    Use when tokens come from elsewhere; instead of it, a tokenizer, which holds its own. Cost: a dict.

    >>> vocabulary = Vocabulary.of(["to", "be", "or", "not", "to", "be"], specials=("<pad>", "<unk>", "<bos>", "<eos>"))
    >>> vocabulary.tokens, vocabulary.ids(["to", "see"])
    (('<pad>', '<unk>', '<bos>', '<eos>', 'be', 'to', 'not', 'or'), [5, 1])
    """

    tokens: Sequence[str]
    unknown: str | None = SPECIAL[UNKNOWN]
    num_special: int = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "tokens", tuple(self.tokens))
        twice = [token for token, count in Counter(self.tokens).items() if count > 1]
        if twice:
            raise ValueError(f"{twice[0]!r} stands {Counter(self.tokens)[twice[0]]} times in the vocabulary; every token needs one number")
        if self.unknown is not None and self.unknown not in self.tokens:
            raise ValueError(f"unknown={self.unknown!r} is none of the {len(self.tokens)} tokens; name one of them or pass unknown=None")
        if not 0 <= self.num_special <= len(self.tokens):
            raise ValueError(f"num_special={self.num_special}; the vocabulary has {len(self.tokens)} tokens")

    @classmethod
    def of(cls, tokens: Iterable[str], size: int | None = 10_000, min_count: int = 1, specials: Sequence[str] = SPECIAL) -> Vocabulary:
        """The vocabulary of a corpus; see ``vocabulary_of``. The second of ``specials`` stands for what is unknown."""
        unknown = specials[UNKNOWN] if len(specials) > UNKNOWN else None
        return cls(vocabulary_of(tokens, size, min_count, specials), unknown, len(specials))

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in self.numbers

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Token to number."""
        return {token: number for number, token in enumerate(self.tokens)}

    def ids(self, tokens: Iterable[str]) -> list[int]:
        """The numbers of tokens."""
        if self.unknown is None:
            return [self.numbers[token] for token in tokens]
        unknown = self.numbers[self.unknown]
        return [self.numbers.get(token, unknown) for token in tokens]

    def words(self, ids: Iterable[int], *, skip_special: bool = False) -> list[str]:
        """The tokens of numbers; raises IndexError for one out of range."""
        ids = list(ids)
        wrong = [number for number in ids if not 0 <= number < len(self)]
        if wrong:
            raise IndexError(f"Number {wrong[0]} is not in a vocabulary of {len(self)} tokens")
        return [self.tokens[number] for number in ids if not (skip_special and number < self.num_special)]

    def merge(self, other: Vocabulary) -> Vocabulary:
        """This vocabulary, its numbers unchanged, followed by the other's tokens that it lacks."""
        return dataclasses.replace(self, tokens=tuple(dict.fromkeys([*self.tokens, *other.tokens[other.num_special :]])))

    def coverage(self, tokens: Iterable[str]) -> dict[str, float | int | list[str]]:
        """How much of a text it knows: shares of tokens and of different ones that are unknown, and the most frequent unknown ones.

        >>> Vocabulary(["<unk>", "a"], num_special=1).coverage(["a", "a", "b", "a"])["unknown"]
        0.25
        """
        counts = Counter(tokens)
        missing = {token: count for token, count in counts.items() if token not in self}
        total = sum(counts.values())
        return {
            "tokens": total,
            "unknown": sum(missing.values()) / max(1, total),
            "unknown_types": len(missing) / max(1, len(counts)),
            "most_frequent_unknown": sorted(missing, key=lambda token: (-missing[token], token))[:10],
        }

    def save(self, path: str | Path) -> None:
        """Write it as JSON."""
        Path(path).write_text(json.dumps(dataclasses.asdict(self), ensure_ascii=False), encoding="utf-8")

    @classmethod
    def open(cls, path: str | Path) -> Vocabulary:
        """Read what ``save`` wrote; raises ValueError for another file."""
        try:
            values = json.loads(read_text(path))
        except json.JSONDecodeError as error:
            raise ValueError(f"{str(path)!r} is not JSON: {error}. A plain list of tokens is read by Vocabulary(text.split())") from None
        if not isinstance(values, dict) or set(values) != {"tokens", "unknown", "num_special"}:
            raise ValueError(f"{str(path)!r} is no saved vocabulary; expected the keys tokens, unknown, num_special")
        return cls(**values)

    @classmethod
    def of_vectors(
        cls, path: str | Path, size: int | None = None, specials: Sequence[str] = SPECIAL
    ) -> tuple[Vocabulary, Float[Tensor, "tokens dim"]]:
        """Vocabulary and vectors of a GloVe or word2vec text file (``.gz`` too), ``size`` words at most; special tokens have vectors of zero.

        Raises ValueError naming the line whose vector has another length or is no number.
        """
        words: dict[str, list[float]] = {}
        dim = 0
        for number, line in enumerate(read_text(path).split("\n"), 1):
            parts = line.rstrip().split(" ")
            if len(parts) < 2 or (number == 1 and len(parts) == 2 and all(part.isdigit() for part in parts)):
                continue  # an empty line, or word2vec's head: number of words and dimensions
            dim = dim or len(parts) - 1
            word, values = " ".join(parts[:-dim]), parts[-dim:]  # GloVe has words that hold spaces
            try:
                vector = [float(value) for value in values]
            except ValueError:
                vector = []
            if not word or len(vector) != dim:
                raise ValueError(f"{str(path)!r}, line {number}: expected a word and {dim} numbers, got {line[:60]!r}")
            if word not in specials:
                words.setdefault(word, vector)
            if size is not None and len(words) >= size:
                break
        if not words:
            raise ValueError(f"{str(path)!r} holds no word vectors; expected lines of a word and its numbers")
        vectors = torch.tensor([[0.0] * dim] * len(specials) + list(words.values()))
        unknown = specials[UNKNOWN] if len(specials) > UNKNOWN else None
        return cls((*specials, *words), unknown, len(specials)), vectors

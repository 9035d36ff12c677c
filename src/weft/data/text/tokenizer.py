"""What every tokenizer promises, and what they share: special tokens, bytes, draws for sampling."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

from weft.data.keyed import Random

SPECIALS = ("<pad>", "<unk>")
BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))  # tokens of single bytes, written as SentencePiece does
REPLACEMENT = "\ufffd"
MAX_CACHE = 100_000  # words whose tokens are remembered


@runtime_checkable
class Tokenizer(Protocol):
    """Text to token numbers and back; a frozen value that is saved with the model as plain data.

    ``vocabulary`` holds the tokens by number, ``specials`` those that no text can spell: the first is padding, the second what is unknown.
    Some also have ``sample(text, random)``, one of several ways to cut the text, for training.
    """

    @property
    def vocabulary(self) -> Sequence[str] | None:
        """The tokens by number; None before ``fit``."""
        ...

    @property
    def specials(self) -> Sequence[str]:
        """Tokens that no text can spell: padding first, then the unknown one."""
        ...

    @property
    def num_tokens(self) -> int:
        """How many numbers there are; 0 before ``fit``."""
        ...

    def fit(self, texts: Iterable[str]) -> Tokenizer:
        """A tokenizer that has learned its vocabulary from training texts."""
        ...

    def encode(self, text: str) -> list[int]:
        """Token numbers of a text, without begin and end."""
        ...

    def decode(self, ids: Iterable[int]) -> str:
        """The text of token numbers; special tokens write nothing, the unknown one U+FFFD."""
        ...

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """For each token of ``encode(text)`` the span of ``text`` that it stands for: ``text[start:end]``."""
        ...

    def spec(self) -> dict[str, Any]:
        """``{"name", "args"}``: JSON from which the catalogue rebuilds the tokenizer."""
        ...


def settle(tokenizer: Any) -> None:
    """Bring ``specials`` and ``vocabulary`` of a frozen tokenizer to tuples and check them; raises ValueError."""
    specials = tuple(tokenizer.specials)
    object.__setattr__(tokenizer, "specials", specials)
    if not specials or len(set(specials)) != len(specials):
        raise ValueError(f"specials={specials}; expected different names, the first for padding, the second for what is unknown")
    if tokenizer.vocabulary is None:
        return
    vocabulary = tuple(tokenizer.vocabulary)
    object.__setattr__(tokenizer, "vocabulary", vocabulary)
    if len(set(vocabulary)) != len(vocabulary):
        seen: set[str] = set()
        twice = next(token for token in vocabulary if token in seen or seen.add(token))
        raise ValueError(f"The vocabulary has {twice!r} twice; every token needs one number")
    missing = [name for name in specials if name not in set(vocabulary)]
    if missing:
        raise ValueError(f"The vocabulary of {len(vocabulary)} tokens lacks the special tokens {', '.join(missing)}; add them or pass specials=")


def numbered(tokenizer: Any) -> dict[str, int]:
    """The numbers of the tokens that a text can spell, without the special ones; raises ValueError before ``fit``."""
    if tokenizer.vocabulary is None:
        name = type(tokenizer).__name__
        raise ValueError(f"This {name} has not been fitted; call tokenizer = tokenizer.fit(training_texts)")
    special = set(tokenizer.specials)
    return {token: number for number, token in enumerate(tokenizer.vocabulary) if token not in special}


def unknown_id(tokenizer: Any) -> int:
    """The number for what the vocabulary cannot spell; raises ValueError when the tokenizer has none."""
    if len(tokenizer.specials) < 2:
        raise ValueError(f"This {type(tokenizer).__name__} has no token for what is unknown; give a second name in specials=")
    return tokenizer.vocabulary.index(tokenizer.specials[1])


def pad_id(tokenizer: Any) -> int:
    """The number of padding."""
    return tokenizer.vocabulary.index(tokenizer.specials[0])


def written(tokenizer: Any, ids: Iterable[int]) -> list[str]:
    """The tokens of numbers: special ones left out, the unknown one as U+FFFD; raises ValueError for a number out of range."""
    if tokenizer.vocabulary is None:
        numbered(tokenizer)  # says that it has not been fitted
    vocabulary: Any = tokenizer.vocabulary
    skip = {name: "" for name in tokenizer.specials} | {name: REPLACEMENT for name in tokenizer.specials[1:2]}
    tokens = []
    for number in ids:
        if not 0 <= number < len(vocabulary):
            raise ValueError(f"Token number {number} is not in the vocabulary of {len(vocabulary)}; was the text written by another tokenizer?")
        token = vocabulary[number]
        tokens.append(skip.get(token, token))
    return [token for token in tokens if token]


def spec_of(name: str, tokenizer: Any) -> dict[str, Any]:
    """The spec of a tokenizer that is a dataclass of plain values."""
    args = {field.name: getattr(tokenizer, field.name) for field in dataclasses.fields(tokenizer)}
    return {"name": name, "args": {key: plain(value) for key, value in args.items()}}


def plain(value: Any) -> Any:
    """Tuples as lists, all the way down."""
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def to_bytes(text: str) -> bytes:
    """UTF-8; a lone surrogate, as ``surrogateescape`` makes them of bytes that are no UTF-8, becomes its byte again."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # surrogates of another origin keep their three bytes
        return b"".join(c.encode("utf-8", "surrogateescape" if "\udc80" <= c <= "\udcff" else "surrogatepass") for c in text)


def from_bytes(data: bytes) -> str:
    """The text of UTF-8; bytes that are none become U+FFFD."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")


def joined(tokens: Iterable[str]) -> str:
    """Tokens as one text; runs of byte tokens are read as UTF-8, what is none of it becomes U+FFFD.

    >>> joined(["a", "<0xC3>", "<0xA9>"])
    'aé'
    """
    parts: list[str] = []
    waiting = bytearray()
    for token in tokens:
        if len(token) == 6 and token in BYTE_NUMBER:
            waiting.append(BYTE_NUMBER[token])
            continue
        if waiting:
            parts.append(from_bytes(bytes(waiting)))
            waiting.clear()
        parts.append(token)
    if waiting:
        parts.append(from_bytes(bytes(waiting)))
    return "".join(parts)


BYTE_NUMBER = {token: byte for byte, token in enumerate(BYTES)}


def draws(random: Random) -> Iterator[float]:
    """Uniform numbers in [0, 1) of one record, as many as are asked for; raises ValueError when ``random`` is of several records."""
    if random.key.numel() != 1:
        raise ValueError(f"A text is sampled with the randomness of one record; got that of {random.key.numel()}")
    while True:
        yield from random.uniform(256).flatten().tolist()

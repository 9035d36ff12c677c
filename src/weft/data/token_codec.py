"""Text to token numbers and back, for language models."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from weft.data.contracts import Batch, Record, Source
from weft.data.text.tokenizer import Tokenizer
from weft.data.text_codec import collate_text, plain_fields
from weft.data.vocabulary import SPECIAL, UNKNOWN, check_level, check_vocabulary, pieces, vocabulary_of
from weft.data.windows import Windows


@dataclass(frozen=True)
class TokenCodec:
    """A text as a stream of token numbers, without loss for known tokens: ``text(stream(t)) == t``.

    Training cuts one long stream into ``windows`` of ``length`` tokens whose target is the next token. A prompt ``{"text"}`` becomes ``input`` (T,),
    its last ``length`` tokens, and ``attend``. Number 0 is padding, 1 a token that training did not have (written as U+FFFD).
    ``fit`` takes a ``Lines``, a string or any source with ``text`` and learns the tokens; ``size`` bounds their number.
    With a ``tokenizer`` (``BPE``, ``Unigram`` …) the text is cut by it instead, and ``fit`` fits it unless it is fitted.
    Raises ValueError for an empty prompt.

    Use when a model writes text; instead of it, ``TextCodec`` to classify. Cost: characters make long streams, words make large vocabularies.

    >>> codec = TokenCodec(length=4).fit("abcab")
    >>> codec.stream("bac").tolist(), codec.text(torch.tensor([3, 2, 4]))
    ([3, 2, 4], 'bac')
    """

    level: str = "character"
    length: int = 128
    size: int | None = None
    vocabulary: Sequence[str] | None = None
    tokenizer: Tokenizer | None = None

    def __post_init__(self) -> None:
        check_level(self.level)
        if self.length < 1:
            raise ValueError(f"length={self.length}; expected at least 1")
        if self.vocabulary is not None:
            object.__setattr__(self, "vocabulary", tuple(self.vocabulary))
            check_vocabulary(self.vocabulary)

    @property
    def num_tokens(self) -> int:
        return len(self.vocabulary or ()) if self.tokenizer is None else self.tokenizer.num_tokens

    @cached_property
    def _numbers(self) -> dict[str, int]:
        if self.vocabulary is None:
            raise ValueError("This TokenCodec has not been fitted; call codec = codec.fit(training_text)")
        return {token: number for number, token in enumerate(self.vocabulary)}

    def fit(self, source: Source | str) -> TokenCodec:
        """Learn the tokens of training text."""
        if self.tokenizer is not None:
            fitted = self.tokenizer if self.tokenizer.num_tokens else self.tokenizer.fit([whole_text(source)])
            return dataclasses.replace(self, tokenizer=fitted)
        return dataclasses.replace(self, vocabulary=vocabulary_of(pieces(whole_text(source), self.level), self.size))

    def stream(self, source: Source | str) -> Int[Tensor, " n"]:
        """The token numbers of a whole text."""
        if self.tokenizer is not None:
            return torch.tensor(self.tokenizer.encode(whole_text(source)), dtype=torch.int64)
        numbers = self._numbers
        return torch.tensor([numbers.get(token, UNKNOWN) for token in pieces(whole_text(source), self.level)], dtype=torch.int64)

    def windows(self, source: Source | str, stride: int | None = None, *, cover: bool = False) -> Windows:
        """The text cut into training windows; see ``Windows``."""
        return Windows(self.stream(source), self.length, stride, cover=cover)

    def text(self, numbers: Int[Tensor, " n"]) -> str:
        """Token numbers as text; padding writes nothing, unknown tokens U+FFFD."""
        if self.tokenizer is not None:
            return self.tokenizer.decode(numbers.tolist())
        tokens = ("", "\ufffd", *(self.vocabulary or SPECIAL)[2:])
        return "".join(tokens[number] for number in numbers.tolist())

    def encode(self, record: Record) -> dict[str, Tensor]:
        text = record.get("text")
        if not isinstance(text, str) or not text:
            raise ValueError(f"A prompt needs a text of at least one character under 'text'; got {text!r}")
        # each token is at least one character, so the tail holds every token that is kept; words may start early
        tail = text if self.level == "word" or self.tokenizer is not None else text[-self.length :]
        numbers = self.stream(tail)[-self.length :]
        if not len(numbers):
            raise ValueError(f"The prompt {text[:40]!r} has no token: this tokenizer reads nothing in it")
        return {"input": numbers, "attend": torch.ones(len(numbers), dtype=torch.bool)}

    def collate(self, encoded: list[dict[str, Tensor]]) -> Batch:
        return collate_text(encoded)

    def decode(self, prediction: dict[str, Tensor]) -> list[Record]:
        """``{"text"}`` of generated ``tokens`` (B, T), or of the most likely token at each position of logits ``output`` (B, T, V)."""
        tokens = prediction["tokens"] if "tokens" in prediction else prediction["output"].argmax(-1)
        return [{"text": self.text(row)} for row in tokens.cpu()]

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "properties": {"text": {"type": "string", "minLength": 1}}, "required": ["text"]}

    def spec(self) -> dict[str, Any]:
        return {"name": "token_codec", "args": plain_fields(self)}


def whole_text(source: Any) -> str:
    """A string as it is, the ``text`` of a ``Lines``, or the texts of any other source, one per line."""
    if isinstance(source, str):
        return source
    if isinstance(getattr(source, "text", None), str):
        return source.text
    return "\n".join(source[i]["text"] for i in range(len(source)))

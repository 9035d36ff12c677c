"""The bridge to Hugging Face's tokenizers: their JSON files as tokenizers here, tokenizers from here as their JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from weft.data.text.bpe import BPE
from weft.data.text.characters import CharacterTokenizer
from weft.data.text.tokenizer import BYTES, REPLACEMENT, numbered, settle, spec_of, unknown_id
from weft.data.text.unigram import SPACE, Unigram
from weft.data.text.wordpiece import PREFIX, WordPiece
from weft.data.text.words import WordTokenizer
from weft.data.text_file import read_text

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
SPLIT: dict[str, dict[str, Any] | None] = {
    "whitespace": {"type": "WhitespaceSplit"},
    "none": None,
    "gpt2": {"type": "Split", "pattern": {"Regex": GPT2}, "behavior": "Isolated", "invert": False},
}
NEVER = -10_000.0  # score of a piece that no text may spell


@dataclass(frozen=True)
class FastTokenizer:
    """A tokenizer of Hugging Face's library, in Rust, from the text of its ``tokenizer.json``; ``read_tokenizer_json`` reads the file.

    ``specials``: by default the file's special tokens, what looks like padding first, the unknown token second; a model without padding needs them
    given. Special tokens are never read out of a text, and the file's own truncation, padding and begin and end tokens are left out:
    ``TextEncoder`` adds them. ``fit`` changes nothing, the tokenizer comes fitted.
    Raises ValueError for a text that is no such file, ImportError without the library.

    Use when a pre-trained model brings its tokenizer, or for speed on many processors; instead of it, ``BPE`` and others to train and read.
    Cost: none here, the library is needed.

    >>> from weft.data.text import WordPiece
    >>> bert = WordPiece(size=60, min_count=1).fit(["hello world"])
    >>> fast = FastTokenizer(tokenizer_json(bert))
    >>> fast.encode("Hello") == bert.encode("Hello"), fast.num_tokens == bert.num_tokens
    (True, True)
    """

    definition: str
    specials: Sequence[str] = ()

    def __post_init__(self) -> None:
        try:
            content = json.loads(self.definition)
            tokens = vocabulary_in(content)
        except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            what = f"{type(error).__name__}: {error}"
            raise ValueError(f"This is no tokenizer.json of Hugging Face's tokenizers ({what}); give the file's text") from None
        object.__setattr__(self, "vocabulary", tokens)
        if not self.specials:
            object.__setattr__(self, "specials", specials_in(content, tokens))
        settle(self)

    @property
    def num_tokens(self) -> int:
        return len(self.vocabulary)  # type: ignore[attr-defined]

    @cached_property
    def _rust(self) -> Any:
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise ImportError("FastTokenizer needs Hugging Face's tokenizers: pip install 'weft[text]'") from error
        try:
            made = Tokenizer.from_str(self.definition)
        except Exception as error:  # the library raises plain Exception for a malformed file
            raise ValueError(f"tokenizers cannot read this definition: {error}") from None
        made.no_truncation()
        made.no_padding()
        made.encode_special_tokens = True  # in a text, the name of a special token is text
        return made

    def fit(self, texts: Iterable[str]) -> FastTokenizer:
        """The same: it comes fitted."""
        return self

    @cached_property
    def _special(self) -> frozenset[int]:
        """The numbers that no text may spell: those of the special tokens but the unknown one."""
        vocabulary: Sequence[str] = self.vocabulary  # type: ignore[attr-defined]
        return frozenset(vocabulary.index(name) for place, name in enumerate(self.specials) if place != 1)

    def encode(self, text: str) -> list[int]:
        ids = self._rust.encode(text, add_special_tokens=False).ids
        if self._special.isdisjoint(ids):
            return ids
        # models of words and of pieces find the name of a special token in their own vocabulary
        return [unknown_id(self) if number in self._special else number for number in ids]

    def decode(self, ids: Iterable[int]) -> str:
        numbers = list(ids)
        wrong = [number for number in numbers if not 0 <= number < self.num_tokens]
        if wrong:
            raise ValueError(f"Token number {wrong[0]} is not in the vocabulary of {self.num_tokens}; was the text written by another tokenizer?")
        unknown = unknown_id(self) if len(self.specials) > 1 else -1
        parts: list[list[int]] = [[]]
        for number in numbers:
            if number == unknown:
                parts.append([])
            elif number not in self._special:
                parts[-1].append(number)
        spaced = (json.loads(self.definition).get("decoder") or {"type": "WordPiece"})["type"] == "WordPiece"  # words stand apart
        mark = f" {REPLACEMENT} " if spaced else REPLACEMENT
        text = mark.join(self._rust.decode(part, skip_special_tokens=False) for part in parts)
        return " ".join(text.split()) if spaced and unknown in numbers else text

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return self._rust.encode(text, add_special_tokens=False).offsets

    def spec(self) -> dict[str, Any]:
        return spec_of("fast_tokenizer", self)


def vocabulary_in(content: dict[str, Any]) -> tuple[str, ...]:
    """The tokens of a tokenizer.json by number; a number without a token is given a name of its own."""
    model = content["model"]["vocab"]
    numbers = {piece: i for i, (piece, _) in enumerate(model)} if isinstance(model, list) else dict(model)
    numbers |= {token["content"]: token["id"] for token in content.get("added_tokens") or ()}
    names = {number: token for token, number in numbers.items()}
    return tuple(names.get(i, f"<unused {i}>") for i in range(max(names) + 1))


def specials_in(content: dict[str, Any], tokens: Sequence[str]) -> tuple[str, ...]:
    """The special tokens of a tokenizer.json: padding, the unknown one, then the rest; raises ValueError where padding cannot be told."""
    model = content["model"]
    unknown = model.get("unk_token") or (tokens[model["unk_id"]] if model.get("unk_id") is not None else None)
    names = [token["content"] for token in content.get("added_tokens") or () if token.get("special")]
    stated = (content.get("padding") or {}).get("pad_token")
    pad: Any = next((name for name in [stated, *names] if name in tokens and (name == stated or "pad" in name.lower())), None)
    if pad is None:
        found = f" Its special tokens: {', '.join(names)}." if names else ""
        raise ValueError(f"No token of this tokenizer looks like padding.{found} Pass specials=(padding, unknown, …), any token may serve as padding")
    return tuple(dict.fromkeys([str(pad), *([str(unknown)] if unknown in tokens else []), *names]))


def read_tokenizer_json(path: str | Path, specials: Sequence[str] = ()) -> FastTokenizer:
    """A tokenizer from a ``tokenizer.json``; raises FileNotFoundError, and ValueError for another file."""
    return FastTokenizer(read_text(path), specials)


def tokenizer_json(tokenizer: Any) -> str:
    """A fitted tokenizer as the text of a ``tokenizer.json`` that gives the same numbers in Hugging Face's library.

    Raises ValueError for what that format cannot say: graphemes, cleaning, rules and patterns of one's own, WordPiece with bytes.

    >>> from weft.data.text import BPE
    >>> json.loads(tokenizer_json(BPE(size=280).fit(["aa aa"])))["model"]["type"]
    'BPE'
    """
    if isinstance(tokenizer, FastTokenizer):
        return tokenizer.definition
    writers = {BPE: of_bpe, WordPiece: of_word_piece, Unigram: of_unigram, WordTokenizer: of_words, CharacterTokenizer: of_characters}
    write = writers.get(type(tokenizer))
    if write is None:
        raise ValueError(f"A {type(tokenizer).__name__} has no tokenizer.json; {', '.join(kind.__name__ for kind in writers)} have")
    numbered(tokenizer)
    names = ("id", "content", "single_word", "lstrip", "rstrip", "normalized", "special")
    added = [(tokenizer.vocabulary.index(name), name, False, False, False, False, True) for name in tokenizer.specials]
    head = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [dict(zip(names, row, strict=True)) for row in sorted(added)]}
    parts = {"normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": None}
    return json.dumps(head | parts | write(tokenizer), ensure_ascii=False)


def numbers_of(tokenizer: Any) -> dict[str, int]:
    """Token to number, special ones too."""
    return {token: number for number, token in enumerate(tokenizer.vocabulary)}


def split_of(rule: str) -> dict[str, Any] | None:
    """The pre-tokenizer of a splitting rule."""
    if rule not in SPLIT:
        raise ValueError(f"The rule {rule!r} has no exact counterpart in a tokenizer.json; those of {', '.join(SPLIT)} have")
    return SPLIT[rule]


def sequence(*parts: dict[str, Any] | None) -> dict[str, Any]:
    """Several decoders as one."""
    return {"type": "Sequence", "decoders": [part for part in parts if part]}


def bpe_model(tokenizer: Any, merges: Sequence[Sequence[str]], end: str | None = None) -> dict[str, Any]:
    """The model of merges, with bytes where the vocabulary has them."""
    unknown = tokenizer.specials[1] if len(tokenizer.specials) > 1 else None
    spelled = set(BYTES) <= set(tokenizer.vocabulary)
    options = {"dropout": None, "unk_token": unknown, "continuing_subword_prefix": None, "end_of_word_suffix": end, "fuse_unk": False}
    return {"type": "BPE", **options, "byte_fallback": spelled, "vocab": numbers_of(tokenizer), "merges": [list(pair) for pair in merges]}


def of_bpe(tokenizer: BPE) -> dict[str, Any]:
    """The parts of a BPE tokenizer."""
    model = bpe_model(tokenizer, tokenizer.merges or (), tokenizer.end_of_word or None)
    split = split_of(tokenizer.pattern)
    if tokenizer.level == "byte":
        if tokenizer.end_of_word:
            raise ValueError("An end of word over bytes has no counterpart in a tokenizer.json; take level='character'")
        whole = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": tokenizer.pattern == "gpt2"}
        before = {"type": "Sequence", "pretokenizers": [split, whole]} if tokenizer.pattern == "whitespace" else whole
        return {"pre_tokenizer": before, "decoder": whole, "model": model}
    ends = {"type": "BPEDecoder", "suffix": tokenizer.end_of_word} if tokenizer.end_of_word else None
    spelled = {"type": "ByteFallback"} if model["byte_fallback"] else None
    return {"pre_tokenizer": split, "decoder": sequence(ends, spelled, {"type": "Fuse"}), "model": model}


def of_word_piece(tokenizer: WordPiece) -> dict[str, Any]:
    """The parts of a WordPiece tokenizer."""
    if BYTES[0] in numbered(tokenizer):
        raise ValueError("WordPiece with fallback=True has no counterpart in a tokenizer.json; fit it without")
    model = {"type": "WordPiece", "unk_token": tokenizer.specials[1], "continuing_subword_prefix": PREFIX, "max_input_chars_per_word": 100}
    normal = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": tokenizer.lower}
    decoder = {"type": "WordPiece", "prefix": PREFIX, "cleanup": False}
    model |= {"vocab": numbers_of(tokenizer)}
    return {"normalizer": normal, "pre_tokenizer": {"type": "BertPreTokenizer"}, "decoder": decoder, "model": model}


def of_unigram(tokenizer: Unigram) -> dict[str, Any]:
    """The parts of a Unigram tokenizer."""
    hidden = {*tokenizer.specials, *BYTES}
    pieces = zip(tokenizer.vocabulary or (), tokenizer.scores or (), strict=True)
    spelled = BYTES[0] in numbered(tokenizer)
    rules: list[dict[str, Any]] = []
    if tokenizer.normal != "identity":
        rules += [{"type": "NFKC"}, {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}]
        rules += [{"type": "Strip", "strip_left": True, "strip_right": True}]
        rules += [{"type": "Lowercase"}] if tokenizer.normal == "nfkc_lower" else []
    rules += [{"type": "Replace", "pattern": {"String": " "}, "content": SPACE}, {"type": "Prepend", "prepend": SPACE}]
    model = {"type": "Unigram", "unk_id": unknown_id(tokenizer), "byte_fallback": spelled}
    decoder = sequence(
        {"type": "Replace", "pattern": {"String": SPACE}, "content": " "},
        {"type": "ByteFallback"} if spelled else None,
        {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0},
    )
    vocabulary = [[piece, NEVER if piece in hidden else score] for piece, score in pieces]
    return {"normalizer": {"type": "Sequence", "normalizers": rules}, "decoder": decoder, "model": model | {"vocab": vocabulary}}


def of_words(tokenizer: WordTokenizer) -> dict[str, Any]:
    """The parts of a word tokenizer."""
    model = {"type": "WordLevel", "vocab": numbers_of(tokenizer), "unk_token": tokenizer.specials[1]}
    return {"normalizer": {"type": "Lowercase"} if tokenizer.lower else None, "pre_tokenizer": split_of(tokenizer.rule), "model": model}


def of_characters(tokenizer: CharacterTokenizer) -> dict[str, Any]:
    """The parts of a character tokenizer: merges, but none."""
    if tokenizer.level == "grapheme":
        raise ValueError("Graphemes have no counterpart in a tokenizer.json; level='character' and 'byte' have")
    model = bpe_model(tokenizer, ())
    return {"decoder": sequence({"type": "ByteFallback"} if model["byte_fallback"] else None, {"type": "Fuse"}), "model": model}

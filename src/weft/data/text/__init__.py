"""Text: cleaning, tokenizers, encoding, collation, augmentation, languages."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "bpe": "weft.data.text.bpe:BPE",
    "characters": "weft.data.text.characters:CharacterTokenizer",
    "unigram": "weft.data.text.unigram:Unigram",
    "word_piece": "weft.data.text.wordpiece:WordPiece",
    "words": "weft.data.text.words:WordTokenizer",
}
KIND = {
    "bpe": "tokenizer",
    "characters": "tokenizer",
    "unigram": "tokenizer",
    "word_piece": "tokenizer",
    "words": "tokenizer",
}
EXTRA = {
    "Tokenizer": "weft.data.text.tokenizer:Tokenizer",
    "Vocabulary": "weft.data.vocabulary:Vocabulary",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """Tiny ready-made parts by catalogue name: (tokenizer, texts to fit it on)."""
    from weft.data.text import bpe, characters, unigram, wordpiece, words

    texts = ["the cat sat on the mat", "the dog sat on the log", "Grüße, 世界!"]
    return {
        "bpe": (bpe.BPE(size=300), texts),
        "characters": (characters.CharacterTokenizer(), texts),
        "unigram": (unigram.Unigram(size=60, min_count=1), texts),
        "word_piece": (wordpiece.WordPiece(size=60, min_count=1), texts),
        "words": (words.WordTokenizer(), texts),
    }

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
    "AdaptiveCollate": "weft.data.text.collate:AdaptiveCollate",
    "PadCollate": "weft.data.text.collate:PadCollate",
    "PadPictures": "weft.data.text.collate:PadPictures",
    "TextEncoder": "weft.data.text.encoder:TextEncoder",
    "Tokenizer": "weft.data.text.tokenizer:Tokenizer",
    "Vocabulary": "weft.data.vocabulary:Vocabulary",
    "block_mask": "weft.data.text.packing:block_mask",
    "collate_nested": "weft.data.text.collate:collate_nested",
    "labels_of_words": "weft.data.text.alignment:labels_of_words",
    "nested": "weft.data.text.packing:nested",
    "pack_documents": "weft.data.text.packing:pack_documents",
    "packed": "weft.data.text.packing:packed",
    "pad_sequences": "weft.data.text.packing:pad_sequences",
    "project_labels": "weft.data.text.alignment:project_labels",
    "unpacked": "weft.data.text.packing:unpacked",
    "words_of_tokens": "weft.data.text.alignment:words_of_tokens",
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

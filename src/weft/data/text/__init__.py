"""Text: cleaning, tokenizers, encoding, collation, augmentation, languages."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "back_translate": "weft.data.text.augment:BackTranslate",
    "bpe": "weft.data.text.bpe:BPE",
    "character_noise": "weft.data.text.augment:CharacterNoise",
    "characters": "weft.data.text.characters:CharacterTokenizer",
    "clean_text": "weft.data.text.cleaning:CleanText",
    "cleaned": "weft.data.text.cleaned:CleanedTokenizer",
    "delete_words": "weft.data.text.augment:DeleteWords",
    "fast_tokenizer": "weft.data.text.hugging_face:FastTokenizer",
    "insert_synonyms": "weft.data.text.augment:InsertSynonyms",
    "language_words": "weft.data.text.languages:LanguageWords",
    "replace_synonyms": "weft.data.text.augment:ReplaceSynonyms",
    "sample_tokens": "weft.data.text.augment:SampleTokens",
    "swap_words": "weft.data.text.augment:SwapWords",
    "unigram": "weft.data.text.unigram:Unigram",
    "word_piece": "weft.data.text.wordpiece:WordPiece",
    "words": "weft.data.text.words:WordTokenizer",
}
KIND = {
    "back_translate": "transform",
    "bpe": "tokenizer",
    "character_noise": "transform",
    "characters": "tokenizer",
    "clean_text": "transform",
    "cleaned": "tokenizer",
    "delete_words": "transform",
    "fast_tokenizer": "tokenizer",
    "insert_synonyms": "transform",
    "language_words": "tokenizer",
    "replace_synonyms": "transform",
    "sample_tokens": "transform",
    "swap_words": "transform",
    "unigram": "tokenizer",
    "word_piece": "tokenizer",
    "words": "tokenizer",
}
EXTRA = {
    "AdaptiveCollate": "weft.data.text.collate:AdaptiveCollate",
    "Language": "weft.data.text.languages:Language",
    "PadCollate": "weft.data.text.collate:PadCollate",
    "PadPictures": "weft.data.text.collate:PadPictures",
    "TextEncoder": "weft.data.text.encoder:TextEncoder",
    "Tokenizer": "weft.data.text.tokenizer:Tokenizer",
    "Vocabulary": "weft.data.vocabulary:Vocabulary",
    "block_mask": "weft.data.text.packing:block_mask",
    "clean_for": "weft.data.text.languages:clean_for",
    "compare_tokenizers": "weft.data.text.comparison:compare_tokenizers",
    "cut_table": "weft.data.text.comparison:cut_table",
    "collate_nested": "weft.data.text.collate:collate_nested",
    "labels_of_words": "weft.data.text.alignment:labels_of_words",
    "nested": "weft.data.text.packing:nested",
    "pack_documents": "weft.data.text.packing:pack_documents",
    "packed": "weft.data.text.packing:packed",
    "pad_sequences": "weft.data.text.packing:pad_sequences",
    "project_labels": "weft.data.text.alignment:project_labels",
    "read_sentencepiece": "weft.data.text.sentence_piece:read_sentencepiece",
    "read_tokenizer_json": "weft.data.text.hugging_face:read_tokenizer_json",
    "script_of": "weft.data.text.languages:script_of",
    "scripts_of": "weft.data.text.languages:scripts_of",
    "tokenizer_json": "weft.data.text.hugging_face:tokenizer_json",
    "unpacked": "weft.data.text.packing:unpacked",
    "words_of_tokens": "weft.data.text.alignment:words_of_tokens",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """Tiny ready-made parts by catalogue name: (tokenizer, texts to fit it on); (raw transform, record)."""
    from weft.data.text import augment, bpe, characters, cleaned, cleaning, hugging_face, languages, unigram, wordpiece, words

    texts = ["the cat sat on the mat", "the dog sat on the log", "Grüße, 世界!"]
    record = {"text": "A quick test of the small things, as good as any."}
    return {
        "back_translate": (augment.BackTranslate(str.upper, str.lower), record),
        "bpe": (bpe.BPE(size=300), texts),
        "characters": (characters.CharacterTokenizer(), texts),
        "character_noise": (augment.CharacterNoise(0.3), record),
        "clean_text": (cleaning.CleanText(lower=True), record),
        "cleaned": (cleaned.CleanedTokenizer(words.WordTokenizer(), cleaning.CleanText(lower=True)), texts),
        "delete_words": (augment.DeleteWords(), record),
        "fast_tokenizer": (hugging_face.FastTokenizer(hugging_face.tokenizer_json(bpe.BPE(size=300).fit(texts))), texts),
        "insert_synonyms": (augment.InsertSynonyms(), record),
        "language_words": (languages.LanguageWords("zh", "characters", min_count=1), texts),
        "replace_synonyms": (augment.ReplaceSynonyms(), record),
        "sample_tokens": (augment.SampleTokens(bpe.BPE(size=300).fit(texts)), record),
        "swap_words": (augment.SwapWords(), record),
        "unigram": (unigram.Unigram(size=60, min_count=1), texts),
        "word_piece": (wordpiece.WordPiece(size=60, min_count=1), texts),
        "words": (words.WordTokenizer(), texts),
    }

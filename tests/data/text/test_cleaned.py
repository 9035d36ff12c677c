"""A tokenizer behind a cleaning."""

from __future__ import annotations

import json

import weft
from weft.data import BPE, CleanedTokenizer, CleanText, TextCodec, WordTokenizer

ROWS = [{"text": "<p>GOOD film</p>", "label": "a"}, {"text": "bad &amp; dull", "label": "b"}]


def test_cleaning_is_saved_with_the_codec():
    """Contract: CleanedTokenizer inside a codec comes back from the spec with its cleaning, so that serving cleans as training did."""
    codec = TextCodec(tokenizer=CleanedTokenizer(WordTokenizer("whitespace", min_count=1), CleanText(lower=True, remove=("tags", "punctuation")))).fit(ROWS)
    again = weft.build(json.loads(json.dumps(codec.spec())))
    assert again == codec and again.tokenizer.clean.remove == ("tags", "punctuation")
    assert again.encode({"text": "Good <b>FILM</b>!"})["input"].tolist() == codec.encode(ROWS[0])["input"].tolist()
    assert set(codec.tokenizer.vocabulary[2:]) == {"good", "film", "bad", "dull"}


def test_places_are_of_the_cleaned_text():
    tokenizer = CleanedTokenizer(BPE(size=280)).fit(["a b c"])
    assert tokenizer.decode(tokenizer.encode("<i>a</i>  b")) == "a b" and tokenizer.offsets("<i>a</i>  b") == [(0, 1), (1, 2), (2, 3)]

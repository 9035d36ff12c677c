"""Augmentation of words and letters: rates, bounds, empty texts, keyed randomness."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.walk import entries, example
from weft.data import (
    BackTranslate,
    CharacterNoise,
    DeleteWords,
    InsertSynonyms,
    Loader,
    Random,
    ReplaceSynonyms,
    SampleTokens,
    SwapWords,
    TextCodec,
    Unigram,
    WordTokenizer,
)
from weft.data.text.lexicon import BUILT_IN, read_lexicon

WORDS = [DeleteWords(0.3), SwapWords(2), ReplaceSynonyms(2), InsertSynonyms(2), CharacterNoise(0.5)]


def key(i):
    return Random(3, 0, torch.tensor([i]))


@pytest.mark.parametrize("transform", WORDS, ids=lambda transform: type(transform).__name__)
@settings(deadline=None)
@given(text=st.text("ab quick 你🙂é.,_\n'", max_size=30), i=st.integers(0, 999))
def test_any_text_passes_and_no_text_becomes_empty(transform, text, i):
    """Property: empty texts, one word, any script; the record and its other values stay as they were, a text never loses its last word."""
    record = {"text": text, "label": 1}
    out = transform(record, key(i))
    assert record == {"text": text, "label": 1} and out["label"] == 1
    assert bool(out["text"].split()) == bool(text.split())


OWN = [entry for entry in entries("transform") if entry.path.startswith("weft.data.text.augment")]


@pytest.mark.parametrize("entry", OWN, ids=lambda entry: entry.name)
def test_raw_transforms_do_something_and_repeat(entry):
    """Contract: each augmentation changes some text of 40 records, the same way for the same record."""
    transform, record = example(entry)
    outs = [str(transform(record, key(i))) for i in range(40)]
    assert outs == [str(transform(record, key(i))) for i in range(40)] and set(outs) - {str(record)}, "never the identity"


def test_the_shelf_has_augmentations_to_check():
    assert len(OWN) >= 7


def test_words_are_deleted_at_their_rate():
    """Closed form: within three deviations of p; DeleteWords(1) leaves one word."""
    text = " ".join(f"w{i}" for i in range(50))
    left = sum(len(DeleteWords(0.1)({"text": text}, key(i))["text"].split()) for i in range(200))
    assert abs(left / 10_000 - 0.9) < 3 * (0.1 * 0.9 / 10_000) ** 0.5
    ones = [DeleteWords(1.0)({"text": text}, key(i))["text"] for i in range(50)]
    assert all(len(one.split()) == 1 for one in ones) and len(set(ones)) > 20
    assert DeleteWords(1.0)({"text": ""}, key(0)) == {"text": ""}, "deletion on the empty text must not raise"


def test_swaps_keep_the_words():
    """Property: SwapWords permutes; one swap moves exactly two words."""
    text = "a b c d e f"
    for i in range(50):
        words = SwapWords()({"text": text}, key(i))["text"].split()
        assert sorted(words) == text.split() and sum(a != b for a, b in zip(words, text.split(), strict=True)) == 2


def test_replaced_words_are_in_the_synonym_set_with_their_case():
    """Property: ReplaceSynonyms changes as many words as asked, each to a synonym, keeping signs and case."""
    lexicon = read_lexicon(BUILT_IN)
    for i in range(60):
        new = ReplaceSynonyms(2)({"text": "The Quick fox, (SMALL) and happy!"}, key(i))["text"].split()
        changed = [(a, b) for a, b in zip(["The", "Quick", "fox,", "(SMALL)", "and", "happy!"], new, strict=True) if a != b]
        assert len(changed) == 2
        for old, word in changed:
            bare = word.strip("(),!")
            assert bare.lower() in lexicon[old.strip("(),!").lower()]
            assert (old[0], old[-1]) == (word[0], word[-1]) if old[0] == "(" else bare.istitle() == old.strip("!").istitle()
            assert bare.isupper() == (old == "(SMALL)")
    assert InsertSynonyms(3)({"text": "quick"}, key(0))["text"].split().count("quick") == 1


def test_a_lexicon_that_is_missing_is_said_when_the_transform_is_made(tmp_path):
    """Regression: never the identity for lack of a resource."""
    for kind in (ReplaceSynonyms, InsertSynonyms):
        with pytest.raises(FileNotFoundError):
            kind(lexicon=str(tmp_path / "none.csv"))


def test_noise_touches_letters_at_its_rate_and_nothing_else():
    """Closed form: with substitutions alone about p · (1 - chance of the same letter) of the letters change; signs and spaces never do."""
    text = "abcdefghij " * 200
    out = CharacterNoise(0.2, kinds=("substitute",))({"text": text}, key(1))["text"]
    changed = sum(a != b for a, b in zip(text, out, strict=True)) / 2000
    assert abs(changed - 0.18) < 3 * (0.18 * 0.82 / 2000) ** 0.5
    assert CharacterNoise(1.0, kinds=("delete",))({"text": "hello, you_too!"}, key(1))["text"] == "o, u_o!"
    assert sorted(CharacterNoise(1.0, kinds=("swap",))({"text": "abcde"}, key(1))["text"]) == list("abcde")
    assert set(CharacterNoise(0.5)({"text": "нет да " * 9}, key(2))["text"]) <= set("нетда ")


def test_back_translation_calls_there_and_back():
    """Contract: BackTranslate uses the functions it is given, with its probability, and refuses what is no text."""
    heard = []
    transform = BackTranslate(lambda text: heard.append(text) or f"[{text}]", lambda text: text + "!", probability=0.5)
    outs = Counter(transform({"text": "x"}, key(i))["text"] for i in range(400))
    assert set(outs) == {"x", "[x]!"} and abs(outs["[x]!"] / 400 - 0.5) < 0.08 and set(heard) == {"x"}
    with pytest.raises(TypeError, match="'there' gave a NoneType"):
        BackTranslate(lambda text: None, str)({"text": "x"}, key(0))
    with pytest.raises(TypeError, match=r"functions from text to text|Type-check"):
        BackTranslate("de", "en")


def test_sampled_tokens_reach_the_codec():
    """Contract: SampleTokens in a loader gives the same text cut in several ways over the epochs."""
    rows = [{"text": "the cats sat", "label": n} for n in "ab"] * 4
    codec = TextCodec(tokenizer=Unigram(size=40, min_count=1)).fit([*rows, {"text": "the cat sat on the mat the cat", "label": "a"}])
    transform = SampleTokens(codec.tokenizer)
    ways = {tuple(codec.encode(transform(rows[0], Random(0, epoch, torch.tensor([0]))))["input"].tolist()) for epoch in range(20)}
    assert len(ways) > 3 and {codec.tokenizer.decode(way) for way in ways} == {"the cats sat"}
    with pytest.raises(ValueError, match="one way only"):
        SampleTokens(WordTokenizer())


def test_a_loader_augments_words_before_the_codec():
    """Contract: DeleteWords among a loader's transforms runs on the raw record."""
    rows = [{"text": "one two three four five six", "label": n} for n in "ab"]
    codec = TextCodec().fit(rows)
    (batch,) = Loader(rows, codec, 2, transforms=[DeleteWords(0.5)])
    assert batch["attend"].sum(1).max() < 6 and batch["input"].shape[0] == 2


@pytest.mark.parametrize("make", [lambda: DeleteWords(1.5), lambda: SwapWords(0), lambda: CharacterNoise(kinds=("drop",)), lambda: CharacterNoise(-1.0), lambda: ReplaceSynonyms(0)])
def test_wrong_settings_are_named(make):
    with pytest.raises(ValueError, match="expected"):
        make()
    with pytest.raises(ValueError, match=r"no text under 'text'.*\['txt'\]"):
        SwapWords()({"txt": "a"}, key(0))

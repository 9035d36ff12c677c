"""The unigram model against enumeration, sentencepiece and tokenizers."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.data import Random, Unigram
from weft.data.text.unigram import SPACE, best_path, best_paths

CORPUS = ["the cat sat on the mat", "the dog sat on the log", "a cat and a dog", "the cats and the dogs sat"] * 3
FITTED = Unigram(size=45, min_count=1).fit(CORPUS)
PIECES = ("<pad>", "<unk>", SPACE, "a", "b", "c", "ab", "bc", "abc", SPACE + "a", SPACE + "ab", "ca")
SCORES = (0, 0, -2.1, -3.3, -3.07, -2.9, -4.13, -4.41, -6.02, -3.71, -4.9, -6.1)  # the last one beats "c", "a" by a little only
TINY = Unigram(vocabulary=PIECES, scores=SCORES)


def ways(word, value):
    """Every way to cut a word into pieces, with its score."""
    for cuts in itertools.product([False, True], repeat=max(0, len(word) - 1)):
        places = [0, *(i + 1 for i, cut in enumerate(cuts) if cut), len(word)]
        pieces = [word[a:b] for a, b in itertools.pairwise(places)]
        if all(piece in value for piece in pieces):
            yield pieces, sum(value[piece] for piece in pieces)


@settings(deadline=None)
@given(st.text("abc ", min_size=1, max_size=9))
def test_viterbi_equals_exhaustive_search(text):
    """Brute force: Unigram's cut has the greatest score of all cuts, and the five best are the five greatest."""
    value = dict(zip(PIECES[2:], SCORES[2:]))
    word = SPACE + text.replace(" ", SPACE)
    found = sorted((score for _, score in ways(word, value)), reverse=True)
    tokens = [PIECES[number] for number in TINY.encode(text)]
    assert "".join(tokens) == word and sum(value[token] for token in tokens) == pytest.approx(found[0])
    best = TINY.nbest(text, 5)
    assert [score for _, score in best] == pytest.approx(found[:5]) and len({tuple(ids) for ids, _ in best}) == len(best)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_samples_follow_the_distribution(alpha):
    """Brute force: the shares of 3,000 samples against exp(alpha · score) over all cuts, within four deviations."""
    value = dict(zip(PIECES[2:], SCORES[2:]))
    exact = {tuple(pieces): math.exp(alpha * score) for pieces, score in ways(SPACE + "abc", value)}
    total = sum(exact.values())
    seen = Counter(tuple(PIECES[n] for n in TINY.sample("abc", Random(1, 0, torch.tensor([i])), alpha)) for i in range(3000))
    assert set(seen) <= set(exact) and len(exact) > 4
    for pieces, weight in exact.items():
        p = weight / total
        assert abs(seen[pieces] / 3000 - p) < 4 * math.sqrt(p * (1 - p) / 3000) + 1e-9


def test_samples_among_the_best_stay_among_them():
    """Property: with nbest=2 both of the two best cuts come, and no other; a great alpha gives the best one."""
    two = {tuple(ids) for ids, _ in TINY.nbest("abca", 2)}
    assert {tuple(TINY.sample("abca", Random(0, 0, torch.tensor([i])), 0.2, nbest=2)) for i in range(60)} == two
    assert TINY.sample("abca", Random(0, 0, torch.tensor([0])), 1000.0) == TINY.encode("abca")
    with pytest.raises(ValueError, match="negative"):
        TINY.sample("a", Random(0, 0, torch.tensor([0])), -1.0)


@settings(deadline=None)
@given(st.text("thecadogsnlm xé", max_size=40))
def test_cuts_equal_those_of_tokenizers(text):
    """Parity: the same pieces and scores in tokenizers' models.Unigram give the same numbers."""
    tokenizers = pytest.importorskip("tokenizers")
    made = tokenizers.Tokenizer(tokenizers.models.Unigram(list(zip(FITTED.vocabulary, FITTED.scores)), unk_id=1))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace(prepend_scheme="always")
    if text and not text.startswith(" "):  # there, Metaspace puts no space of its own before the text
        assert FITTED.encode(text) == made.encode(text).ids


def test_what_is_unknown_is_one_token_or_its_bytes():
    """Regression: nothing vanishes."""
    assert FITTED.encode("a世界a").count(1) == 1 and FITTED.decode(FITTED.encode("a世界a")) == "a\ufffda"
    spelled = Unigram(size=320, min_count=1, fallback=True).fit(CORPUS)
    assert spelled.decode(spelled.encode("a世 界a")) == "a世 界a"
    assert spelled.offsets("世a")[-4:-1] == [(0, 1)] * 3 and spelled.offsets("世a")[-1] == (1, 2)


@given(st.text("acdeghlmnost ", max_size=30))
def test_known_text_comes_back_and_spans_cover_it(text):
    """Property: white space too, at both ends and in rows."""
    ids, spans = FITTED.encode(text), FITTED.offsets(text)
    assert FITTED.decode(ids) == text and "".join(text[a:b] for a, b in spans) == text


def test_pieces_beyond_a_space_are_found():
    """Regression: a model whose pieces hold several spaces is not cut at spaces beforehand."""
    tokenizer = Unigram(vocabulary=("<pad>", "<unk>", SPACE, "a", SPACE * 3, SPACE + "a" + SPACE + "a"), scores=(0, 0, -1.0, -1.0, -1.5, -1.2))
    assert tokenizer.encode("  a") == [4, 3] and tokenizer.encode("a a") == [5]


def test_normal_forms():
    tokenizer = Unigram(size=30, min_count=1, normal="nfkc_lower").fit(["fine abc"])
    assert tokenizer.encode("ﬁne   ＡＢＣ\n") == tokenizer.encode("fine abc")


def test_paths_of_nothing():
    assert best_path([[]]) == [] and best_paths([[]], 3) == [(0.0, [])] and FITTED.nbest("", 2) == [([], 0.0)]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"size": 0}, "at least 1"), ({"normal": "nfd"}, "'nfkc'"), ({"vocabulary": ("<pad>", "<unk>", "a"), "scores": (0.0, 0.0)}, "3 pieces and 2 scores")],
)
def test_wrong_settings_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        Unigram(**wrong)
    with pytest.raises(ValueError, match="at least 1"):
        FITTED.nbest("a", 0)

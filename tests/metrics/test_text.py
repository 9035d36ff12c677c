"""Metrics of texts against jiwer, sacrebleu and rouge-score."""

from __future__ import annotations

import math
import random

import pytest
import torch

from weft.metrics import BLEU, ROUGE, CharacterErrorRate, WordErrorRate
from weft.metrics.text import bleu, character_error_rate, rouge, word_error_rate

WORDS = ["the", "cat", "sat", "on", "a", "mat", "Door,", "zu", "weit", "42"]


def corpus(seed, size=12):
    """Texts and noisy copies of them."""
    rng = random.Random(seed)
    right = [" ".join(rng.choices(WORDS, k=rng.randint(3, 12))) for _ in range(size)]
    said = [" ".join(w if rng.random() > 0.25 else rng.choice(WORDS) for w in text.split() if rng.random() > 0.1) for text in right]
    return said, right


def measure(metric, said, right):
    """Over batches of unlike size."""
    for a, b in ((0, 5), (5, 6), (6, len(said))):
        metric.update({"output": said[a:b]}, {"target": right[a:b]})
    return metric.compute()


@pytest.mark.parametrize("seed", range(5))
def test_error_rates_equal_jiwer(seed):
    """Parity: WordErrorRate and CharacterErrorRate of a corpus, an empty text among what was said."""
    jiwer = pytest.importorskip("jiwer")
    said, right = corpus(seed)
    said[2] = ""
    assert measure(WordErrorRate(), said, right) == pytest.approx(jiwer.wer(right, said)) == pytest.approx(word_error_rate(said, right))
    assert measure(CharacterErrorRate(), said, right) == pytest.approx(jiwer.cer(right, said)) == pytest.approx(character_error_rate(said, right))


@pytest.mark.parametrize("seed", range(5))
def test_bleu_equals_sacrebleu(seed):
    """Parity: BLEU of batches is that of the corpus, with one right text and with several, also where no 4-gram is found."""
    sacrebleu = pytest.importorskip("sacrebleu")
    said, right = corpus(seed)
    second = corpus(seed + 100)[1]
    assert measure(BLEU(), said, right) == pytest.approx(sacrebleu.corpus_bleu(said, [right]).score) == pytest.approx(bleu(said, right))
    several = [[a, b] if i % 3 else [a] for i, (a, b) in enumerate(zip(right, second, strict=True))]
    columns = [right, [b if i % 3 else None for i, b in enumerate(second)]]
    assert measure(BLEU(), said, several) == pytest.approx(sacrebleu.corpus_bleu(said, columns).score)
    assert bleu(["a b"], ["c d"]) == pytest.approx(sacrebleu.corpus_bleu(["a b"], [["c d"]]).score)
    lower = sacrebleu.corpus_bleu(said, [right], lowercase=True, tokenize="char").score
    assert measure(BLEU(tokenize="char", lowercase=True), said, right) == pytest.approx(lower)


@pytest.mark.parametrize("kind", ["1", "2", "L"])
@pytest.mark.parametrize("part", ["f", "precision", "recall"])
def test_rouge_equals_rouge_score(kind, part):
    """Parity: ROUGE is the mean of rouge-score over texts, the best of several right ones."""
    scorer = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer([f"rouge{kind}"])
    said, right = corpus(3)
    name = {"f": "fmeasure"}.get(part, part)
    expected = sum(getattr(scorer.score(b, a)[f"rouge{kind}"], name) for a, b in zip(said, right, strict=True)) / len(said)
    assert measure(ROUGE(kind, part), said, right) == pytest.approx(expected) == pytest.approx(rouge(said, right, kind=kind, part=part))
    assert rouge(["the cat"], [["a dog", "the cat"]], kind=kind, part=part) == 1.0


def test_texts_that_are_masked_do_not_count_and_nothing_has_a_rate():
    """Closed form: padding texts behind a mask; no right word is 0 without an edit, else infinite."""
    metric = WordErrorRate()
    metric.update({"output": ["a b", "junk"]}, {"target": ["a c", ""], "mask": torch.tensor([True, False])})
    assert metric.compute() == 0.5
    assert word_error_rate([""], [""]) == 0.0 and word_error_rate(["a"], [""]) == math.inf


def test_errors_say_what_came():
    with pytest.raises(ValueError, match="2 outputs and 1 targets"):
        word_error_rate(["a", "b"], ["a"])
    with pytest.raises(TypeError, match="compares strings; got list"):
        WordErrorRate().update({"output": [[1, 2]]}, {"target": ["a"]})
    with pytest.raises(ValueError, match="of kind '1', '2' or 'L'"):
        ROUGE("3")

"""Equal and similar content."""

from __future__ import annotations

import hashlib
import random

import numpy as np
import pytest
import torch
from PIL import Image

from tests.data.quality.files import drawn, photo
from weft.data import content_hash, duplicates
from weft.data.quality.duplicates import groups_of, jaccard, minhash, near_pictures, near_signatures, near_texts, shingles

VOCABULARY = [f"word{i}" for i in range(300)]


def articles(rng: random.Random, count: int = 60) -> list[str]:
    """Texts of 60 words, of which every third is an earlier one with some words changed."""
    made: list[str] = []
    for i in range(count):
        words = rng.choices(VOCABULARY, k=60) if i % 3 or not made else rng.choice(made).split()
        if not i % 3:
            for _ in range(rng.randrange(0, 8)):
                words[rng.randrange(60)] = rng.choice(VOCABULARY)
        made.append(" ".join(words))
    return made


def test_hashes_are_of_content_alone(tmp_path):
    (tmp_path / "a").write_bytes(b"data")
    assert content_hash(tmp_path / "a") == content_hash(b"data") == hashlib.sha256(b"data").hexdigest()
    assert content_hash({"a": 1, "b": [2, None]}) == content_hash({"b": [2, None], "a": 1})
    assert content_hash(torch.arange(3)) == content_hash(np.arange(3)) != content_hash(np.arange(3.0))
    assert content_hash(["ab", "c"]) != content_hash(["a", "bc"]) and content_hash({"a": 1}) != content_hash({"a": "1"})
    assert content_hash(torch.zeros(2, 3)) != content_hash(torch.zeros(3, 2))


def test_all_near_hashes_are_found():
    """Brute force over all pairs of hashes."""
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (80, 256), dtype=np.uint8)
    for i in range(40, 80):
        bits[i] = bits[i - 40]
        bits[i, rng.choice(256, rng.integers(1, 30), replace=False)] ^= 1
    hashes = [np.packbits(row).tobytes() for row in bits]
    expected = [(i, j, int((bits[i] != bits[j]).sum())) for i in range(80) for j in range(i + 1, 80)]
    assert near_pictures(hashes, 16) == [pair for pair in expected if pair[2] <= 16] != []


def test_drawings_that_set_few_bits_are_not_all_alike():
    few = [np.packbits(np.eye(1, 256, 3 * i, dtype=np.uint8)).tobytes() for i in range(20)]
    assert near_pictures(few) == []
    assert near_pictures([few[0], few[1], few[0], few[0]]) == [(0, 2, 0), (0, 3, 0)]


def test_near_texts_are_those_of_the_jaccard_index():
    """Brute force: the exact index of every pair; recall is 1 - (1 - s^4)^32, above 0.9999 at 0.8."""
    texts = articles(random.Random(0))
    sets = [shingles(text) for text in texts]
    expected = [(i, j, jaccard(sets[i], sets[j])) for i in range(60) for j in range(i + 1, 60)]
    assert near_texts(texts, 0.8) == [pair for pair in expected if pair[2] >= 0.8] != []
    with pytest.raises(ValueError, match="threshold=0"):
        near_texts(texts, 0)


def test_signatures_estimate_the_index():
    """Closed form: the share of equal numbers is binomial with deviation sqrt(s (1 - s) / 128)."""
    texts = articles(random.Random(1))
    signatures = np.stack([minhash(text) for text in texts])
    errors = [(signatures[i] == signatures[j]).mean() - jaccard(shingles(texts[i]), shingles(texts[j])) for i in range(60) for j in range(i)]
    assert abs(np.mean(errors)) < 0.01 and np.abs(errors).max() < 4 * 0.5 / 128**0.5
    assert {pair[:2] for pair in near_signatures(signatures, 0.9)} >= {pair[:2] for pair in near_texts(texts, 0.999)}


def test_short_texts_and_texts_without_words():
    assert near_texts(["yes", "Yes!", "no"]) == [(0, 1, 1.0)]
    assert near_texts([]) == [] and near_texts(["!!!"]) == []


def test_duplicates_of_each_kind_of_record():
    pictures = [{"image": drawn(photo(i)), "label": i} for i in (1, 2, 1)] + [{"image": drawn(photo(2).resize((48, 36)), "JPEG"), "label": 0}]
    assert duplicates(pictures) == [[0, 2], [1, 3]] and duplicates(pictures, near=False) == [[0, 2]]
    rows = [{"age": 3, "label": "a"}, {"age": 4, "label": "a"}, {"age": 3, "label": "b"}]
    assert duplicates(rows) == [[0, 2]]
    constant = [{"image": drawn(Image.new("L", (9, 9), value))} for value in (0, 90)]
    assert duplicates(constant) == []


def test_groups_are_what_pairs_connect():
    assert groups_of([]) == [] and groups_of([(0, 1), (2, 3), (1, 2), (5, 9)]) == [[0, 1, 2, 3], [5, 9]]

"""Named data sets: checked files, honest errors."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from weft._lazy import load
from weft.data import KIND, TABLE, ImageCodec, TableCodec, samples

needs_mirror = pytest.mark.skipif(not os.environ.get("WEFT_MIRROR"), reason="WEFT_MIRROR is not set")


@needs_mirror
def test_mnist_10k_is_what_was_published():
    """Contract: mnist_10k has 10,000 pictures and the published count of each digit."""
    source = samples.mnist_10k()
    assert source.columns["image"].shape == (10_000, 28, 28) and source.columns["image"].dtype == torch.uint8
    assert source.columns["label"].bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert source.columns["label"][:5].tolist() == [7, 2, 1, 0, 4]


@needs_mirror
def test_tiny_shakespeare_is_what_was_published():
    """Contract: tiny_shakespeare has 1,115,394 characters, 65 different ones."""
    text = samples.tiny_shakespeare().text
    assert len(text) == 1_115_394 and len(set(text)) == 65 and text.startswith("First Citizen:")


def test_scikit_learns_sets_fit_their_codecs():
    """Contract: digits, breast_cancer, wine and diabetes have the published sizes and go through their codecs."""
    pytest.importorskip("sklearn")
    digits = samples.digits()
    assert digits.columns["image"].shape == (1797, 8, 8) and digits.columns["image"].max() == 255
    assert ImageCodec(size=8, channels=1).fit(digits).classes == tuple("0123456789")
    for name, target, size, features, classes in (
        ("breast_cancer", "diagnosis", 569, 30, ("benign", "malignant")),
        ("wine", "cultivar", 178, 13, ("class_0", "class_1", "class_2")),
        ("diabetes", "progression", 442, 10, None),
    ):
        rows = load(TABLE[name])()
        codec = TableCodec(target=target).fit(rows)
        assert KIND[name] == "source" and len(rows) == size and codec.num_features == features and codec.classes == classes


def test_without_mirror_and_cache_the_error_says_where_to_get_it(monkeypatch, tmp_path):
    monkeypatch.delenv("WEFT_MIRROR", raising=False)
    monkeypatch.setenv("WEFT_CACHE", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"WEFT_MIRROR, which is not set.*Download https://raw\.githubusercontent"):
        samples.fetch("tinyshakespeare")
    with pytest.raises(ValueError, match="Did you mean 'mnist-10k'"):
        samples.fetch("mnist-20k")


def test_the_mirror_comes_before_the_cache_and_both_are_checked(monkeypatch, tmp_path):
    right, text = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9", "hello world"
    monkeypatch.setitem(samples.FILES, "hello", ("https://example.org", {"a.txt": right}))
    monkeypatch.setenv("WEFT_MIRROR", str(tmp_path / "mirror"))
    monkeypatch.setenv("WEFT_CACHE", str(tmp_path / "cache"))
    for folder in (tmp_path / "cache" / "data" / "hello", tmp_path / "mirror" / "hello"):
        folder.mkdir(parents=True)
        (folder / "a.txt").write_text(text)
        assert samples.fetch("hello") == folder
    Path(tmp_path / "mirror" / "hello" / "a.txt").write_text("hello w0rld")
    with pytest.raises(ValueError, match="has SHA-256"):
        samples.fetch("hello")

"""Stand-ins: the form of what was published, something to learn, no file."""

from __future__ import annotations

import os

import pytest
import torch

from weft.data import WordTokenizer, cifar10, cifar100, fashion_mnist, fsdd, mnist, mnist_10k, multi30k
from weft.data.audio import read_wav

PICTURES = {"mnist": (mnist, (28, 28), 10), "fashion": (fashion_mnist, (28, 28), 10), "cifar10": (cifar10, (3, 32, 32), 10), "cifar100": (cifar100, (3, 32, 32), 100)}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_have_their_form_and_are_learned(name, monkeypatch):
    """mnist, fashion_mnist, cifar10, cifar100, learned: without a file, repeatable, classes alike; the nearest mean of the training part beats
    chance by far on the test part."""
    monkeypatch.delenv("WEFT_MIRROR", raising=False)
    read, shape, classes = PICTURES[name]
    train, test = read("train", stand_in=True), read("test", stand_in=True)
    assert train.columns["image"].shape[1:] == shape and train.columns["image"].dtype == torch.uint8
    assert train.columns["label"].dtype == torch.int64 and train.columns["label"].bincount().unique().numel() == 1
    assert torch.equal(train.columns["image"], read("train", stand_in=True).columns["image"])
    means = torch.stack([train.columns["image"][train.columns["label"] == c].float().mean(0).flatten() for c in range(classes)])
    right = torch.cdist(test.columns["image"].float().flatten(1), means).argmin(1) == test.columns["label"]
    assert right.float().mean() > 0.9
    if name == "cifar100":
        assert train.columns["coarse"].unique().tolist() == list(range(20))
    with pytest.raises(ValueError, match="'train' or 'test'"):
        read("dev", stand_in=True)


def test_sentences_and_sounds_have_their_form():
    """multi30k, fsdd, contract: keys and types of the published ones; a word has one translation, a digit one band of pitch."""
    pairs = multi30k("val", stand_in=True)
    assert len(pairs) == 60 and all(pair.keys() == {"de", "en"} for pair in pairs) and pairs == multi30k("val", stand_in=True)
    assert all(len(pair["de"].split()) == len(pair["en"].split()) for pair in pairs) and len({pair["de"] for pair in pairs}) == 8
    assert len(WordTokenizer(min_count=1).fit([pair["en"] for pair in pairs]).vocabulary) > 8
    train, test = fsdd("train", stand_in=True), fsdd("test", stand_in=True)
    assert len(test) == 100 and len(train) == 300 and not {r["path"] for r in train} & {r["path"] for r in test}
    for record in test:
        sound, rate = read_wav(record["audio"])
        peak = torch.fft.rfft(sound.flatten()).abs().argmax() * rate / sound.numel()
        assert rate == 8000 and abs(peak - (300 + 150 * int(record["label"]))) < 120


@pytest.mark.skipif(not os.environ.get("WEFT_MIRROR"), reason="WEFT_MIRROR is not set")
def test_the_form_is_that_of_the_published_files():
    """Parity: columns, types and shapes of what is in the files."""
    for real, made in [(mnist_10k().columns, mnist("test", stand_in=True).columns)]:
        assert real.keys() == made.keys() and all(real[k].dtype == made[k].dtype and real[k].shape[1:] == made[k].shape[1:] for k in real)
    for real, made in [(multi30k("val")[0], multi30k("val", stand_in=True)[0]), (fsdd("test")[0], fsdd("test", stand_in=True)[0])]:
        assert {k: type(v) for k, v in real.items()} == {k: type(v) for k, v in made.items()}

"""Made copies of published sets: whole, repeatable, and read by the readers of the real ones."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from weft.data.audio import LibriSpeech, SoundTable, Timit, read_audio
from weft.data.image_file import read_image
from weft.data.sets.celeba import CelebA
from weft.data.sets.coco import Coco
from weft.data.sets.glue_tables import glue
from weft.data.sets.imagenet import ImageNet
from weft.data.sets.laid_out import WRITERS, write_stand_in
from weft.data.sets.questions import squad
from weft.data.sets.reviews import imdb
from weft.data.sets.running_text import penn_treebank, wikitext
from weft.data.sets.topics import ag_news, yahoo_answers
from weft.data.sets.voc import PascalVOC
from weft.data.sets.voc_segments import VOCSegments

READERS = {
    "ag_news": ag_news,
    "celeba": lambda path: list(CelebA(path, "all")),
    "coco": lambda path: [list(Coco(path, "val2017", task)) for task in ("segmentation", "keypoints", "captions")],
    "esc50": lambda path: list(SoundTable(path)),
    "glue": lambda path: [glue(path, "sst2"), glue(path, "cola")],
    "imagenet": lambda path: list(ImageNet(path, "val")),
    "imdb": imdb,
    "libri_speech": lambda path: list(LibriSpeech(path)),
    "pascal_voc": lambda path: [list(VOCSegments(path, "val")), list(PascalVOC(path, "val"))],
    "penn_treebank": lambda path: list(penn_treebank(path)),
    "squad": lambda path: squad(path, "dev", "2.0"),
    "timit": lambda path: list(Timit(path)),
    "wikitext": lambda path: list(wikitext(path)),
    "yahoo_answers": yahoo_answers,
}
SPLINTERS = (b"", b"null", b"-1", b"1e999", b'""', b"[]", b"{}", b"NaN", b"\xff", b"..", b"/", b"\n", b",", b"\t", b"9" * 30, b"\0")


@pytest.mark.parametrize("name", WRITERS)
def test_what_is_written_is_the_same_every_time(name, tmp_path):
    """write_stand_in, property: equal names and bytes; never into a folder with something in it."""
    first, second = write_stand_in(name, tmp_path / "a"), write_stand_in(name, tmp_path / "b")
    files = [{file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()} for folder in (first, second)]
    assert files[0] == files[1] and len(files[0]) > 1
    with pytest.raises(ValueError, match="not an empty folder"):
        write_stand_in(name, first)


def test_an_unknown_name_lists_near_ones(tmp_path):
    with pytest.raises(ValueError, match="Did you mean 'coco'"):
        write_stand_in("cocoo", tmp_path)


def test_boxes_lie_around_bright_shapes(tmp_path):
    """Coco and PascalVOC, learned: in the made copies a box is brighter than what is around it, and a square fills its box."""
    for source in (Coco(write_stand_in("coco", tmp_path / "coco"), "train2017", "segmentation"), PascalVOC(write_stand_in("pascal_voc", tmp_path / "voc"), "train")):
        for record in source:
            image = np.asarray(read_image(record["image"])).max(2).astype(float)
            around = np.ones(image.shape, bool)
            for x1, y1, x2, y2 in record["boxes"].int().tolist():
                around[y1:y2, x1:x2] = False
            for x1, y1, x2, y2 in record["boxes"].int().tolist():
                assert image[y1:y2, x1:x2].mean() > 2 * image[around].mean()
    source = Coco(tmp_path / "coco", "val2017", "segmentation")
    for record in source:
        for label, (x1, y1, x2, y2), mask in zip(record["labels"], record["boxes"].int().tolist(), record["masks"], strict=True):
            share = mask[y1:y2, x1:x2].float().mean()
            assert mask.sum() == mask[y1:y2, x1:x2].sum() and (share == 1) == (source.classes[label] == "square")


def test_stripes_of_synsets_are_learned(tmp_path):
    """ImageNet, learned: the nearest mean of the training part finds the synset of every picture of the other."""
    folder = write_stand_in("imagenet", tmp_path)
    parts = {part: ImageNet(folder, part) for part in ("train", "val")}
    pixels = {part: torch.stack([torch.from_numpy(np.array(read_image(record["image"]), np.float32)).flatten() for record in source]) for part, source in parts.items()}
    labels = {part: torch.tensor([source.classes.index(record["label"]) for record in source]) for part, source in parts.items()}
    means = torch.stack([pixels["train"][labels["train"] == c].mean(0) for c in range(3)])
    assert (torch.cdist(pixels["val"], means).argmin(1) == labels["val"]).all() and len(labels["val"]) == 15


def test_sounds_have_the_layouts_of_their_sets(tmp_path):
    """LibriSpeech, Timit and SoundTable, contract: they read the made copies; pitch tells the digit, halves of a sentence lie where it says."""
    speech = LibriSpeech(write_stand_in("libri_speech", tmp_path / "libri"))
    assert len(speech) == 20 and {record["speaker"] for record in speech} == {84, 1272}
    for source, digit in ((speech, lambda r: int(r["text"].split()[1])), (SoundTable(write_stand_in("esc50", tmp_path / "esc")), lambda r: int(r["label"].split()[1]))):
        for record in source:
            sound, rate = read_audio(record["audio"])
            peak = torch.fft.rfft(sound.flatten()).abs().argmax() * rate / sound.numel()
            assert abs(peak - (300 + 150 * digit(record))) < 120
    assert len(SoundTable(tmp_path / "esc", folds=(1,))) == 20
    for part in ("train", "test"):
        source = Timit(write_stand_in("timit", tmp_path / f"timit_{part}"), part)
        for record in source:
            sound, rate = read_audio(record["audio"])
            low, high = (sound.flatten()[int(w["start"] * rate) : int(w["end"] * rate)] for w in record["words"])
            assert len(source) == 2 and torch.fft.rfft(high).abs().argmax() == 2 * torch.fft.rfft(low).abs().argmax()


@pytest.mark.parametrize("name", WRITERS)
def test_damage_anywhere_is_a_named_error(name, tmp_path):
    """Coco, CelebA, ImageNet, VOCSegments, squad, glue, imdb, ag_news, yahoo_answers, wikitext, penn_treebank, property: lists and annotations with
    bytes cut out and put in are read, or refused with an error that names the file; nothing else is raised."""
    folder, chance = write_stand_in(name, tmp_path / "copy"), random.Random(name)
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and file.suffix.lower() not in (".jpg", ".jpeg", ".wav")]
    assert READERS[name](folder)
    errors = []
    for _ in range(15):
        file = chance.choice(files)
        whole = file.read_bytes()
        at = chance.randrange(len(whole))
        file.write_bytes(whole[:at] + chance.choice(SPLINTERS) + whole[at + chance.randrange(8) :])
        try:
            READERS[name](folder)
        except (ValueError, FileNotFoundError) as error:
            errors.append(error)
        file.write_bytes(whole)
    assert all(type(error) in (ValueError, FileNotFoundError) and str(folder) in str(error) for error in errors)

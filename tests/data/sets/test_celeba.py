"""CelebA's lists, on a fixture written here and against torchvision."""

from __future__ import annotations

import shutil

import pytest
import torch

from tests.references import reference
from weft.data.sets.celeba import CelebA
from weft.data.sets.laid_out import write_stand_in

LISTS = {
    "list_attr_celeba.txt": "3\nBald Smiling\n000001.jpg -1  1\n000002.jpg  1 -1\n000003.jpg -1 -1\n",
    "identity_CelebA.txt": "000001.jpg 7\n000002.jpg 8\n000003.jpg 7\n",
    "list_landmarks_align_celeba.txt": "3\n" + " ".join(f"p{i}" for i in range(10)) + "\n" + "".join(f"00000{i}.jpg {' '.join(map(str, range(i, i + 10)))}\n" for i in (1, 2, 3)),
    "list_eval_partition.txt": "000001.jpg 0\n000002.jpg 1\n000003.jpg 0\n",
}


def lay_out(folder, **change):
    (folder / "img_align_celeba").mkdir(exist_ok=True)
    for i in (1, 2, 3):
        (folder / "img_align_celeba" / f"00000{i}.jpg").write_bytes(b"face %d" % i)
    for name, text in LISTS.items():
        (folder / name).write_text(change.get(name.split(".")[0], text))
    return folder


def test_faces_have_what_the_lists_say(tmp_path):
    """CelebA, contract: bytes, attributes, person, five points and part of faces written by hand."""
    source = CelebA(lay_out(tmp_path))
    assert len(source) == 2 and source.attribute_names == ("Bald", "Smiling") and [source.key(i) for i in range(2)] == ["7", "7"]
    record = source[0]
    assert record["image"].read_bytes() == b"face 1" and record["attributes"].tolist() == [False, True] and record["identity"] == 7
    assert record["landmarks"].tolist() == [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10]] and record["path"] == "000001.jpg"
    assert len(CelebA(tmp_path, "val")) == 1 and len(CelebA(tmp_path, "test")) == 0 and len(CelebA(tmp_path, "all")) == 3


def test_items_are_those_of_torchvision(tmp_path, monkeypatch):
    """CelebA, parity: torchvision.datasets.CelebA gives the same attributes, persons and points."""
    datasets = reference("torchvision.datasets")
    folder = write_stand_in("celeba", tmp_path / "celeba")
    shutil.copy(folder / "list_landmarks_align_celeba.txt", folder / "list_bbox_celeba.txt")  # which torchvision also wants
    monkeypatch.setattr(datasets.CelebA, "_check_integrity", lambda _: True)
    for ours, part in (("train", "train"), ("val", "valid"), ("test", "test"), ("all", "all")):
        source, theirs = CelebA(folder, ours), datasets.CelebA(tmp_path, part, target_type=["attr", "identity", "landmarks"])
        assert len(source) == len(theirs) and list(source.attribute_names) == [name for name in theirs.attr_names if name]
        for i, record in enumerate(source):
            picture, (attributes, identity, landmarks) = theirs[i]
            assert picture.size == (178, 218) and torch.equal(record["attributes"], attributes.bool())
            assert record["identity"] == identity and torch.equal(record["landmarks"], landmarks.reshape(5, 2).float())


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("list_attr_celeba", "3\nBald Smiling\n000001.jpg -1\n", "line 3: 1 numbers; expected 2"),
        ("list_attr_celeba", "3\nBald Smiling\n000001.jpg -1 x\n", "line 3"),
        ("list_attr_celeba", "4" + LISTS["list_attr_celeba.txt"][1:], "has 3 rows; its first line says '4'"),
        ("list_attr_celeba", "", "has 0 rows; its first line says ''"),
        ("identity_CelebA", "000001.jpg 7\n", "has no row of '000003.jpg'"),
        ("list_eval_partition", "../../secret.jpg 0\n", "leads out of"),
        ("identity_CelebA", "000001.jpg " + "9" * 5000, "line 1"),
    ],
)
def test_damaged_lists_are_named(tmp_path, name, text, words):
    """Hostile: rows cut short, numbers that are none, names that lead out of the folder."""
    with pytest.raises(ValueError, match=words):
        CelebA(lay_out(tmp_path, **{name: text}))


def test_what_lacks_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"lacks img_align_celeba, list_attr_celeba\.txt, .*published at https://mmlab"):
        CelebA(tmp_path)
    with pytest.raises(ValueError, match="expected 'train', 'val', 'test', 'all'"):
        CelebA(tmp_path, "dev")

"""Pictures with boxes in the layout of Pascal VOC."""

from __future__ import annotations

import os
import zipfile

import pytest

from weft.data.image_file import read_image
from weft.data.sets.voc import PascalVOC, bccd

needs_mirror = pytest.mark.skipif(not os.environ.get("WEFT_MIRROR"), reason="WEFT_MIRROR is not set")


def annotation(*objects, size=(20, 10)):
    items = "".join(
        f"<object><name>{name}</name><difficult>{hard}</difficult><bndbox><xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax><ymax>{d}</ymax></bndbox></object>"
        for name, hard, (a, b, c, d) in objects
    )
    return f"<annotation><size><width>{size[0]}</width><height>{size[1]}</height></size>{items}</annotation>"


FILES = {
    "Annotations/a.xml": annotation(("dog", 0, (1, 2, 5, 6)), ("cat", 1, (3, 3, 20, 10))),
    "Annotations/b.xml": annotation(),
    "JPEGImages/a.jpg": "picture a",
    "JPEGImages/b.jpg": "picture b",
    "ImageSets/Main/train.txt": "a 1\n",
}


def lay_out(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def test_a_folder_and_an_archive_of_it_are_alike(tmp_path):
    """Contract: PascalVOC gives the boxes of a hand-made set, from a folder and from a zip, with and without a part."""
    folder = lay_out(tmp_path / "voc", FILES)
    with zipfile.ZipFile(tmp_path / "voc.zip", "w") as archive:
        for name, text in FILES.items():
            archive.writestr(f"VOC/{name}", text)
    for source in (PascalVOC(folder), PascalVOC(tmp_path / "voc.zip")):
        assert source.classes == ("cat", "dog") and [source.key(i) for i in range(len(source))] == ["a", "b"]
        record = source[0]
        assert record["boxes"].tolist() == [[1, 2, 5, 6], [3, 3, 20, 10]] and record["labels"].tolist() == [1, 0] and record["difficult"].tolist() == [False, True]
        assert source[1]["boxes"].shape == (0, 4) and source[1]["labels"].dtype == record["labels"].dtype
        image = record["image"] if isinstance(record["image"], bytes) else record["image"].read_bytes()
        assert image == b"picture a"
    assert len(PascalVOC(folder, "train")) == 1
    with pytest.raises(ValueError, match=r"no part 'trian'\. Did you mean 'train'"):
        PascalVOC(folder, "trian")


@pytest.mark.parametrize(
    "corners", [(5, 2, 5, 6), (1, 6, 5, 2), (-1, 2, 5, 6), (1, 2, 21, 6), (1, 2, 5, 11), ("nan", 2, 5, 6)]
)
def test_bad_boxes_stop_or_are_counted(tmp_path, corners):
    folder = lay_out(tmp_path, FILES | {"Annotations/b.xml": annotation(("dog", 0, corners), ("dog", 0, (0, 0, 1, 1)))})
    with pytest.raises(ValueError, match=r"b\.xml, object 1"):
        PascalVOC(folder)
    source = PascalVOC(folder, invalid="skip")
    assert source[1]["boxes"].tolist() == [[0, 0, 1, 1]] and len(source.skipped) == 1


def test_errors_name_the_file(tmp_path):
    for change, words in (
        ({"Annotations/b.xml": "<annotation>"}, r"b\.xml is not whole XML"),
        ({"Annotations/b.xml": annotation(("dog", 0, ("x", 1, 2, 3)))}, r"b\.xml, object 1.*no number"),
        ({"Annotations/b.xml": annotation(("bird", 0, (1, 1, 2, 3)))}, r"b\.xml has the class 'bird'"),
        ({"ImageSets/Main/train.txt": "a\nc\n"}, "names 'c', which has no annotation"),
        ({"ImageSets/Main/train.txt": b"a\xff"}, "is not UTF-8 text"),
    ):
        with pytest.raises(ValueError, match=words):
            PascalVOC(lay_out(tmp_path, FILES | change), "train" if "ImageSets/Main/train.txt" in change else None, ("cat", "dog"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="expected the layout of Pascal VOC"):
        PascalVOC(tmp_path / "empty")
    with pytest.raises(ValueError, match="expected 'stop' or 'skip'"):
        PascalVOC(tmp_path, invalid="no")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_refused_before_they_are_read(tmp_path, encoding):
    """Hostile: an entity that grows, one that reads another file, in one byte a letter or two."""
    grows = '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]><annotation>&y;</annotation>'
    reads = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation>&x;</annotation>'
    for text in (grows, reads):
        with pytest.raises(ValueError, match="declares a document type or entities"):
            PascalVOC(lay_out(tmp_path, FILES | {"Annotations/b.xml": text.encode(encoding)}))


@needs_mirror
def test_bccd_is_what_was_published():
    """Contract: bccd has the published pictures and boxes but for two without area, and every picture can be read."""
    parts = {part: bccd(part) for part in ("train", "val", "test")}
    assert {part: len(source) for part, source in parts.items()} == {"train": 205, "val": 87, "test": 72}
    whole = bccd(None)
    counts = sum(objects["labels"].bincount(minlength=3) for objects in whole.objects)
    assert dict(zip(whole.classes, counts.tolist(), strict=True)) == {"Platelets": 361, "RBC": 4153, "WBC": 372} and len(whole.skipped) == 2
    assert {parts[p].key(i) for p in parts for i in range(len(parts[p]))} == {whole.key(i) for i in range(364)}
    assert read_image(parts["test"][0]["image"]).size == (640, 480)

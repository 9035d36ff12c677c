"""Pascal VOC's classes by pixel."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from tests.references import reference
from weft.data.sets.laid_out import write_stand_in
from weft.data.sets.voc import PascalVOC
from weft.data.sets.voc_segments import VOCSegments


def png(numbers, palette=True):
    picture = Image.fromarray(np.array(numbers, np.uint8))
    if palette:
        picture.putpalette([7 * i % 256 for i in range(768)])
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def lay_out(folder, mask, listed="a\n"):
    for name, content in (("JPEGImages/a.jpg", b"picture a"), ("SegmentationClass/a.png", mask), ("ImageSets/Segmentation/train.txt", listed.encode())):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_numbers_behind_the_palette_are_the_classes(tmp_path):
    """VOCSegments, contract: the numbers of a PNG written here, whatever colours its palette shows."""
    numbers = [[0, 1, 20], [255, 15, 0]]
    source = VOCSegments(lay_out(tmp_path, png(numbers)))
    record = source[0]
    assert record["segments"].tolist() == numbers and record["segments"].dtype == torch.uint8 and len(source) == 1
    assert record["image"].read_bytes() == b"picture a" and (record["path"], source.key(0), source.classes[15]) == ("JPEGImages/a.jpg", "a", "person")


def test_items_are_those_of_torchvision(tmp_path):
    """VOCSegments and PascalVOC, parity: torchvision.datasets.VOCSegmentation and VOCDetection give the same classes by pixel and the same boxes."""
    datasets = reference("torchvision.datasets")
    folder = write_stand_in("pascal_voc", tmp_path / "VOCdevkit" / "VOC2012")
    source, theirs = VOCSegments(folder, "val"), datasets.VOCSegmentation(tmp_path, "2012", "val")
    assert len(source) == len(theirs) == 3
    for i, record in enumerate(source):
        assert np.array_equal(record["segments"].numpy(), np.array(theirs[i][1]))
    boxes, things = PascalVOC(folder, "val"), datasets.VOCDetection(tmp_path, "2012", "val")
    for i, record in enumerate(boxes):
        found = things[i][1]["annotation"]["object"]
        assert [boxes.classes[k] for k in record["labels"]] == [thing["name"] for thing in found]
        corners = [[float(thing["bndbox"][side]) for side in ("xmin", "ymin", "xmax", "ymax")] for thing in found]
        assert record["boxes"].tolist() == corners


def test_what_is_no_mask_is_said(tmp_path):
    """Hostile: colours in place of numbers, numbers beyond the classes, a cut file, a name that leads out of the folder."""
    colours = io.BytesIO()
    Image.new("RGB", (2, 2)).save(colours, "PNG")
    for mask, words in ((colours.getvalue(), "mode RGB"), (png([[21]]), "holds the class 21"), (png([[0]])[:40], "is no mask"), (b"", "is no mask")):
        with pytest.raises(ValueError, match=words):
            VOCSegments(lay_out(tmp_path, mask))[0]
    with pytest.raises(ValueError, match="leads out of"):
        VOCSegments(lay_out(tmp_path, png([[0]]), "../../secret\n"))
    with pytest.raises(FileNotFoundError, match=r"no JPEGImages/b\.jpg"):
        VOCSegments(lay_out(tmp_path, png([[0]]), "b\n"))
    with pytest.raises(ValueError, match=r"no part 'trian'\. Did you mean 'train'"):
        VOCSegments(tmp_path, "trian")
    with pytest.raises(FileNotFoundError, match="lacks JPEGImages"):
        VOCSegments(tmp_path / "JPEGImages")


def test_a_huge_mask_is_refused_before_it_is_decoded(tmp_path):
    head = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (30000).to_bytes(4, "big") * 2 + b"\x08\x03\x00\x00\x00"
    with pytest.raises(ValueError, match="is no mask of classes"):
        VOCSegments(lay_out(tmp_path, head + b"\x00" * 60))[0]

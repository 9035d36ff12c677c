"""COCO on a fixture written here, against torchvision and against damage."""

from __future__ import annotations

import copy
import json

import pytest
import torch

from tests.references import reference
from weft.data import DetectionCodec
from weft.data.sets.coco import Coco
from weft.data.sets.laid_out import write_stand_in

IMAGES = [{"id": 9, "file_name": "b.jpg", "width": 6, "height": 4}, {"id": 4, "file_name": "a.jpg", "width": 5, "height": 5}]
KINDS = [{"id": 18, "name": "dog", "keypoints": []}, {"id": 1, "name": "person", "keypoints": ["nose", "left_eye"]}]
THINGS = [
    {"id": 1, "image_id": 9, "category_id": 18, "bbox": [1, 1, 2, 1], "area": 2, "iscrowd": 0, "segmentation": [[1, 1, 3, 1, 3, 2, 1, 2]]},
    {"id": 2, "image_id": 9, "category_id": 1, "bbox": [3, 0, 3.4, 4], "area": 9.5, "iscrowd": 1, "segmentation": {"size": [4, 6], "counts": [12, 12]}},
]  # fmt: skip
POINTS = [{"id": 1, "image_id": 9, "category_id": 1, "bbox": [3, 0, 3, 4], "area": 9.5, "iscrowd": 0, "keypoints": [4, 1, 2, 0, 0, 0]}]
CAPTIONS = [{"id": 1, "image_id": 9, "caption": "a dog"}, {"id": 2, "image_id": 9, "caption": "A dog and somebody."}]


def lay_out(folder, images=IMAGES, things=THINGS, kinds=KINDS):
    for name, things_of in (("instances", things), ("person_keypoints", POINTS), ("captions", CAPTIONS)):
        (folder / "annotations").mkdir(parents=True, exist_ok=True)
        (folder / "annotations" / f"{name}_val2017.json").write_text(json.dumps({"images": images, "annotations": things_of, "categories": kinds}))
    (folder / "val2017").mkdir(exist_ok=True)
    for name, content in (("a.jpg", b"picture a"), ("b.jpg", b"picture b")):
        (folder / "val2017" / name).write_bytes(content)
    return folder


def test_every_task_gives_what_the_file_says(tmp_path):
    """Coco, contract: the bytes of the pictures, boxes, classes by name, crowds, masks, key points and captions of a set written by hand."""
    source = Coco(lay_out(tmp_path), task="segmentation")
    assert (source.classes, source.category_ids, len(source), source.key(0)) == (("person", "dog"), (1, 18), 2, "9")
    record = source[0]
    assert record["image"].read_bytes() == b"picture b" and record["path"] == "val2017/b.jpg" and record["id"] == 9
    assert record["boxes"].tolist() == [[1, 1, 3, 2], [3, 0, 6, 4]] and record["labels"].tolist() == [1, 0]
    assert record["crowd"].tolist() == [False, True] and record["area"].tolist() == [2, 9.5]
    assert record["masks"][0].nonzero().tolist() == [[1, 1], [1, 2]] and record["masks"][1].tolist() == [[False] * 3 + [True] * 3] * 4
    empty = source[1]
    assert empty["boxes"].shape == (0, 4) and empty["masks"].shape == (0, 5, 5) and empty["labels"].dtype == torch.int64
    assert "masks" not in Coco(tmp_path)[0]
    points = Coco(tmp_path, task="keypoints")
    assert points[0]["keypoints"].tolist() == [[[4, 1, 2], [0, 0, 0]]] and points[1]["keypoints"].shape == (0, 2, 3)
    captions = Coco(tmp_path, task="captions")
    assert captions[0]["captions"] == ["a dog", "A dog and somebody."] and captions[1]["captions"] == []
    with pytest.raises(IndexError):
        source[2]


def test_items_are_those_of_torchvision(tmp_path):
    """Coco, parity: torchvision.datasets.CocoDetection gives the same annotations of the same pictures."""
    datasets, peer = reference("torchvision.datasets"), reference("pycocotools.mask")
    folder = write_stand_in("coco", tmp_path)
    source = Coco(folder, "train2017", "segmentation")
    theirs = datasets.CocoDetection(folder / "train2017", folder / "annotations" / "instances_train2017.json")
    assert len(theirs) == len(source) == 12
    for i in range(12):
        picture, things = theirs[i]
        record = source[i]
        assert picture.size == (48, 48) and theirs.ids[i] == record["id"] and record["path"].endswith(theirs.coco.loadImgs(theirs.ids[i])[0]["file_name"])
        assert [source.category_ids[k] for k in record["labels"]] == [thing["category_id"] for thing in things]
        assert [[a, b, c - a, d - b] for a, b, c, d in record["boxes"].tolist()] == [thing["bbox"] for thing in things]
        assert record["area"].tolist() == [thing["area"] for thing in things]
        for mask, thing in zip(record["masks"].numpy(), things, strict=True):
            if isinstance(thing["segmentation"], dict):
                assert (peer.decode(peer.frPyObjects(thing["segmentation"], 48, 48)).astype(bool) == mask).all()


def test_the_codec_of_detection_takes_the_records(tmp_path):
    source = Coco(write_stand_in("coco", tmp_path), "val2017", "segmentation")
    codec = DetectionCodec(size=24, classes=[str(i) for i in range(3)])
    encoded = codec.encode(source[0])
    assert encoded["boxes"].shape == (2, 4) and encoded["masks"].shape == (2, 24, 24) and encoded["masks"].any()


def changed(**change):
    return [{**THINGS[0], **change}, THINGS[1]]


@pytest.mark.parametrize(
    "box", [[1, 1, 0, 1], [1, 1, 2, -1], [-2, 1, 3, 1], [1, 1, 1e30, 1], [1, 1, float("inf"), 1], [1, 1, float("nan"), 1], [5, 1, 2.1, 1]]
)
def test_bad_boxes_stop_or_are_listed(tmp_path, box):
    """Hostile: boxes without area, huge ones, infinity and what is no number."""
    lay_out(tmp_path, things=changed(bbox=box))
    with pytest.raises(ValueError, match=r"annotation 1: the box .* beyond its picture of 6 x 4; pass invalid='skip'"):
        Coco(tmp_path)
    source = Coco(tmp_path, invalid="skip")
    assert source[0]["labels"].tolist() == [0] and len(source.skipped) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"things": changed(bbox=[1, 1, 2])}, "has the bbox"),
        ({"things": changed(bbox=["1", 1, 2, 1])}, "has the bbox"),
        ({"things": changed(category_id=3)}, "of category 3, which is not listed"),
        ({"things": changed(image_id=3)}, "of picture 3, which is not listed"),
        ({"things": changed(image_id="9")}, "image_id is '9'"),
        ({"things": [3]}, "image_id is None"),
        ({"things": None}, "has no list 'annotations'"),
        ({"images": [IMAGES[0] | {"file_name": "../../secret.jpg"}]}, "leads out of"),
        ({"images": [IMAGES[0] | {"file_name": "/etc/passwd"}]}, "leads out of"),
        ({"images": [IMAGES[0] | {"width": 0}]}, "has 0 x 4 pixels"),
        ({"images": [IMAGES[0] | {"width": "6"}]}, "width is '6'"),
        ({"kinds": [{"id": 1}]}, "name is None"),
        ({"kinds": [{"id": 1, "name": "person", "keypoints": 3}]}, "has no list 'keypoints'"),
    ],
)
def test_damage_is_named(tmp_path, content, words):
    """Hostile: broken annotations, names that lead out of the folder, and types that are not COCO's."""
    with pytest.raises(ValueError, match=words) as error:
        Coco(lay_out(tmp_path, **copy.deepcopy(content)))
    assert "instances_val2017.json" in str(error.value)


def test_damage_of_files_is_named(tmp_path):
    lay_out(tmp_path, things=changed(segmentation={"size": [4, 6], "counts": [3]}))
    with pytest.raises(ValueError, match=r"annotation 1 has runs that"):
        Coco(tmp_path, task="segmentation")[0]
    (tmp_path / "annotations/captions_val2017.json").write_text('{"images": [')
    with pytest.raises(ValueError, match=r"captions_val2017\.json' is not whole JSON"):
        Coco(tmp_path, task="captions")
    with pytest.raises(FileNotFoundError, match=r"lacks annotations/instances_train2017\.json, train2017; published at https://cocodataset\.org"):
        Coco(tmp_path, "train2017")
    (tmp_path / "annotations/person_keypoints_val2017.json").write_text(
        json.dumps({"images": IMAGES, "annotations": [POINTS[0] | {"keypoints": [4, 1]}], "categories": KINDS})
    )
    with pytest.raises(ValueError, match=r"annotation 1 has the keypoints \[4, 1\]; expected three finite numbers for each of 2"):
        Coco(tmp_path, task="keypoints")
    with pytest.raises(ValueError, match="leads out of"):
        Coco(tmp_path, "/../../secret")
    with pytest.raises(ValueError, match="expected 'detection', 'segmentation'"):
        Coco(tmp_path, task="boxes")
    with pytest.raises(ValueError, match="expected 'stop' or 'skip'"):
        Coco(tmp_path, invalid="no")

"""Pictures with boxes, masks and key points."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from weft.data import DetectionCodec, Loader, RandomAffine, RandomFlip
from weft.data.transforms.targets import convert_boxes


def scene(height=30, width=40, boxes=((4, 6, 14, 18), (20, 3, 39, 29)), labels=("dog", "cat")):
    image = np.zeros((height, width, 3), np.uint8)
    masks = []
    for x1, y1, x2, y2 in boxes:
        image[y1:y2, x1:x2] = 255
        mask = np.zeros((height, width), bool)
        mask[y1:y2, x1:x2] = True
        masks.append(mask)
    return {"image": image, "boxes": [list(box) for box in boxes], "labels": list(labels), "masks": masks}


@pytest.mark.parametrize("resize", ["pad", "stretch"])
def test_boxes_and_masks_lie_on_their_pixels_and_come_back(resize):
    """Closed form: DetectionCodec halves a picture; each box encloses the white pixels and the mask; decoding gives the original boxes back."""
    codec = DetectionCodec(size=(20, 20), resize=resize, classes=("cat", "dog"))
    record = scene()
    encoded = codec.encode(record)
    scale = (0.5, 0.5) if resize == "pad" else (0.5, 20 / 30)
    assert np.allclose(encoded["boxes"], [[x1 * scale[0], y1 * scale[1], x2 * scale[0], y2 * scale[1]] for x1, y1, x2, y2 in record["boxes"]])
    assert encoded["labels"].tolist() == [1, 0] and encoded["boxes_mask"].tolist() == [True, True]
    for i in range(2):
        x1, y1, x2, y2 = encoded["boxes"][i].round().int().tolist()
        rows, columns = encoded["masks"][i].nonzero().unbind(1)
        assert abs(int(columns.min()) - x1) <= 1 and abs(int(columns.max()) + 1 - x2) <= 1 and abs(int(rows.min()) - y1) <= 1 and abs(int(rows.max()) + 1 - y2) <= 1
        assert encoded["input"][0][encoded["masks"][i]].mean() > 0.85
    if resize == "pad":
        assert (encoded["input"][:, 15:] == 0).all(), "what is added is black"
    batch = codec.collate([encoded])
    prediction = {key: batch[key] for key in ("boxes", "labels", "frame")} | {"scores": torch.tensor([[0.2, 0.9]])}
    (back,) = codec.decode(prediction)
    assert back["labels"] == ["cat", "dog"] and back["scores"] == pytest.approx([0.9, 0.2])
    assert np.allclose(back["boxes"], [record["boxes"][1], record["boxes"][0]], atol=1e-3)
    json.dumps(back)


def test_batches_are_padded_and_padding_is_no_class():
    """Property: records of two, no and one box share a batch; -100 and False stand where no box is, in number and in order."""
    codec = DetectionCodec(size=20, classes=("cat", "dog"))
    records = [scene(), scene(boxes=(), labels=()), scene(boxes=((0, 0, 9, 9),), labels=("cat",))]
    batch = codec.collate([codec.encode(record) for record in records])
    assert batch["boxes"].shape == (3, 2, 4) and batch["masks"].shape == (3, 2, 20, 20)
    assert batch["boxes_mask"].tolist() == [[True, True], [False, False], [True, False]]
    assert batch["labels"].tolist() == [[1, 0], [-100, -100], [0, -100]]
    loader = Loader(records, codec, 3, transforms=[RandomFlip(1.0), RandomAffine()])
    (moved,) = list(loader)
    assert torch.equal(moved["labels"], batch["labels"]) and not moved["boxes_mask"][1].any()
    assert moved["masks"].dtype == torch.bool and not torch.equal(moved["boxes"], batch["boxes"])


def test_forms_polygons_and_key_points():
    """Closed form: the same box written three ways; a polygon is filled; key points move with the picture and know what is seen."""
    for form in ("xyxy", "xywh", "cxcywh"):
        record = scene(boxes=((4, 6, 14, 18),), labels=("dog",))
        record["boxes"] = convert_boxes(torch.tensor([[4.0, 6.0, 14.0, 18.0]]), "xyxy", form).tolist()
        record["masks"] = [[[4, 6], [13, 6], [13, 17], [4, 17]]]
        record["keypoints"] = [[[10, 20, 2], [0, 0, 0]]]
        codec = DetectionCodec(size=(30, 40), classes=("dog",), form=form)
        encoded = codec.encode(record)
        assert encoded["boxes"].tolist() == [[4, 6, 14, 18]]
        assert encoded["masks"][0].sum() == 120 and encoded["masks"][0, 6:18, 4:14].all()
        assert encoded["keypoints"].tolist() == [[[10, 20], [0, 0]]] and encoded["keypoints_mask"].tolist() == [[True, False]]
        batch = codec.collate([encoded])
        back = codec.decode({"boxes": batch["boxes"], "labels": batch["labels"], "scores": torch.ones(1, 1), "frame": batch["frame"]})
        assert np.allclose(back[0]["boxes"], record["boxes"])


def test_classes_and_statistics_are_learned():
    """Contract: detection_codec learns the classes of all boxes and the pixels' mean; boxes beyond the border are cut."""
    codec = DetectionCodec(size=20).fit([scene(), scene(labels=("owl", "cat"))])
    assert codec.classes == ("cat", "dog", "owl") and codec.num_classes == 3 and 0 < codec.mean[0] < 1
    record = scene(boxes=(), labels=())
    record |= {"boxes": [[-5, 2, 60, 9]], "labels": ["cat"], "masks": [np.zeros((30, 40))]}
    assert codec.encode(record)["boxes"].tolist() == [[0, 1, 20, 4.5]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"boxes": [[5, 5, 5, 9], [0, 0, 1, 1]]}, "Box 0 is .* has no area"),
        ({"boxes": [[0, 0, 4, 4], [50, 5, 60, 9]]}, "Box 1 is .* outside its picture of 40 x 30"),
        ({"labels": ["cat"]}, "2 boxes have 1 labels"),
        ({"labels": ["cat", "cow"]}, "'cow' was not among the training classes"),
        ({"masks": [np.zeros((3, 3)), np.zeros((3, 3))]}, r"Mask 0 has shape \(3, 3\)"),
        ({"masks": [np.zeros((30, 40))]}, "as many of each as there are boxes"),
    ],
)
def test_bad_annotations_are_named(change, words):
    codec = DetectionCodec(size=20, classes=("cat", "dog"))
    with pytest.raises(ValueError, match=words):
        codec.encode(scene() | change)


def test_bad_settings_and_predictions_are_named():
    for arguments, words in (({"resize": "crop"}, "'pad' or 'stretch'"), ({"form": "corners"}, "'xyxy', 'xywh' or 'cxcywh'"), ({"channels": 2}, "grey")):
        with pytest.raises(ValueError, match=words):
            DetectionCodec(size=20, **arguments)
    with pytest.raises(ValueError, match="no classes to learn"):
        DetectionCodec(size=20).fit([{"image": np.zeros((3, 3), np.uint8)}])
    with pytest.raises(ValueError, match=r"lacks \['labels', 'scores'\]"):
        DetectionCodec(size=20, classes=("a",)).decode({"boxes": torch.zeros(1, 1, 4)})

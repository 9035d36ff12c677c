"""COCO: pictures with boxes, masks, key points or captions."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch

from weft.data.contracts import Record
from weft.data.sets.coco_masks import coco_mask
from weft.data.sets.local_copy import inside, read_json, whole_copy

PUBLISHER = "https://cocodataset.org/#download (annotations CC BY 4.0, photographs under Flickr's terms)"
FILES = {"detection": "instances", "segmentation": "instances", "keypoints": "person_keypoints", "captions": "captions"}
ROUNDING = 1.0  # pixels by which published boxes reach beyond their picture


class Coco:
    """COCO's pictures of one part: ``annotations/instances_PART.json`` (or ``person_keypoints_``, ``captions_``) and ``PART/NAME.jpg``.

    Records: ``image`` Path, ``id``, ``path``, and for ``task`` "captions" ``captions``, a list of texts; else ``boxes`` (N, 4) float32 x1, y1, x2, y2
    in pixels, ``labels`` (N,) int64 by ``classes`` (``category_ids`` are the file's numbers, which have gaps), ``crowd`` (N,) bool, ``area`` (N,)
    float32; "segmentation" adds ``masks`` (N, H, W) bool; "keypoints" adds ``keypoints`` (N, K, 3), the third 0 not labelled, 1 hidden, 2 seen.
    A picture without annotations has empty ones. ``invalid="skip"`` leaves out boxes without area or beyond the picture, listed in ``skipped``;
    "stop" raises. Boxes beyond it by less than a pixel are cut.
    Raises FileNotFoundError naming the files that lack and their publisher; ValueError naming file and annotation for broken JSON, pictures or
    classes that are not listed, names that lead out of the folder, runs or polygons that are no mask.

    Published at https://cocodataset.org; annotations CC BY 4.0. Lin et al., 2014, arXiv:1405.0312.

    Use when annotations come as COCO writes them, also for one's own; cost: the annotations in memory, a mask's pixels when it is read.

    >>> import tempfile
    >>> from weft.data.sets import write_stand_in
    >>> source = Coco(write_stand_in("coco", tempfile.mkdtemp()), "val2017", "segmentation")
    >>> source.classes, source[0]["masks"].shape
    (('disc', 'square', 'cross'), torch.Size([2, 48, 48]))
    """

    def __init__(self, path: str | Path, part: str = "val2017", task: str = "detection", *, invalid: str = "stop") -> None:
        if task not in FILES:
            raise ValueError(f"task={task!r}; expected {', '.join(map(repr, FILES))}")
        if invalid not in ("stop", "skip"):
            raise ValueError(f"invalid={invalid!r}; expected 'stop' or 'skip'")
        listed = inside(Path(path), f"annotations/{FILES[task]}_{part}.json", "part").relative_to(path).as_posix()
        self.path, self.part, self.task = whole_copy(path, [listed, part], PUBLISHER), part, task
        self.file = f"{str(self.path / listed)!r}"
        content = read_json(self.path / listed)
        self.pictures = [self._picture(entry) for entry in self._list(content, "images")]
        self.category_ids: tuple[int, ...] = ()
        self.classes: tuple[str, ...] = ()
        if task != "captions":
            categories = sorted((self._get(entry, "id", int), self._get(entry, "name", str)) for entry in self._list(content, "categories"))
            self.category_ids, self.classes = tuple(i for i, _ in categories), tuple(name for _, name in categories)
            self.points = max((len(self._list(entry, "keypoints")) for entry in content["categories"] if "keypoints" in entry), default=0)
        self.skipped: list[str] = []
        self.things: dict[int, list[dict[str, Any]]] = {picture["id"]: [] for picture in self.pictures}
        sizes = {picture["id"]: (picture["width"], picture["height"]) for picture in self.pictures}
        for entry in self._list(content, "annotations"):
            found = None if task == "captions" else self._bad_box(entry, sizes)
            if found and invalid == "stop":
                raise ValueError(f"{found}; pass invalid='skip' to leave such boxes out")
            if found:
                self.skipped.append(found)
            else:
                self._things_of(entry).append(entry)

    def _list(self, content: Any, key: str) -> list[Any]:
        found = content.get(key) if isinstance(content, dict) else None
        if not isinstance(found, list):
            raise ValueError(f"{self.file} has no list {key!r}; expected COCO's images, annotations and categories")
        return found

    def _get(self, entry: Any, key: str, kind: type) -> Any:
        value = entry.get(key) if isinstance(entry, dict) else None
        if type(value) is not kind:
            raise ValueError(f"{self.file}: {key} is {value!r} in {str(entry)[:80]}; expected {kind.__name__}")
        return value

    def _picture(self, entry: Any) -> dict[str, Any]:
        picture = {"id": self._get(entry, "id", int), "width": self._get(entry, "width", int), "height": self._get(entry, "height", int)}
        inside(self.path / self.part, self._get(entry, "file_name", str), self.file)
        if picture["width"] < 1 or picture["height"] < 1:
            raise ValueError(f"{self.file}: picture {picture['id']} has {picture['width']} x {picture['height']} pixels")
        return picture | {"name": entry["file_name"]}

    def _things_of(self, entry: Any) -> list[dict[str, Any]]:
        image = self._get(entry, "image_id", int)
        if image not in self.things:
            raise ValueError(f"{self.file}: annotation {entry.get('id')} is of picture {image}, which is not listed")
        if self.task == "captions":
            self._get(entry, "caption", str)
        return self.things[image]

    def _bad_box(self, entry: Any, sizes: dict[int, tuple[int, int]]) -> str:
        """What is wrong with a box that can be left out; raises ValueError for what cannot."""
        self._things_of(entry)
        where = f"{self.file}: annotation {entry.get('id')}"
        if self._get(entry, "category_id", int) not in self.category_ids:
            raise ValueError(f"{where} is of category {entry['category_id']}, which is not listed")
        box, area = entry.get("bbox"), entry.get("area", 0.0)
        if not isinstance(box, list) or len(box) != 4 or not all(type(value) in (int, float) for value in (*box, area)):
            raise ValueError(f"{where} has the bbox {box!r} and the area {area!r}; expected [x, y, width, height] and a number")
        points = entry.get("keypoints", [0] * 3 * self.points)
        finite = isinstance(points, list) and all(type(value) in (int, float) and math.isfinite(value) for value in points)
        if self.task == "keypoints" and not (finite and len(points) == 3 * self.points):
            raise ValueError(f"{where} has the keypoints {str(points)[:80]}; expected three finite numbers for each of {self.points}")
        (x, y, width, height), (right, bottom) = box, sizes[entry["image_id"]]
        good = width > 0 and height > 0 and min(x, y) > -ROUNDING and x + width < right + ROUNDING and y + height < bottom + ROUNDING
        return "" if good else f"{where}: the box {box} has no area or lies beyond its picture of {right} x {bottom}"

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, i: int) -> Record:
        picture = self.pictures[i]
        things = self.things[picture["id"]]
        record: Record = {"image": self.path / self.part / picture["name"], "id": picture["id"], "path": f"{self.part}/{picture['name']}"}
        if self.task == "captions":
            return record | {"captions": [entry["caption"] for entry in things]}
        boxes = torch.tensor([entry["bbox"] for entry in things], dtype=torch.float64).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        record |= {
            "boxes": boxes.clamp(min=0).minimum(torch.tensor([picture["width"], picture["height"]] * 2)).float(),
            "labels": torch.tensor([self.category_ids.index(entry["category_id"]) for entry in things], dtype=torch.int64),
            "crowd": torch.tensor([bool(entry.get("iscrowd")) for entry in things], dtype=torch.bool),
            "area": torch.tensor([entry.get("area", 0.0) for entry in things], dtype=torch.float32),
        }
        if self.task == "segmentation":
            record["masks"] = torch.from_numpy(self._masks(picture, things))
        if self.task == "keypoints":
            points = [entry.get("keypoints", [0] * 3 * self.points) for entry in things]
            record["keypoints"] = torch.tensor(points, dtype=torch.float32).reshape(-1, self.points, 3)
        return record

    def _masks(self, picture: dict[str, Any], things: list[dict[str, Any]]) -> np.ndarray:
        masks = np.zeros((len(things), picture["height"], picture["width"]), bool)
        for mask, entry in zip(masks, things, strict=True):
            try:
                mask[:] = coco_mask(entry.get("segmentation"), *mask.shape)
            except ValueError as error:
                raise ValueError(f"{self.file}: annotation {entry.get('id')} has {error}") from error
        return masks

    def key(self, i: int) -> str:
        """The picture's number in COCO."""
        return str(self.pictures[i]["id"])

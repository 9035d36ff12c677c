"""The way of the data: sources, codecs, transforms, loaders, splits."""

from __future__ import annotations

import importlib
from typing import Any

from weft._lazy import attach

TABLE = {
    "arrays": "weft.data.arrays:Arrays",
    "concat": "weft.data.views:Concat",
    "interleave": "weft.data.composite:Interleave",
    "lazy": "weft.data.composite:Lazy",
    "nested": "weft.data.composite:Nested",
    "zip": "weft.data.composite:Zip",
    "image_folder": "weft.data.folder:ImageFolder",
    "lines": "weft.data.lines:Lines",
    "subset": "weft.data.views:Subset",
    "table": "weft.data.table:Table",
    "windows": "weft.data.windows:Windows",
    "detection_codec": "weft.data.detection_codec:DetectionCodec",
    "fields_codec": "weft.data.fields_codec:FieldsCodec",
    "image_codec": "weft.data.image_codec:ImageCodec",
    "table_codec": "weft.data.table_codec:TableCodec",
    "text_codec": "weft.data.text_codec:TextCodec",
    "token_codec": "weft.data.token_codec:TokenCodec",
    "video_codec": "weft.data.video_codec:VideoCodec",
    "environments": "weft.data.environments:Environments",
    "replay": "weft.data.replay:Replay",
    "rollouts": "weft.data.rollouts:Rollouts",
}
KIND = {
    "arrays": "source",
    "concat": "source",
    "interleave": "source",
    "lazy": "source",
    "nested": "source",
    "zip": "source",
    "image_folder": "source",
    "lines": "source",
    "subset": "source",
    "table": "source",
    "windows": "source",
    "detection_codec": "codec",
    "fields_codec": "codec",
    "image_codec": "codec",
    "table_codec": "codec",
    "text_codec": "codec",
    "token_codec": "codec",
    "video_codec": "codec",
    "environments": "environment",
    "replay": "environment",
    "rollouts": "environment",
}
EXTRA = {
    "Batch": "weft.data.contracts:Batch",
    "Codec": "weft.data.contracts:Codec",
    "Epsilon": "weft.data.replay:Epsilon",
    "Loader": "weft.data.loader:Loader",
    "Plan": "weft.data.contracts:Plan",
    "PoissonLoader": "weft.data.poisson:PoissonLoader",
    "Random": "weft.data.keyed:Random",
    "Record": "weft.data.contracts:Record",
    "RecordError": "weft.data.assemble:RecordError",
    "Source": "weft.data.contracts:Source",
    "Transform": "weft.data.contracts:Transform",
    "class_weights": "weft.data.balance:class_weights",
    "dense_frames": "weft.data.clips:dense_frames",
    "encoded": "weft.data.arrays:encoded",
    "key_frames": "weft.data.clips:key_frames",
    "pairs_of_frames": "weft.data.clips:pairs_of_frames",
    "segment_frames": "weft.data.clips:segment_frames",
    "stacked_frames": "weft.data.clips:stacked_frames",
    "imbalance_advice": "weft.data.balance:imbalance_advice",
    "find_files": "weft.data.paths:find_files",
    "find_path": "weft.data.paths:find_path",
    "folds": "weft.data.folds:folds",
    "held": "weft.data.paths:held",
    "made_folder": "weft.data.paths:made_folder",
    "normal_name": "weft.data.paths:normal_name",
    "overlap": "weft.data.split:overlap",
    "read_image": "weft.data.image_file:read_image",
    "read_split": "weft.data.split:read_split",
    "save_split": "weft.data.split:save_split",
    "scratch_file": "weft.data.paths:scratch_file",
    "split_by_count": "weft.data.split:split_by_count",
    "split_by_hash": "weft.data.split:split_by_hash",
    "split_by_time": "weft.data.split:split_by_time",
    "uniform_frames": "weft.data.clips:uniform_frames",
    "windows_of_frames": "weft.data.clips:windows_of_frames",
    "stack": "weft.data.arrays:stack",
}
SHELVES = ("audio", "files", "loading", "quality", "sets", "streams", "text", "transforms")  # what stands on them is also exported here
for shelf in map(importlib.import_module, [f"{__name__}.{name}" for name in SHELVES]):
    EXTRA |= shelf.EXTRA | {path.partition(":")[2]: path for path in shelf.TABLE.values()}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """Tiny ready-made parts by catalogue name: a source; (codec, records to fit it on)."""
    import torch

    from weft.data import arrays, detection_codec, fields_codec, image_codec, table_codec, text_codec, token_codec, video_codec, views, windows

    numbers = arrays.Arrays({"input": torch.arange(12.0).reshape(6, 2), "target": [0, 1, 0, 1, 0, 1]})
    pictures = [{"image": torch.full((6, 6), 40 * i, dtype=torch.uint8), "label": "ab"[i % 2]} for i in range(6)]
    rows = [{"age": 20 + i, "city": ("Rome", "Oslo")[i % 2], "buys": ("no", "yes")[i // 3]} for i in range(6)]
    texts = [{"text": text, "label": label} for text, label in (("good film", "yes"), ("bad film", "no"), ("", "no"))]
    return {
        "arrays": numbers,
        "concat": views.Concat(numbers, numbers),
        "subset": views.Subset(numbers, [4, 1]),
        "windows": windows.Windows(torch.arange(10), length=4),
        "detection_codec": (detection_codec.DetectionCodec(size=6), [p | {"boxes": [[1, 1, 4, 5]], "labels": [p["label"]]} for p in pictures]),
        "fields_codec": (fields_codec.FieldsCodec([{"column": "text", "kind": "text", "to": "input"}, {"column": "label", "kind": "label"}]), texts),
        "image_codec": (image_codec.ImageCodec(size=4, channels=1), pictures),
        "table_codec": (table_codec.TableCodec(target="buys"), rows),
        "text_codec": (text_codec.TextCodec(), texts),
        "token_codec": (token_codec.TokenCodec(length=4), [{"text": "to be or not to be"}]),
        "video_codec": (video_codec.VideoCodec(frames=2, size=4), [{"frames": [p["image"]] * 3, "label": p["label"]} for p in pictures]),
    }

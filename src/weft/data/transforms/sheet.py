"""Look at what transforms do: a sheet of pictures, a row for each stage, written to a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from weft.data.contracts import Batch, Transform
from weft.data.keyed import Random
from weft.data.transforms.compose import stages
from weft.data.transforms.convert import to_image

CAPTION = 12  # pixels of height


def contact_sheet(rows: dict[str, Tensor], limit: int = 8, gap: int = 2) -> Image.Image:
    """Up to ``limit`` pictures (B, C, H, W) in [0, 1] of each row beside each other, under the row's name; spectrograms are pictures of one channel.

    Raises ValueError for no rows. Use to see what a network is given.

    >>> contact_sheet({"noise": torch.rand(3, 1, 8, 8)}).size
    (32, 24)
    """
    if not rows:
        raise ValueError("There are no rows to draw; give {'name': pictures}")
    wide = max(min(len(x), limit) * (x.shape[-1] + gap) for x in rows.values())
    high = sum(x.shape[-2] + gap + CAPTION for x in rows.values())
    sheet, top = Image.new("RGB", (wide + gap, high + gap), "white"), gap
    for name, x in rows.items():
        ImageDraw.Draw(sheet).text((gap, top), name, fill="black", font_size=9)
        for i, picture in enumerate(x[:limit]):
            sheet.paste(to_image(picture.float() if picture.is_floating_point() else picture), (gap + i * (x.shape[-1] + gap), top + CAPTION))
        top += x.shape[-2] + gap + CAPTION
    return sheet


def draw_boxes(x: Tensor, boxes: Tensor, mask: Tensor | None = None) -> Tensor:
    """Pictures (B, 3, H, W) in [0, 1] with the outline of their boxes (B, N, 4) in red; ``mask`` True = draw."""
    out = x.clone()
    for i, record in enumerate(boxes.round().long().tolist()):
        for n, (x1, y1, x2, y2) in enumerate(record):
            if mask is None or bool(mask[i, n]):
                for rows, columns in (
                    (slice(y1, y1 + 1), slice(x1, x2)),
                    (slice(max(y2 - 1, 0), y2), slice(x1, x2)),
                    (slice(y1, y2), slice(x1, x1 + 1)),
                    (slice(y1, y2), slice(max(x2 - 1, 0), x2)),
                ):
                    out[i, :, rows, columns] = torch.tensor([1.0, 0.0, 0.0]).to(out)[:, None, None]
    return out


def view_transforms(transforms: Sequence[Transform], batch: Batch, path: str | Path, *, random: Random | None = None, limit: int = 8) -> Path:
    """Write the pictures of a batch before and after each transform to ``path``, boxes drawn; the same file for the same randomness.

    Values are scaled from the lowest to the highest of each row, so that normalised pictures can be seen.

    >>> import tempfile
    >>> from weft.data import RandomFlip
    >>> view_transforms([RandomFlip()], {"input": torch.rand(2, 3, 8, 8)}, Path(tempfile.mkdtemp()) / "sheet.png").name
    'sheet.png'
    """
    random = Random(0, 0, torch.arange(len(batch["input"]))) if random is None else random
    rows: dict[str, Tensor] = {}
    for number, stage in enumerate(stages(transforms, batch, random)):
        x = stage["input"].float()
        x = (x - x.min()) / (x.max() - x.min()).clamp(min=1e-6)
        x = x[:, :1] if x.shape[1] not in (1, 3) else x
        if "boxes" in stage:
            x = draw_boxes(x.expand(-1, 3, -1, -1), stage["boxes"], stage.get("boxes_mask"))
        rows["as they come" if not number else f"{number} {transforms[number - 1]!r}"] = x
    contact_sheet(rows, limit).save(path)
    return Path(path)

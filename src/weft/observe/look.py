"""Look at what goes in and what comes out: a grid of pictures with captions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

SIDE = 112  # pixels of one picture's longer side
CAPTION = 34
GOOD, BAD, INK, PAPER = (31, 122, 92), (194, 72, 61), (40, 48, 60), (255, 255, 255)


def show_batch(batch: Mapping[str, Any], codec: Any = None, *, most: int = 16) -> Image.Image:
    """A grid of the first samples of a batch as the network gets them, captioned with their targets; a notebook shows what is returned.

    Pictures are drawn by ``codec.picture`` (it takes the normalisation back), other inputs as their text or their values. Class numbers become names
    by ``codec.classes``. Raises ValueError for a batch without input.
    """
    cells, captions = drawn(batch, codec, most), [(caption(batch.get("target"), position, codec), INK) for position in range(min(most, size(batch)))]
    return grid(cells, captions)


def show_results(batch: Mapping[str, Any], prediction: Mapping[str, Any], codec: Any = None, *, most: int = 16) -> Image.Image:
    """A grid of samples with what the method answered, green where it agrees with the target and red where not.

    ``prediction`` is what ``method.predict(batch)`` returns. A notebook shows what is returned.
    """
    count = min(most, size(batch))
    cells = drawn(batch, codec, most)
    answers = decoded(prediction, codec, count)
    captions = []
    for position in range(count):
        truth = caption(batch.get("target"), position, codec)
        colour = INK if not truth or not named_classes(codec) else GOOD if answers[position] == truth else BAD
        captions.append((answers[position] if colour != BAD else f"{answers[position]}\nnot {truth}", colour))
    return grid(cells, captions)


def size(batch: Mapping[str, Any]) -> int:
    """The number of samples; ValueError when there is no input."""
    if "input" not in batch:
        raise ValueError(f"The batch has no 'input' to show, only {sorted(batch)}.")
    return len(batch["input"])


def drawn(batch: Mapping[str, Any], codec: Any, most: int) -> list[Image.Image]:
    """The first inputs as pictures."""
    count = min(most, size(batch))
    inputs = batch["input"][:count]
    if isinstance(inputs, Tensor) and inputs.dim() == 4 and inputs.shape[1] in (1, 3):
        return [codec.picture(item) if hasattr(codec, "picture") else tensor_image(item) for item in inputs]
    return [words(described(item, codec)) for item in inputs]


def described(item: Any, codec: Any) -> str:
    """An input that is not a picture, as text."""
    tokenizer: Any = getattr(codec, "tokenizer", None)
    if isinstance(item, Tensor) and item.dim() == 1 and not item.is_floating_point() and hasattr(tokenizer, "decode"):
        return str(tokenizer.decode(item.tolist()))
    if isinstance(item, Tensor):
        numbers = ", ".join(f"{value:.3g}" for value in item.reshape(-1)[:12].tolist())
        return numbers + (" …" if item.numel() > 12 else "")
    return str(item)


def named_classes(codec: Any) -> Sequence[str] | None:
    """The codec's class names, if it has any."""
    return getattr(codec, "classes", None) or None


def caption(target: Any, position: int, codec: Any) -> str:
    """The target of one sample: a class's name, a number, or nothing for what has no short form."""
    if target is None:
        return ""
    value = target[position]
    if isinstance(value, Tensor):
        if value.numel() != 1:
            return ""
        value = value.item()
    classes = named_classes(codec)
    if classes and isinstance(value, (bool, int)) and 0 <= value < len(classes):
        return str(classes[value])
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def decoded(prediction: Mapping[str, Any], codec: Any, count: int) -> list[str]:
    """The first answers as short texts, by the codec when there is one."""
    first = {key: value[:count] for key, value in prediction.items() if isinstance(value, (Tensor, list, tuple))}
    if hasattr(codec, "decode"):
        return [answer_text(record) for record in codec.decode(first)]
    output = first.get("output", next(iter(first.values())))
    return [str(int(row.argmax())) if row.dim() == 1 and len(row) > 1 else f"{row.reshape(-1)[0].item():.4g}" for row in output]


def answer_text(record: Mapping[str, Any]) -> str:
    """A decoded record as a short text."""
    for key in ("label", "value", "text", "output"):
        if key in record:
            value = record[key]
            return f"{value:.4g}" if isinstance(value, float) else str(value)
    return ", ".join(f"{key} {value}" for key, value in record.items())[:60]


def tensor_image(pixels: Any) -> Image.Image:
    """A picture of (H, W), (C, H, W) or (H, W, C); floats are taken as [0, 1] where they fit, else stretched to their range.

    >>> tensor_image(torch.zeros(1, 4, 6)).size
    (6, 4)
    """
    values = torch.as_tensor(pixels).detach().cpu()
    if values.dim() == 2:
        values = values[None]
    if values.dim() == 3 and values.shape[0] not in (1, 3) and values.shape[-1] in (1, 3):
        values = values.movedim(-1, 0)
    if values.dim() != 3 or values.shape[0] not in (1, 3) or min(values.shape) < 1:
        raise ValueError(f"A picture has shape (H, W), (C, H, W) or (H, W, C) with 1 or 3 channels; got {tuple(values.shape)}.")
    if values.dtype != torch.uint8:
        values = values.float().nan_to_num(0.0)
        low, high = float(values.min()), float(values.max())
        if low < -0.01 or high > 1.01:
            values = (values - low) / max(high - low, 1e-12)
        values = (values * 255).round().clamp(0, 255).to(torch.uint8)
    array = values.movedim(0, -1).contiguous().numpy()
    return Image.fromarray(array[..., 0] if values.shape[0] == 1 else array)


def grid(cells: Sequence[Image.Image], captions: Sequence[tuple[str, tuple[int, int, int]]] = (), columns: int | None = None) -> Image.Image:
    """Pictures side by side; small ones are enlarged without blur, large ones reduced."""
    if not cells:
        raise ValueError("There is nothing to show: the batch is empty.")
    columns = columns or min(8, math.ceil(math.sqrt(len(cells))))
    rows, below, gap = math.ceil(len(cells) / columns), CAPTION if captions else 0, 6
    canvas = Image.new("RGB", (columns * (SIDE + gap) + gap, rows * (SIDE + below + gap) + gap), PAPER)
    pen = ImageDraw.Draw(canvas)
    for position, cell in enumerate(cells):
        left, top = gap + position % columns * (SIDE + gap), gap + position // columns * (SIDE + below + gap)
        fitted = fit(cell)
        canvas.paste(fitted, (left + (SIDE - fitted.width) // 2, top + (SIDE - fitted.height) // 2))
        if captions:
            text, colour = captions[position]
            lines = [shortened(line, 18) for line in text.splitlines()[:2]]
            pen.multiline_text((left + 2, top + SIDE + 3), "\n".join(lines), fill=colour, font=ImageFont.load_default(size=11), spacing=2)
    return canvas


def fit(cell: Image.Image) -> Image.Image:
    """A picture scaled to the size of a cell."""
    scale = SIDE / max(cell.size)
    shape = (max(1, round(cell.width * scale)), max(1, round(cell.height * scale)))
    return cell.convert("RGB").resize(shape, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS)


def words(text: str) -> Image.Image:
    """A card with text, for inputs that are not pictures."""
    card = Image.new("RGB", (SIDE * 2, SIDE * 2), (246, 248, 250))
    lines = [line for part in text.splitlines() or [""] for line in (part[i : i + 32] for i in range(0, max(1, len(part)), 32))]
    ImageDraw.Draw(card).multiline_text((8, 8), "\n".join(lines[:13]), fill=INK, font=ImageFont.load_default(size=13), spacing=3)
    return card


def shortened(text: str, most: int) -> str:
    """At most ``most`` letters."""
    return text if len(text) <= most else text[: most - 1] + "…"

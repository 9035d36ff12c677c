"""A picture of activations: a grid of functions and their derivatives, as one SVG file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from weft.nn.activations import sampled
from weft.observe.charts import STYLE, Plot, path, text
from weft.observe.markup import Markup, tag

USUAL = ("relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "hardswish", "sigmoid", "tanh", "softplus", "softsign")
CELL = (250, 190)
DRAWN = 250  # points of a curve that are drawn, of those that are computed


def draw_activations(
    file: str | Path, names: Sequence[str] = USUAL, *, low: float = -5.0, high: float = 5.0, points: int = 1000, columns: int = 4
) -> Path:
    """Draw named activations and their derivatives over [low, high] into an SVG file, with both zero axes; return its path.

    Needs no display and no plotting library; a browser shows it in its own light or dark colours.

    Errors: ``ValueError`` naming the nearest for an unknown name, or when there are none.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     draw_activations(folder + "/two.svg", ["relu", "tanh"]).read_text().count("<path")
    4
    """
    if not names or columns < 1:
        raise ValueError("draw_activations needs at least one name and one column.")
    width, height = CELL
    curves = sampled(names, low, high, points)
    cells: list[Markup] = []
    for number, (name, (x, y, slope)) in enumerate(curves.items()):
        every = max(1, points // DRAWN)
        values = [list(zip(x.tolist()[::every], part.tolist()[::every], strict=True)) for part in (y, slope)]
        place = {"x": number % columns * width, "y": number // columns * height, "width": width, "height": height}
        cells.append(tag("svg", place, *cell(name, values, (low, high))))
    across, down = min(columns, len(curves)) * width, -(-len(curves) // columns) * height
    size = {"xmlns": "http://www.w3.org/2000/svg", "class": "weft", "viewBox": f"0 0 {across} {down}", "width": across, "height": down}
    target = Path(file)
    target.write_text(tag("svg", size | {"role": "img", "aria-label": "activations"}, tag("style", {}, STYLE), *cells), encoding="utf-8")
    return target


def cell(name: str, curves: Sequence[Sequence[tuple[float, float]]], xs: tuple[float, float]) -> list[Markup]:
    """One activation: its name, the zero axes, the function and the derivative."""
    ys = [y for points in curves for _, y in points]
    plot = Plot(*CELL, xs, (min(ys), max(ys)), log=False, top=40)
    parts = [text(plot.left, 16, name, "name"), *plot.axes()]
    for word, colour, x in (("f", 0, plot.left), ("f ′", 1, plot.left + 34)):
        parts += [tag("rect", {"class": f"d{colour}", "x": x, "y": 23, "width": 9, "height": 9, "rx": 2}), text(x + 13, 31, word)]
    if xs[0] <= 0 <= xs[1]:
        parts.append(tag("line", {"class": "mark", "x1": plot.x(0), "x2": plot.x(0), "y1": plot.top, "y2": plot.bottom}))
    if min(ys) <= 0 <= max(ys):
        parts.append(tag("line", {"class": "mark", "x1": plot.left, "x2": plot.right, "y1": plot.y(0), "y2": plot.y(0)}))
    return [*parts, *(path(points, f"curve s{colour}", plot) for colour, points in enumerate(curves))]

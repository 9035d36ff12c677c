"""Charts as inline SVG: lines, a scatter, a heat map, a bar. No script, no style attribute, colours from the style sheet."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from weft.observe.markup import Markup, raw, tag

COLOURS = 8
SMOOTH_FROM = 40  # a rough series with more points is drawn faintly, with its smoothed course over it
MOST_POINTS = 400
Points = Sequence[tuple[float, float]]

STYLE = raw(
    """
.weft{--ink:#1c2430;--soft:#5d6878;--line:#dfe4ea;--paper:#ffffff;--card:#f6f8fa;--good:#1f7a5c;--bad:#c2483d;
--c0:#2463c5;--c1:#d97706;--c2:#1f8a68;--c3:#b83280;--c4:#6d4bc3;--c5:#0e8ba3;--c6:#a16207;--c7:#64748b;
color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
@media (prefers-color-scheme:dark){.weft{--ink:#e4e9f0;--soft:#98a4b5;--line:#2c3541;--paper:#12171e;--card:#1a212b;--good:#4cc79b;--bad:#f0857b;
--c0:#6ea8ff;--c1:#f5a742;--c2:#4fc9a0;--c3:#f082bd;--c4:#aa8ff5;--c5:#4ec6dd;--c6:#d9b44a;--c7:#9aa8ba}}
.weft svg{display:block;max-width:100%;height:auto}
.weft svg text{fill:var(--soft);font:11px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
.weft svg .name{fill:var(--ink);font-weight:600;font-size:13px}
.weft .grid{stroke:var(--line);stroke-width:1}.weft .mark{stroke:var(--soft);stroke-width:1;stroke-dasharray:3 3}
.weft .curve{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}.weft .faint{opacity:.28;stroke-width:1}
.weft .hit{fill:var(--good)}.weft .miss{fill:var(--bad)}.weft .cell{stroke:var(--paper);stroke-width:1}
.weft svg .count{fill:var(--ink);font-size:11px;font-weight:600}
.weft .track{fill:var(--line)}.weft-charts{display:flex;flex-wrap:wrap;gap:16px}.weft-line{font-variant-numeric:tabular-nums}
"""
    + "".join(f".weft .s{i}{{stroke:var(--c{i})}}.weft .d{i}{{fill:var(--c{i})}}" for i in range(COLOURS))
)


def line_chart(
    title: str, series: Mapping[str, Points], width: int = 520, height: int = 260, marks: Sequence[tuple[float, str]] = (), fixed: bool = False
) -> Markup:
    """Curves over steps, one for each name of ``series``; ``marks`` are vertical lines with a word (a stage's beginning).

    As wide as its place, or of ``width`` when ``fixed``. Points that are not finite break the curve.
    The vertical axis is logarithmic when positive values span more than a factor of 50.
    """
    drawn = {name: [(x, y) for x, y in points] for name, points in series.items()}
    finite = [(x, y) for points in drawn.values() for x, y in points if math.isfinite(x) and math.isfinite(y)]
    if not finite:
        return empty(title, width, height)
    ys = [y for _, y in finite]
    log = min(ys) > 0 and max(ys) / min(ys) > 50
    plot = Plot(width, height, (min(x for x, _ in finite), max(x for x, _ in finite)), (min(ys), max(ys)), log, top=34 + 16 * ((len(drawn) + 2) // 3))
    parts: list[Markup] = [text(plot.left, 16, title + (" (log scale)" if log else ""), "name")]
    parts += legend(drawn, plot)
    parts += plot.axes()
    for x, word in marks:
        parts.append(tag("line", {"class": "mark", "x1": plot.x(x), "x2": plot.x(x), "y1": plot.top, "y2": plot.bottom}))
        parts.append(text(plot.x(x) + 3, plot.top + 10, word))
    for number, (name, points) in enumerate(drawn.items()):
        parts += curve(points, name, number % COLOURS, plot)
    return svg(width, height, title, parts, fixed)


class Plot:
    """The rectangle between the axes and the two scales."""

    def __init__(self, width: int, height: int, xs: tuple[float, float], ys: tuple[float, float], log: bool, top: float = 34) -> None:
        self.log = log
        low, high = (math.log10(ys[0]), math.log10(ys[1])) if log else ys
        room = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
        self.xs, self.ys = (xs[0], xs[1] if xs[1] > xs[0] else xs[0] + 1), (low - room, high + room)
        self.left, self.right, self.top, self.bottom = 52.0, width - 14.0, float(top), height - 26.0

    def x(self, value: float) -> float:
        return round(self.left + (value - self.xs[0]) / (self.xs[1] - self.xs[0]) * (self.right - self.left), 1)

    def y(self, value: float) -> float:
        value = math.log10(value) if self.log else value
        return round(self.bottom - (value - self.ys[0]) / (self.ys[1] - self.ys[0]) * (self.bottom - self.top), 1)

    def axes(self) -> list[Markup]:
        parts = []
        rows = log_ticks(*self.ys) if self.log else ticks(*self.ys, 4)
        for value in rows:
            parts.append(tag("line", {"class": "grid", "x1": self.left, "x2": self.right, "y1": self.y(value), "y2": self.y(value)}))
            parts.append(text(self.left - 6, self.y(value) + 4, label(value), anchor="end"))
        for value in ticks(*self.xs, 5):
            parts.append(text(self.x(value), self.bottom + 16, label(value), anchor="middle"))
        return parts


def curve(points: Points, name: str, colour: int, plot: Plot) -> list[Markup]:
    """One series: with a dot for each point when it is short; when it is long and rough, faint with its smoothed course over it."""
    rough = is_rough(points)
    points = thin(points, MOST_POINTS)
    if len(points) > SMOOTH_FROM and not rough:
        return [path(points, f"curve s{colour}", plot)]
    if len(points) > SMOOTH_FROM:
        return [path(points, f"curve faint s{colour}", plot), path(smooth(points), f"curve s{colour}", plot)]
    parts = [path(points, f"curve s{colour}", plot)]
    for x, y in points:
        if math.isfinite(y):
            parts.append(
                tag("circle", {"class": f"d{colour}", "cx": plot.x(x), "cy": plot.y(y), "r": 2.5}, tag("title", {}, f"{name}: {y:.5g} at {label(x)}"))
            )
    return parts


def path(points: Points, style: str, plot: Plot) -> Markup:
    """The line through points; those that are not finite interrupt it."""
    steps, pen = [], "M"
    for x, y in points:
        if not math.isfinite(y) or (plot.log and y <= 0):
            pen = "M"
            continue
        steps.append(f"{pen}{plot.x(x)} {plot.y(y)}")
        pen = "L"
    return tag("path", {"class": style, "d": " ".join(steps)})


def legend(series: Mapping[str, Points], plot: Plot) -> list[Markup]:
    """A coloured square, the name and the last value of each series, three in a row."""
    parts = []
    column = (plot.right - plot.left) / 3
    for number, (name, points) in enumerate(series.items()):
        x, y = plot.left + (number % 3) * column, 34 + 16 * (number // 3)
        last = next((f" {value:.4g}" for _, value in reversed(points) if math.isfinite(value)), "")
        parts.append(tag("rect", {"class": f"d{number % COLOURS}", "x": x, "y": y - 8, "width": 9, "height": 9, "rx": 2}))
        parts.append(text(x + 14, y, cut(name, 18) + last, title=name))
    return parts


def is_rough(points: Points) -> bool:
    """Whether a series goes up and down like a measurement; a learning rate does not, and smoothing would only falsify it."""
    ys = [y for _, y in points if math.isfinite(y)]
    moves = [b - a for a, b in pairwise(ys) if b != a]
    turns = sum((a > 0) != (b > 0) for a, b in pairwise(moves))
    return turns > len(moves) / 10


def smooth(points: Points, weight: float = 0.9) -> list[tuple[float, float]]:
    """Exponentially weighted means, corrected for the start."""
    result, total, mass = [], 0.0, 0.0
    for x, y in points:
        if math.isfinite(y):
            total, mass = weight * total + (1 - weight) * y, weight * mass + (1 - weight)
        result.append((x, total / mass if mass else math.nan))
    return result


def thin(points: Points, most: int) -> list[tuple[float, float]]:
    """At most ``most`` points: means of equal groups of neighbours."""
    if len(points) <= most:
        return list(points)
    result = []
    for part in range(most):
        group = points[part * len(points) // most : (part + 1) * len(points) // most]
        values = [y for _, y in group if math.isfinite(y)]
        result.append((group[-1][0], sum(values) / len(values) if values else math.nan))
    return result


def heat_map(counts: Sequence[Sequence[float]], names: Sequence[str]) -> Markup:
    """A confusion matrix: rows are the truth, columns the answer; a row's colour is its share, right ones in another colour than wrong ones."""
    size, longest = len(names), max(len(cut(name, 14)) for name in names)
    cell = max(14, min(44, 600 // size))
    left, top = 26 + 6.4 * longest, 22
    bottom, right = top + size * cell, left + size * cell
    slanted = 6.4 * longest > cell
    parts = [text(left, 12, "truth ↓   answer →")]
    for i, name in enumerate(names):
        middle = (i + 0.5) * cell
        parts.append(text(left - 8, top + middle + 4, cut(name, 14), anchor="end", title=name))
        x, y = round(left + middle, 1), bottom + 16
        turn = f"rotate(-45 {x} {y})" if slanted else None
        parts.append(text(x, y, cut(name, 14), anchor="end" if slanted else "middle", transform=turn, title=name))
    for i, row in enumerate(counts):
        total = sum(row) or 1
        for j, count in enumerate(row):
            share = count / total
            opacity = round(0.06 + 0.84 * (share if i == j else min(1.0, share * 3)), 3) if count else 0.04
            place = {"x": left + j * cell, "y": top + i * cell, "width": cell, "height": cell, "rx": 3}
            words = f"truth {names[i]}, answer {names[j]}: {count:g} ({share:.1%})"
            parts.append(tag("rect", {"class": "cell " + ("hit" if i == j else "miss"), "fill-opacity": opacity} | place, tag("title", {}, words)))
            if cell >= 22 and count:
                parts.append(text(left + (j + 0.5) * cell, top + (i + 0.5) * cell + 4, f"{count:g}", "count", anchor="middle"))
    return svg(round(right + 10), round(bottom + 26 + (4.6 * longest if slanted else 0)), "confusion matrix", parts, fixed=True)


def scatter(title: str, points: Points, across: str = "truth", up: str = "answer", width: int = 460, height: int = 400) -> Markup:
    """Answers over truths, with the line where both agree."""
    points = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    if not points:
        return empty(title, width, height)
    low, high = min(min(p) for p in points), max(max(p) for p in points)
    plot = Plot(width, height, (low, high), (low, high), log=False)
    parts = [text(plot.left, 16, title, "name"), *plot.axes()]
    parts.append(tag("line", {"class": "mark", "x1": plot.x(low), "y1": plot.y(low), "x2": plot.x(high), "y2": plot.y(high)}))
    parts += [
        tag(
            "circle",
            {"class": "d0", "cx": plot.x(x), "cy": plot.y(y), "r": 2.5, "fill-opacity": 0.5},
            tag("title", {}, f"{across} {x:.5g}, {up} {y:.5g}"),
        )
        for x, y in points
    ]
    parts += [text(plot.right, plot.bottom - 6, f"{across} →", anchor="end"), text(plot.left + 4, plot.top + 6, f"↑ {up}")]
    return svg(width, height, title, parts)


def bar(share: float, width: int = 90) -> Markup:
    """A share from 0 to 1 as a bar in a table's cell."""
    filled = round(width * min(1.0, max(0.0, share)), 1) if math.isfinite(share) else 0
    parts = [
        tag("rect", {"class": "track", "width": width, "height": 8, "rx": 4}),
        tag("rect", {"class": "d0", "width": filled, "height": 8, "rx": 4}),
    ]
    return svg(width, 8, f"{share:.1%}", parts, fixed=True)


def svg(width: float, height: float, title: str, parts: Sequence[Markup], fixed: bool = False) -> Markup:
    """A drawing with its coordinates; as wide as its place, or of fixed width."""
    size = {
        "viewBox": f"0 0 {width} {height}",
        "width": width if fixed else "100%",
        "role": "img",
        "aria-label": title,
        "xmlns": "http://www.w3.org/2000/svg",
    }
    return tag("svg", size, *parts)


def text(
    x: float, y: float, content: str, style: str | None = None, anchor: str | None = None, transform: str | None = None, title: str | None = None
) -> Markup:
    """A word in a drawing; ``title`` shows the whole of one that was cut."""
    attributes = {"x": round(x, 1), "y": round(y, 1), "class": style, "text-anchor": anchor, "transform": transform}
    return tag("text", attributes, content, tag("title", {}, title) if title is not None and title != content else None)


def empty(title: str, width: int, height: int) -> Markup:
    """A chart of nothing, which says so."""
    return svg(width, height, title, [text(52, 16, title, "name"), text(52, 60, "no finite value")])


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers between ``low`` and ``high``.

    >>> ticks(0.0, 1.0, 4)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    span = high - low
    if not span > 0 or not math.isfinite(span):
        return [low]
    step = 10.0 ** math.floor(math.log10(span / about))
    step *= next((m for m in (1, 2, 5) if span / (step * m) <= about + 1.5), 10)
    digits = max(0, 2 - math.floor(math.log10(step)))
    return [round(number * step, digits) for number in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers between ten to the power of ``low`` and of ``high``: 1, 2 and 5 in every decade, or powers of ten when there are many.

    >>> log_ticks(-0.1, 1.1)
    [1.0, 2.0, 5.0, 10.0]
    """
    every = max(1, math.ceil((high - low) / 6))
    factors = (1, 2, 5) if high - low < 1.7 else (1, 3) if high - low < 2.6 else (1,)
    powers = [power for power in range(math.floor(low), math.ceil(high) + 1) if power % every == 0]
    return [value for power in powers for factor in factors if low <= math.log10(value := float(f"{factor}e{power}")) <= high]


def label(value: float) -> str:
    """A short number for an axis.

    >>> label(0.25), label(1200), label(2_500_000), label(1e-05)
    ('0.25', '1,200', '2.5M', '1e-05')
    """
    if abs(value) >= 1e6:
        return f"{value / 1e6:g}M"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def cut(name: str, most: int) -> str:
    """At most ``most`` letters."""
    return name if len(name) <= most else name[: most - 1] + "…"

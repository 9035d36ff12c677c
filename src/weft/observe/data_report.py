"""The page about a data set: counts, balance, a grid of examples, distributions and what is wrong, in one HTML file that runs nothing."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from weft.observe import charts
from weft.observe.markup import Markup, tag
from weft.observe.page import page, section
from weft.observe.sections import cell, number, show, table

MOST = 300  # problems of one kind that are listed
MOST_CLASSES = 60
MOST_COLUMNS = 60


def write_data_report(inspection: Any, path: str | Path) -> Path:
    """Write what ``weft.data.inspect`` found as one HTML file and return its path.

    Inline style and SVG only, no script, no other address; file names, classes and samples are escaped. Pictures of the grid are read
    again and embedded small. Written aside and renamed. Raises FileNotFoundError for a folder that is not there.

    >>> import tempfile, weft.data
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.csv").write_text("x,label\\n1,a\\n2,b\\n")
    >>> "<script" in write_data_report(weft.data.inspect(folder / "a.csv"), folder / "report.html").read_text()
    False
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {str(target.parent)!r} to write {target.name} into.")
    root = Path(inspection.path)
    parts: list[Markup | None] = [headline(inspection), advised(inspection), problems(inspection)]
    parts += [balance(inspection), gallery(inspection, root), distributions(inspection)]
    text = page(f"Data: {root.name or root}", [part for part in parts if part is not None], what="Report of data")
    aside = target.with_name(target.name + ".new")
    aside.write_text(text, encoding="utf-8", errors="replace")
    os.replace(aside, target)
    return target


def headline(inspection: Any) -> Markup:
    """Counts as large numbers."""
    found = inspection.problems.counts
    values = dict(inspection.counts) | {"problems": sum(found.values())}
    if inspection.classes:
        values["classes"] = len(inspection.classes)
    shown = [tag("div", {"class": "tile"}, tag("b", {}, f"{value:,}"), tag("span", {}, name)) for name, value in values.items()]
    return section(f"{inspection.path}: {inspection.kind}", tag("div", {"class": "tiles"}, *shown))


def advised(inspection: Any) -> Markup | None:
    """What to do about it."""
    if not inspection.advice:
        return None
    return section("Advice", tag("ul", {}, *(tag("li", {}, text) for text in inspection.advice)))


def problems(inspection: Any) -> Markup:
    """Each kind of problem with its places."""
    found = inspection.problems
    if not found.counts:
        return section("Problems", tag("p", {}, "None found."))
    parts: list[Markup] = []
    for kind in dict.fromkeys(problem.kind for problem in found.sorted()):
        group, total = found.of(kind), found.counts[kind]
        parts.append(tag("h3", {}, f"{kind} ({group[0].severity}, {total:,})"))
        parts.append(table(["where", "what"], [(str(one).removesuffix(one.message).removesuffix(": "), one.message) for one in group[:MOST]]))
        if total > MOST:
            names = [problem.file for problem in group[MOST:]]
            parts.append(tag("p", {"class": "soft"}, f"… and {total - MOST:,} more: " + ", ".join(dict.fromkeys(name for name in names if name))))
    return section(f"Problems ({sum(found.counts.values()):,})", *parts)


def balance(inspection: Any) -> Markup | None:
    """Records in each class and split."""
    parts = []
    for title, group in (("class", inspection.classes), ("split", inspection.splits)):
        if group:
            total, most = sum(group.values()), max(group.values())
            order = sorted(group.items(), key=lambda item: -item[1])[:MOST_CLASSES]
            rows = [(name, count, f"{count / total:.1%}", tag("td", {"class": "bar"}, charts.bar(count / most))) for name, count in order]
            parts.append(table([title, "records", "share", ""], rows))
            parts += [tag("p", {"class": "soft"}, f"… and {len(group) - MOST_CLASSES:,} more")] if len(group) > MOST_CLASSES else []
    return section("Balance", *parts) if parts else None


def gallery(inspection: Any, root: Path) -> Markup | None:
    """A grid of pictures, texts and sounds, or the first rows of a table."""
    examples = inspection.examples
    if not examples:
        return None
    if "file" not in examples[0]:
        names = list(dict.fromkeys(name for example in examples for name in example))[:MOST_COLUMNS]
        rows = [[cell("" if example.get(name) is None else example[name]) for name in names] for example in examples]
        return section("First rows", table(names, rows))
    figures = []
    for example in examples:
        drawn = shown(example, root)
        if drawn is not None:
            label = [tag("em", {}, example["label"]), " · "] if example.get("label") else []
            figures.append(tag("figure", {}, drawn, tag("figcaption", {}, *label, example["file"])))
    return section("Examples", tag("div", {"class": "records"}, *figures)) if figures else None


def shown(example: Mapping[str, Any], root: Path) -> Markup | None:
    """One example: a picture read again, a text, or the shape of a sound; None for a member of an archive, which has no file of its own."""
    from weft.data import read_image

    file = root / example["file"] if root.is_dir() else root
    try:
        if example["kind"] == "text":
            return show(example["text"])
        if not file.is_file():
            return None
        return show(read_image(file)) if example["kind"] == "picture" else wave(file)
    except (ValueError, OSError):  # it may have been changed since it was examined
        return None


def wave(file: Path) -> Markup:
    """The course of the loudest samples over time."""
    from weft.data.audio.wav import wav_blocks, wav_info

    info = wav_info(file)
    size = max(1, math.ceil(info.frames / 120))
    peaks = [float(block.abs().max()) for block in wav_blocks(file, size) if block.numel()]
    bars = []
    for i, peak in enumerate(peaks):
        bars.append(tag("rect", {"class": "d0", "x": i, "y": round(24 - 23 * peak, 1), "width": 0.8, "height": round(46 * peak + 1, 1)}))
    return charts.svg(120, 48, f"{info.seconds:.2f} s", bars)


def distributions(inspection: Any) -> Markup | None:
    """A histogram of each number and the frequent values of each category."""
    drawn, rows = [], []
    for name, summary in list(inspection.columns.items())[:MOST_COLUMNS]:
        rows.append((name, summary["kind"], f"{summary['count']:,}", f"{summary['missing']:,}", str(summary.get("distinct", "")), spread(summary)))
        if "histogram" in summary and summary["min"] < summary["max"]:
            drawn.append(histogram(name, summary["histogram"]["edges"], summary["histogram"]["counts"]))
    if not rows:
        return None
    left = len(inspection.columns) - MOST_COLUMNS
    more = tag("p", {"class": "soft"}, f"… and {left:,} more") if left > 0 else None
    head = ["column" if "rows" in inspection.counts else "measure", "kind", "values", "missing", "distinct", "spread"]
    return section("Distributions", table(head, rows), more, tag("div", {"class": "charts"}, *drawn) if drawn else None)


def spread(summary: Mapping[str, Any]) -> str:
    """The range of numbers, or the most frequent values."""
    if "mean" in summary:
        return f"{number(summary['min'])} … {number(summary['max'])}, mean {number(summary['mean'])}, deviation {number(summary['std'])}"
    values = list(summary.get("values", {}).items())[:5]
    return ", ".join(f"{charts.cut(value, 24)} ({count:,})" for value, count in values) + (" …" if len(summary.get("values", {})) > 5 else "")


def histogram(title: str, edges: Sequence[float], counts: Sequence[int], width: int = 520, height: int = 180) -> Markup:
    """Bars over the edges of their bins."""
    plot = charts.Plot(width, height, (edges[0], edges[-1]), (0.0, float(max(counts))), log=False)
    parts = [charts.text(plot.left, 16, charts.cut(title, 60), "name", title=title), *plot.axes()]
    for count, low, high in zip(counts, edges, edges[1:], strict=False):
        x, y = plot.x(low), plot.y(float(count))
        place = {"x": x, "y": y, "width": round(max(0.5, plot.x(high) - x - 1), 1), "height": round(max(0.0, plot.y(0.0) - y), 1)}
        words = f"{number(low)} to {number(high)}: {count:,}"
        parts.append(tag("rect", {"class": "d0"} | place, tag("title", {}, words)))
    return charts.svg(width, height, title, parts)

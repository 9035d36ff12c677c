"""The parts of a report. Each returns its section, or None when there is nothing to show."""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from weft.observe import charts
from weft.observe.markup import Markup, tag
from weft.observe.metrics_file import FIXED
from weft.observe.outcome import Outcome
from weft.observe.page import section

MOST_CLASSES = 40  # a larger confusion matrix is shown as its most frequent confusions
PIXELS = 320  # longest side of an embedded picture
LETTERS = 2000  # of a sample text
SCATTERED = 2000  # points of a scatter


def headline(values: Mapping[str, Any]) -> Markup | None:
    """The results as large numbers."""
    if not values:
        return None
    tiles = [tag("div", {"class": "tile"}, tag("b", {}, number(value)), tag("span", {}, name)) for name, value in values.items()]
    return section("Results", tag("div", {"class": "tiles"}, *tiles))


def call(spec: Mapping[str, Any], folder: Path) -> Markup | None:
    """The command that makes this run again, and every argument with its value; what is None was not used and is left out."""
    if not spec:
        return None
    arguments = spec.get("args") if isinstance(spec.get("args"), Mapping) else {key: value for key, value in spec.items() if key != "name"}
    assert isinstance(arguments, Mapping)
    arguments = {key: value for key, value in arguments.items() if value is not None}
    line = " ".join(["weft run", str(spec.get("name", "")), *(f"{key}={quoted(value)}" for key, value in arguments.items())])
    rest = {key: value for key, value in spec.items() if key not in ("name", "args")} if isinstance(spec.get("args"), Mapping) else {}
    return section(
        "Call", tag("pre", {}, line), keys(arguments), keys(rest) if rest else None, tag("p", {"class": "soft"}, f"Directory: {folder.resolve()}")
    )


def curves(rows: Sequence[Mapping[str, Any]]) -> Markup | None:
    """Losses, learning rates and metrics over the steps of all stages; a training value and its evaluation share a chart."""
    series, marks = over_steps(rows)
    families: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for name, points in series.items():
        family = "learning rate" if name == "lr" or name.startswith("lr/") else name.rsplit("/", 1)[-1]
        families.setdefault(family, {})[name] = points
    if not families:
        return None
    order = sorted(families, key=lambda family: (family != "loss", "loss" not in family, family == "learning rate", family))
    drawn = [charts.line_chart(family, families[family], marks=marks) for family in order]
    return section("Curves", tag("div", {"class": "charts"}, *drawn))


def over_steps(rows: Sequence[Mapping[str, Any]]) -> tuple[dict[str, list[tuple[float, float]]], list[tuple[float, str]]]:
    """Points by name, with the steps of later stages put behind the earlier ones, and where each stage begins (when there are several)."""
    series: dict[str, list[tuple[float, float]]] = {}
    marks: list[tuple[float, str]] = []
    begin = end = 0.0
    stage = None
    for row in rows:
        if row.get("stage", "") != stage:
            stage, begin = row.get("stage", ""), end
            marks.append((begin, str(stage)))
        end = max(end, begin + float(row.get("step", 0)))
        for name, value in row.items():
            if name not in FIXED and isinstance(value, (int, float)) and not isinstance(value, bool):
                series.setdefault(name, []).append((begin + float(row.get("step", 0)), float(value)))
    return series, marks if len(marks) > 1 else []


def confusion(outcome: Outcome) -> Markup:
    """The confusion matrix, or the most frequent confusions when there are many classes."""
    counts = outcome.confusion()
    title = f"Confusion matrix ({outcome.name}, {len(outcome.target):,} samples)"
    if len(outcome.classes) <= MOST_CLASSES:
        return section(title, tag("div", {"class": "wide"}, charts.heat_map(counts, outcome.classes)))
    pairs = [(count, i, j) for i, row in enumerate(counts) for j, count in enumerate(row) if i != j and count]
    rows = [(outcome.classes[i], outcome.classes[j], count) for count, i, j in sorted(pairs, reverse=True)[:30]]
    return section(
        title,
        tag("p", {"class": "soft"}, f"{len(outcome.classes)} classes; the most frequent confusions:"),
        table(["truth", "answer", "count"], rows),
    )


def per_class(outcome: Outcome, most: int = 200) -> Markup:
    """Precision, recall, F1 and support, the worst class first."""
    rows = []
    for row in sorted(outcome.per_class(), key=lambda row: -1.0 if math.isnan(row["f1"]) else row["f1"])[:most]:
        rows.append((row["class"], row["precision"], row["recall"], row["f1"], tag("td", {"class": "bar"}, charts.bar(row["f1"])), row["support"]))
    return section("Per class", table(["class", "precision", "recall", "F1", "", "samples"], rows))


def mistakes(outcome: Outcome) -> Markup | None:
    """The worst answers, each with its raw record."""
    figures = []
    for position in outcome.worst():
        record = outcome.record(position)
        if outcome.classes:
            answer = int(outcome.answer[position])
            share = float(outcome.probabilities[position, answer])
            words = [
                tag("b", {}, outcome.classes[answer]),
                f" ({share:.0%}) instead of ",
                tag("em", {}, outcome.classes[int(outcome.target[position])]),
            ]
        else:
            words = [tag("b", {}, values(outcome.output[position])), " instead of ", tag("em", {}, values(outcome.target[position]))]
        where = "" if outcome.index is None else f" · {named(record, int(outcome.index[position]))}"
        figures.append(tag("figure", {}, show_record(record), tag("figcaption", {}, *words, where)))
    if not figures:
        return None
    return section("Worst mistakes" if outcome.classes else "Largest errors", tag("div", {"class": "records"}, *figures))


def agreement(outcome: Outcome) -> Markup:
    """Answers over truths of a regression."""
    target, output = outcome.target.reshape(-1).tolist(), outcome.output.reshape(-1).tolist()
    every = max(1, len(target) // SCATTERED)
    errors = (outcome.output - outcome.target).double()
    spread = (outcome.target.double() - outcome.target.double().mean(0)).square().sum()
    tiles = {"mean absolute error": float(errors.abs().mean()), "root mean squared error": float(errors.square().mean().sqrt())}
    if float(spread) > 0:
        tiles["R²"] = 1 - float(errors.square().sum() / spread)
    figures = [tag("div", {"class": "tile"}, tag("b", {}, number(value)), tag("span", {}, name)) for name, value in tiles.items()]
    drawn = charts.scatter(f"answers over truths ({outcome.name})", list(zip(target, output, strict=True))[::every])
    return section(
        f"Agreement ({outcome.name}, {len(outcome.target):,} samples)",
        tag("div", {"class": "charts"}, drawn, tag("div", {"class": "tiles"}, *figures)),
    )


def gallery(samples: Mapping[str, Any]) -> Markup | None:
    """Samples that the method made: pictures and texts."""
    if not samples:
        return None
    figures = [tag("figure", {}, show(value), tag("figcaption", {}, name)) for name, value in samples.items()]
    return section("Samples", tag("div", {"class": "records big"}, *figures))


def environment(values: Mapping[str, Any]) -> Markup | None:
    """Versions, code and hardware."""
    known = {name: value for name, value in values.items() if value is not None}
    return section("Environment", keys(known)) if known else None


def keys(values: Mapping[str, Any]) -> Markup:
    """Names and values; nested ones follow each other, empty ones are left out."""

    def shown(value: Any) -> str:
        return " · ".join(f"{name} {plain(item)}" for name, item in value.items()) if isinstance(value, Mapping) else plain(value)

    full = {name: value for name, value in values.items() if value != [] and value != {}}
    rows = [tag("tr", {}, tag("th", {"scope": "row"}, name), tag("td", {}, tag("code", {}, shown(value)))) for name, value in full.items()]
    return tag("div", {"class": "wide"}, tag("table", {"class": "keys"}, *rows))


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> Markup:
    """A table; numbers are set to the right, ready cells are taken as they are."""
    numeric = [bool(rows) and isinstance(rows[0][column], (int, float)) for column in range(len(head))]
    top = tag("tr", {}, *(tag("th", {"class": "number" if right else None, "scope": "col"}, name) for name, right in zip(head, numeric, strict=True)))
    body = [tag("tr", {}, *(value if isinstance(value, Markup) else cell(value) for value in row)) for row in rows]
    return tag("div", {"class": "wide"}, tag("table", {}, top, *body))


def cell(value: Any) -> Markup:
    """One cell; a number is set to the right."""
    return tag("td", {"class": "number"}, number(value)) if isinstance(value, (int, float)) else tag("td", {}, value)


def show_record(record: Any) -> Markup | None:
    """A raw record to look at: its picture, its text, or its fields. What cannot be drawn is said instead of failing the report."""
    if record is None:
        return None
    fields = record if isinstance(record, Mapping) else {"record": record}
    for key in ("image", "input", "text"):
        if key in fields:
            value = fields[key]
            if key == "text" or (isinstance(value, str) and key == "input"):
                return show(str(value))
            drawn = picture_of(value)
            if drawn is not None:
                return drawn
    return tag("pre", {}, "\n".join(f"{key}: {plain(value)}" for key, value in fields.items())[:LETTERS])


def picture_of(value: Any) -> Markup | None:
    """An embedded picture of a path, array, tensor or image; None for what is not one."""
    from weft.data import read_image
    from weft.observe.look import tensor_image

    try:
        if hasattr(value, "__array__") and not isinstance(value, Image.Image):
            return show(tensor_image(value))
        return show(read_image(value)) if isinstance(value, (Path, bytes, Image.Image)) else None
    except (ValueError, TypeError, OSError):
        return None


def show(value: Any) -> Markup:
    """A picture as PNG inside the page, or a text."""
    if not isinstance(value, Image.Image):
        words = str(value)
        return tag("pre", {}, words if len(words) <= LETTERS else words[:LETTERS] + " …")
    picture = value.convert("RGBA" if value.mode in ("RGBA", "LA", "P") else "L" if value.mode == "L" else "RGB")
    picture.thumbnail((PIXELS, PIXELS))
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    data = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    return tag(
        "img", {"src": data, "alt": "", "class": "small" if max(picture.size) < 96 else None, "width": picture.width, "height": picture.height}
    )


def named(record: Any, index: int) -> str:
    """A record's own name, or its number."""
    for key in ("path", "name", "id"):
        if isinstance(record, Mapping) and isinstance(record.get(key), (str, Path)):
            return str(record[key])
    return f"record {index}"


def number(value: Any) -> str:
    """A number in few digits."""
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else "–" if math.isnan(value) else str(value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def values(tensor: Any) -> str:
    """The first values of a tensor, as text."""
    return ", ".join(f"{value:.4g}" for value in tensor.reshape(-1).tolist()[:8])


def plain(value: Any) -> str:
    """Any value as text; an array by its shape."""
    if isinstance(value, (str, Path)):
        return str(value)
    if getattr(value, "ndim", 0):
        return f"{type(value).__name__} {tuple(value.shape)}"
    return json.dumps(value, default=str, ensure_ascii=False)


def quoted(value: Any) -> str:
    """An argument as a shell would read it."""
    import shlex

    return shlex.quote(value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False))

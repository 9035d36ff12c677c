"""The report of a run: one HTML file that needs nothing else and runs nothing."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from weft.observe import sections
from weft.observe.logs import unjson
from weft.observe.markup import Markup
from weft.observe.metrics_file import read_metrics
from weft.observe.outcome import Outcome
from weft.observe.page import page

NAME = "report.html"


def write_report(run: Any, outcomes: Sequence[Outcome] = (), *, title: str | None = None, samples: Mapping[str, Any] | None = None) -> Path:
    """Write ``report.html`` into the run's directory and return its path.

    ``run``: a ``Run`` or its directory. ``outcomes``: answers on held-out data (``collect``), for the confusion matrix, the table per class, the
    worst mistakes as raw records, or the scatter of a regression. ``samples``: a caption for each picture (PIL) or text that the method made; those
    that the ``Samples`` listener wrote are shown too.

    The page is one file with inline style and SVG. It names no other address, holds no script, and its content policy forbids both; class names,
    file names, samples and values are escaped. Written aside and renamed.
    """
    folder = Path(getattr(run, "path", run))
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a run's directory, so no report can be written there.")
    spec, result, around = (read(folder / f"{name}.json") for name in ("spec", "result", "environment"))
    rows = read_metrics(folder / "metrics.jsonl")
    parts: list[Markup | None] = [sections.headline(headlines(result, rows)), sections.call(spec, folder), sections.curves(rows)]
    for outcome in outcomes:
        parts += classification(outcome) if outcome.classes else regression(outcome)
    parts += [sections.gallery(gallery(folder, samples or {})), sections.environment(around)]
    name = title or str(spec.get("name") or folder.resolve().name)
    target = folder / NAME
    aside = target.with_name(NAME + ".new")
    aside.write_text(page(name, [part for part in parts if part is not None]), encoding="utf-8")
    os.replace(aside, target)
    return target


def classification(outcome: Outcome) -> list[Markup | None]:
    """The sections of a classification."""
    return [sections.confusion(outcome), sections.per_class(outcome), sections.mistakes(outcome)]


def regression(outcome: Outcome) -> list[Markup | None]:
    """The sections of a regression."""
    return [sections.agreement(outcome), sections.mistakes(outcome)]


def headlines(result: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The numbers of ``result.json``; without one, the last value of each metric."""
    named = {name.removeprefix("metrics."): unjson(value) for name, value in flat(result).items()}
    found = {name: value for name, value in named.items() if isinstance(value, (int, float)) and not isinstance(value, bool)}
    if found:
        return found
    last: dict[str, Any] = {}
    for row in rows:
        last |= {name: value for name, value in row.items() if "/" in name and not name.startswith("lr/")}
    return {name: value for name, value in last.items() if isinstance(value, (int, float)) and not math.isnan(value)}


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested names joined with dots."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found


def gallery(folder: Path, given: Mapping[str, Any], most: int = 12) -> dict[str, Any]:
    """The given samples, and the last that the ``Samples`` listener wrote: pictures opened, texts read."""
    from weft.data import read_image

    shown = dict(given)
    root = folder / "samples"
    files = sorted(
        (file for file in root.rglob("*") if file.suffix in (".png", ".txt") and file.is_file()), key=lambda file: (file.stat().st_mtime, file.name)
    )
    for file in files[-most:]:
        name = file.relative_to(root).as_posix()
        if file.suffix == ".txt":
            shown[name] = file.read_text(encoding="utf-8", errors="replace")
        else:
            shown[name] = read_image(file)
    return shown


def read(path: Path) -> dict[str, Any]:
    """A JSON object, or an empty one where there is no file; ValueError names a broken file."""
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not valid JSON ({error}); restore it or remove it.") from error
    if not isinstance(value, dict):
        raise ValueError(f"{path} holds a {type(value).__name__}, expected a JSON object.")
    return value

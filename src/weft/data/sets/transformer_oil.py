"""The load and oil temperature of an electricity transformer."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import numpy as np

from weft.data.arrays import Arrays
from weft.data.sets.published import fetch
from weft.data.text_file import read_text

COLUMNS = ("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT")
MONTH = 30 * 24
PARTS = {"train": (0, 12 * MONTH), "val": (12 * MONTH, 16 * MONTH), "test": (16 * MONTH, 20 * MONTH), "all": (0, None)}


def etth1(part: str = "train", *, download: bool = False) -> Arrays:
    """ETTh1: hourly loads and oil temperature of a transformer: ``values`` (N, 7) float32 (``COLUMNS``), ``time`` (N,) int64 seconds since 1970.

    ``part`` "train", "val", "test" are 12, 4 and 4 months of 30 days, as the literature has them; "all" is every hour.

    Zhou et al., 2021, arXiv:2012.07436; CC BY-ND 4.0.

    >>> len(etth1())  # doctest: +SKIP
    8640
    """
    if part not in PARTS:
        raise ValueError(f"part={part!r}; expected {', '.join(map(repr, PARTS))}")
    rows = list(csv.DictReader(io.StringIO(read_text(fetch("ett", download=download) / "ETTh1.csv"))))[slice(*PARTS[part])]
    times = [int(datetime.fromisoformat(row["date"]).replace(tzinfo=UTC).timestamp()) for row in rows]
    return Arrays({"time": np.array(times), "values": np.array([[float(row[name]) for name in COLUMNS] for row in rows], np.float32)})

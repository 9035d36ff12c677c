"""``weft data …``: looking at data before training on it."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import weft
from weft.cli.answers import printable


def inspect(options: Namespace) -> None:
    """What a folder or a file of data holds, and what is wrong with it.

    weft data inspect photos/ --out report.html
    weft data inspect rows.csv --target species
    weft data inspect recordings/ --json

    Counts, classes, distributions, duplicates, leaks between train/, val/ and test/, damaged files, missing and odd values. Problems
    found are no failure of the command."""
    if options.out and Path(options.out).suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"--out {options.out}: expected a file that ends in .html.")
    if options.out and not Path(options.out).parent.is_dir():
        raise FileNotFoundError(f"--out {options.out}: there is no folder {str(Path(options.out).parent)!r}.")
    found = weft.data.inspect(options.path, options.target, near=not options.no_near)
    moved = 0
    if options.out:  # before anything is moved, so that the page shows what it names
        weft.observe.write_data_report(found, options.out)
    if options.quarantine:
        moved = weft.data.quarantine(options.path, found.problems.of("unreadable", "empty"), options.quarantine).count
    if options.json:
        print(json.dumps(found.to_json(), indent=2))
        return
    print(printable(str(found)))
    if options.quarantine:
        print(f"\n{moved:,} files moved to {printable(options.quarantine)}")
    if options.out:
        print(f"\n{options.out}")


def bench(options: Namespace) -> None:
    """How fast data comes on this machine, and which step on its way is the slow one.

    weft data bench photos/
    weft data bench rows.parquet --batch-size 1024 --workers 0 --json

    Pictures are decoded, cut at random, flipped and normalised, as in training; other data is read and put into batches."""
    if options.batch_size < 1 or options.batches < 1 or options.size < 1 or (options.workers is not None and options.workers < 0):
        raise ValueError("--batch-size, --batches and --size are at least 1, --workers at least 0.")
    data = weft.data
    source: Any = data.open_source(options.path)
    picture = isinstance(source[0], dict) and "image" in source[0]
    codec = data.ImageCodec(options.size) if picture else None
    transforms = [data.RawResizedCrop(options.size), data.RandomFlip()] if picture else []
    workers = data.worker_count() if options.workers is None else options.workers
    loader = data.Loader(source, codec, options.batch_size, shuffle=True, transforms=transforms, workers=workers)
    pace, slow = data.measure(loader, options.batches), data.bottleneck(loader, min(options.batches, 5))
    seen = data.survey(loader)
    if options.json:
        found = {"records": len(source), "workers": workers, "survey": seen.to_json(), "pace": pace.to_json(), "bottleneck": slow.to_json()}
        print(json.dumps(found, indent=2))
        return
    print(f"{printable(options.path)}: {len(source):,} records, batches of {options.batch_size}, {workers} workers")
    print(f"{printable(str(seen))}\n{pace}\n{slow}")

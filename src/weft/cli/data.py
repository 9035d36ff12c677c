"""``weft data …``: looking at data before training on it."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

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

"""The ledger, a file a chapter: which rows of the plan exist, where, and which test proves it; and the chapter's known pitfalls, each with
the test that keeps weft out of it. ``docs/generate.py`` makes the page from both."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from ledger.row import Row

CHAPTERS = {path.stem.removeprefix("chapter_"): import_module(f"ledger.{path.stem}") for path in sorted(Path(__file__).parent.glob("chapter_*.py"))}
ROWS: tuple[Row, ...] = tuple(row for chapter in CHAPTERS.values() for row in chapter.ROWS)
PITFALLS: dict[str, tuple[tuple[str, str], ...]] = {name: chapter.PITFALLS for name, chapter in CHAPTERS.items()}

"""The ledger: which rows of the plan exist, where, and which test proves it. ``docs/generate.py`` makes the page from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One row of the plan: its id, what it asks for, the catalogue name or function that answers it, and the test that proves it.

    ``remark`` says where the answer differs from what the row asks for.
    """

    id: str
    what: str
    where: str
    test: str
    remark: str = ""


ROWS: tuple[Row, ...] = ()

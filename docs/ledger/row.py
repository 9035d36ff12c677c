"""What a row of the ledger says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One row of the plan: its id, what it asks for, the catalogue name or function that answers it, and the test that proves it.

    ``missing`` names what the row asks for and is not there yet; a row with something missing is begun, not done.
    """

    id: str
    what: str
    where: str
    test: str
    missing: str = ""

"""Rows and pitfalls of chapter 35."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("35.60", "Signing and verification", "weft.serve:sign", "tests/serve/test_signature.py::test_altered_after_signing_is_refused", "cosign, admission policy"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()

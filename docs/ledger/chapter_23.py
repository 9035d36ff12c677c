"""Rows and pitfalls of chapter 23."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("23.60", "Convolutional text classifier", "model/text_classifier", "tests/models/test_classifier.py::test_learns_a_word_and_an_order", "several widths, frozen embeddings"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()

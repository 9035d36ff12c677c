"""Rows and pitfalls of chapter 16."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("16.8", "Affine quantisation", "surgery/fake_quantize", "tests/surgery/test_fake_quantize.py::test_parity_with_torch", "asymmetric grids, groups"),
    Row("16.13", "Quantization-aware training", "surgery/fake_quantize", "tests/surgery/test_fake_quantize.py::test_parity_with_torch", "activations, folding of batch norm, conversion"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()

"""Rows and pitfalls of chapter 07."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("07.1", "Scaled dot-product attention", "layer/attention", "tests/nn/test_attention.py::test_equals_the_textbook_under_every_mask", "choice of kernel, weights out"),
    Row("07.2", "One mask convention", "layer/attention", "tests/nn/test_attention.py::test_masked_tokens_leave_no_trace", "builders and converters of masks"),
    Row("07.3", "Leak tests", "layer/attention", "tests/nn/test_attention.py::test_causal_attention_leaks_nothing_backwards", "as functions for any sequence model, planted faults"),
    Row("07.4", "Multi-head attention", "layer/attention", "tests/nn/test_attention.py::test_equals_the_textbook_under_every_mask", "separate widths of keys and values"),
    Row("07.6", "Feed-forward variants", "layer/gelu_mlp", "tests/nn/test_feedforward.py::test_gelu_mlp_equals_the_formula", "GLU, ReGLU, GEGLU"),
    Row("07.13", "Decoder-only framework", "model/gpt", "tests/models/test_gpt.py::test_equals_transformers_llama", "import of GPT-2 weights"),
    Row("07.14", "Key/value cache", "weft.nn:KeyValueCache", "tests/models/test_gpt.py::test_cached_decoding_equals_reading_anew", "rolling window, beams"),
    Row("07.16", "Sinusoidal positions", "layer/sinusoidal_positions", "tests/nn/test_positions.py::test_sinusoids_equal_the_formula", "odd widths, growth beyond the table"),
    Row("07.18", "Rotary positions", "layer/rotary_positions", "tests/nn/test_positions.py::test_rotary_equals_complex_multiplication", "NTK and YaRN scaling"),
    Row("07.28", "Weight import for transformers", "model/gpt", "tests/models/test_gpt.py::test_equals_transformers_llama", "as a function of the library; other families"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()

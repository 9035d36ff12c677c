"""Rows and pitfalls of chapter 24."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("24.1", "Attention core", "layer/attention", "tests/nn/test_attention.py::test_equals_the_textbook_under_every_mask", "grouped queries, additive bias, cross-attention, weights out"),
    Row("24.3", "Sinusoidal and learned positions", "layer/sinusoidal_positions", "tests/nn/test_positions.py::test_sinusoids_equal_the_formula", "a learned table, odd widths"),
    Row("24.12", "GPT", "model/gpt", "tests/models/test_gpt.py::test_equals_the_papers_formulas", "learned positions, parity with transformers' GPT-2, an n-gram baseline"),
    Row("24.14", "Modern decoder", "model/gpt", "tests/models/test_gpt.py::test_equals_transformers_llama", "grouped queries"),
    Row("24.34", "Generation", "weft.models.text:generate", "tests/models/test_writer.py::test_a_prompt_gets_the_same_text_in_any_batch", "beams, stop texts, encoder-decoder networks"),
    Row("24.35", "Logits processors", "weft.models.text:sample", "tests/models/test_generation.py::test_sample_draws_from_the_distribution", "all but temperature and top-k"),
    Row("24.37", "Key/value cache", "weft.nn:KeyValueCache", "tests/models/test_gpt.py::test_cached_decoding_equals_reading_anew", "rolling, quantized and paged forms"),
    Row("24.38", "Token streaming", "weft.models.text:generate", "tests/models/test_generation.py::test_streams_and_leaves_the_network_as_it_was", "over HTTP, stop texts, cancelling"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()

"""Rows and pitfalls of chapter 06."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("06.13", "Greedy decoding", "weft.models.text:generate", "tests/models/test_generation.py::test_greedy_equals_reading_the_text_anew", "an end token for each row, scores"),
    Row("06.15", "Decoding by sampling", "weft.models.text:sample", "tests/models/test_generation.py::test_sample_draws_from_the_distribution", "nucleus"),
    Row("06.27", "LSTM language model", "model/lstm_lm", "tests/models/test_lstm_lm.py::test_equals_the_formula", "perplexity against a known source, batches that carry the state"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()

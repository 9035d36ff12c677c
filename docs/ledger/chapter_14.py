"""Rows and pitfalls of chapter 14."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("14.4", "Functional forward", "method/maml", "tests/methods/meta/test_maml.py::test_the_gradient_goes_through_the_inner_steps", "batch norm, as a function for any network"),
    Row("14.5", "MAML", "method/maml", "tests/methods/meta/test_maml.py::test_the_gradient_goes_through_the_inner_steps", "parity with learn2learn"),
    Row("14.7", "Adapt and predict", "method/maml", "tests/methods/meta/test_maml.py::test_predict_adapts_and_forgets", "the adapted network as an object"),
    Row("14.8", "Sinusoids", "method/maml", "tests/recipes/test_sinusoids_maml.py::test_five_steps_are_enough_for_a_new_sinusoid", "the claim after a single step"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()

"""Rows and pitfalls of chapter 04."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("04.1", "Catalogue of parts", "weft.catalogue:list", "tests/catalogue/test_entries.py::test_every_entry_loads_the_thing_its_table_names", "parts of other packages"),
    Row("04.2", "Networks from specs", "weft.catalogue:build", "tests/catalogue/test_spec.py::test_every_model_of_the_catalogue_comes_back_from_its_spec", "blocks from a list of layers, inheritance of specs"),
    Row("04.3", "MLP builder", "model/mlp", "tests/models/test_mlp.py::test_order_of_layers", "presets by name"),
    Row("04.11", "Convolution block", "layer/conv_block", "tests/nn/test_convolution.py::test_conv_block_is_conv_norm_act", "a preset with dropout of channels"),
    Row("04.14", "Feed-forward blocks", "layer/swiglu", "tests/nn/test_feedforward.py::test_swiglu_equals_the_formula", "GLU, ReGLU, GEGLU"),
    Row("04.20", "Activations by name", "weft.nn:activation", "tests/nn/test_activations.py::test_every_name_makes_an_elementwise_function", "the rarer ones, parity in half precision"),
    Row("04.22", "Gated linear units", "layer/swiglu", "tests/nn/test_feedforward.py::test_swiglu_equals_the_formula", "the plain form"),
    Row("04.27", "Multi-head self-attention", "layer/attention", "tests/nn/test_attention.py::test_nothing_to_attend_to_gives_zeros_and_finite_gradients", "weights on demand"),
    Row("04.28", "Initialisers", "weft.nn:initialize", "tests/nn/test_initialization.py::test_spread_is_as_promised", "sparse, dirac, by depth"),
    Row("04.33", "Guarantees for every layer", "tests/contracts/test_networks.py", "tests/contracts/test_networks.py::test_forward_and_backward_reach_every_parameter", "moves between devices"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()

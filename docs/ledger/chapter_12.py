"""Rows and pitfalls of chapter 12."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("12.4", "Freezing", "surgery/freeze", "tests/nn/test_freezing.py::test_a_frozen_part_stays_as_it_is_through_training", "choice by glob, report"),
    Row("12.9", "Layer-wise rates", "optimizer/layerwise", "tests/optim/test_optimizers.py::test_layerwise_rates_follow_the_order", "depth maps by architecture"),
    Row("12.10", "Progressive unfreezing", "surgery/gradual_unfreezing", "tests/surgery/test_unfreeze.py::test_stages_train_what_is_thawed_and_carry_their_state"),
    Row("12.16", "LoRA layer", "surgery/lora", "tests/surgery/test_lora.py::test_at_first_nothing_changes", "rank-stabilised scaling"),
    Row("12.17", "LoRA injection", "surgery/lora", "tests/surgery/test_lora.py::test_layers_can_be_chosen_and_tied_weights_do_not_move", "embeddings, torch's multi-head attention, patterns, a report"),
    Row("12.18", "LoRA life cycle", "surgery/merge_lora", "tests/surgery/test_lora.py::test_merged_layers_are_plain_and_equal", "several named adapters, files of adapters alone"),
    Row("12.22", "Distillation loss", "loss/kl_distillation", "tests/losses/test_divergence.py::test_distillation_equals_torch", "reverse and Jensen-Shannon forms"),
    Row("12.23", "Distillation", "method/distillation", "tests/methods/supervised/test_distillation.py::test_the_teacher_does_not_move", "agreement as a metric"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()

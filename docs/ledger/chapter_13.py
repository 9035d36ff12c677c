"""Rows and pitfalls of chapter 13."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("13.1", "Views for self-supervision", "transform/two_views", "tests/data/transforms/test_two_views.py::test_views_differ_and_repeat", "colour jitter, blur, resized crops, signals, tables"),
    Row("13.4", "SimCLR", "method/simclr", "tests/recipes/test_digits_simclr.py::test_features_of_digits_need_few_labels", "a margin of ten points on generated shapes (proved: five on digits)"),
    Row("13.5", "NT-Xent", "loss/nt_xent", "tests/losses/test_contrastive.py::test_nt_xent_equals_the_double_loop", "more than two views, negatives of other ranks"),
    Row("13.6", "InfoNCE", "loss/info_nce", "tests/losses/test_contrastive.py::test_info_nce_is_cross_entropy_of_similarities", "queue, masks of false negatives, the bound on information"),
    Row("13.8", "Momentum network", "followup/ema", "tests/optim/test_averages.py::test_ema_is_the_weighted_sum"),
    Row("13.10", "BYOL", "method/byol", "tests/methods/contrastive/test_byol.py::test_loss_is_the_distance_of_unit_vectors", "collapse monitor"),
    Row("13.11", "BYOL loss", "method/byol", "tests/methods/contrastive/test_byol.py::test_loss_is_the_distance_of_unit_vectors"),
    Row("13.22", "Linear probe", "weft.methods.contrastive.linear_probe:linear_probe", "tests/methods/contrastive/test_linear_probe.py::test_equals_scikit_learn", "grid of penalties"),
    Row("13.24", "Few labels", "weft.methods.contrastive.linear_probe:linear_probe", "tests/recipes/test_digits_simclr.py::test_features_of_digits_need_few_labels", "shares of labels, full fine-tuning"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()

"""Losses that carry over: from teachers, between domains, from earlier tasks, under attack."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "multi_teacher": "weft.losses.transfer.distillation:multi_teacher",
    "feature_distillation": "weft.losses.transfer.distillation:feature_distillation",
    "attention_transfer": "weft.losses.transfer.distillation:attention_transfer",
    "relational_distances": "weft.losses.transfer.distillation:relational_distances",
    "relational_angles": "weft.losses.transfer.distillation:relational_angles",
    "mean_discrepancy": "weft.losses.transfer.domains:mean_discrepancy",
    "correlation_alignment": "weft.losses.transfer.domains:correlation_alignment",
    "canonical_correlation": "weft.losses.transfer.domains:canonical_correlation",
    "domain_confusion": "weft.losses.transfer.domains:domain_confusion",
    "answer_entropy": "weft.losses.transfer.domains:answer_entropy",
    "pseudo_label": "weft.losses.transfer.domains:pseudo_label",
    "trades": "weft.losses.transfer.robust:trades",
    "adversarial_mix": "weft.losses.transfer.robust:adversarial_mix",
}
KIND = "loss"
EXTRA = {
    "FeatureAdapter": "weft.losses.transfer.distillation:FeatureAdapter",
    "PathImportance": "weft.losses.transfer.anchors:PathImportance",
    "attacked": "weft.losses.transfer.robust:attacked",
    "domain_classes": "weft.losses.transfer.domains:domain_classes",
    "fisher_diagonal": "weft.losses.transfer.anchors:fisher_diagonal",
    "snapshot": "weft.losses.transfer.anchors:snapshot",
    "standardised": "weft.losses.transfer.distillation:standardised",
    "weight_anchor": "weft.losses.transfer.anchors:weight_anchor",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)
# losses whose items depend on the rest of the batch
COUPLING = ("relational_distances", "relational_angles", "mean_discrepancy", "correlation_alignment", "canonical_correlation")


def examples() -> dict[str, Any]:
    """Each loss as (function, prediction, target); further arguments are already bound."""
    import torch

    from weft.losses.transfer import distillation, domains, robust

    a, b = torch.randn(6, 4), torch.randn(6, 4)
    labels = torch.tensor([0, 1, 2, 3, 0, 1])
    views = torch.randn(6, 2)
    maps, wider = torch.randn(6, 2, 3, 3), torch.randn(6, 2, 3, 3)
    return {
        "multi_teacher": (distillation.multi_teacher, a, torch.randn(6, 3, 4)),
        "feature_distillation": (distillation.feature_distillation, a, b),
        "attention_transfer": (distillation.attention_transfer, maps, wider),
        "relational_distances": (distillation.relational_distances, a, b),
        "relational_angles": (distillation.relational_angles, a, b),
        "mean_discrepancy": (lambda x, y: domains.mean_discrepancy(x, y, widths=[1.0, 4.0]), a, b + 1),
        "correlation_alignment": (domains.correlation_alignment, a, b),
        "canonical_correlation": (domains.canonical_correlation, views, torch.randn(6, 2)),
        "domain_confusion": (domains.domain_confusion, a, None),
        "answer_entropy": (domains.answer_entropy, a, None),
        "pseudo_label": (lambda x, y: domains.pseudo_label(x, y, threshold=0.25), a, b),
        "trades": (lambda x, y: robust.trades(x, -x, y), a, labels),
        "adversarial_mix": (lambda x, y: robust.adversarial_mix(x, 0.5 * x, y), a, labels),
    }

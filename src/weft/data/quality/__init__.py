"""What is wrong with data, found before it is trained on: inspection, rules, duplicates, leaks, wrong labels, drift, quarantine, a trail."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "adwin": "weft.data.quality.detectors:Adwin",
    "chi_square_test": "weft.data.quality.drift:chi_square_test",
    "classifier_test": "weft.data.quality.classifier_test:classifier_test",
    "ddm": "weft.data.quality.detectors:DDM",
    "cohen_kappa": "weft.data.quality.agreement:cohen_kappa",
    "drift": "weft.data.quality.drift:drift",
    "fleiss_kappa": "weft.data.quality.agreement:fleiss_kappa",
    "krippendorff_alpha": "weft.data.quality.agreement:krippendorff_alpha",
    "ks_test": "weft.data.quality.drift:ks_test",
    "label_errors": "weft.data.quality.label_errors:label_errors",
    "mmd_test": "weft.data.quality.drift:mmd_test",
    "outliers": "weft.data.quality.outliers:outliers",
    "page_hinkley": "weft.data.quality.detectors:PageHinkley",
    "population_stability": "weft.data.quality.drift:population_stability",
    "schema": "weft.data.quality.schema:Schema",
}
KIND = "check"
EXTRA = {
    "AuditTrail": "weft.data.quality.trail:AuditTrail",
    "Difference": "weft.data.quality.manifest:Difference",
    "Field": "weft.data.quality.schema:Field",
    "Impute": "weft.data.quality.impute:Impute",
    "Inspection": "weft.data.quality.findings:Inspection",
    "LabelErrors": "weft.data.quality.label_errors:LabelErrors",
    "Leak": "weft.data.quality.leakage:Leak",
    "Manifest": "weft.data.quality.manifest:Manifest",
    "Problem": "weft.data.quality.findings:Problem",
    "Problems": "weft.data.quality.findings:Problems",
    "Quarantined": "weft.data.quality.quarantine:Quarantined",
    "Quality": "weft.data.quality.scoring:Quality",
    "Screened": "weft.data.quality.screening:Screened",
    "content_hash": "weft.data.quality.duplicates:content_hash",
    "dataset_card": "weft.data.quality.manifest:dataset_card",
    "duplicates": "weft.data.quality.duplicates:duplicates",
    "holm": "weft.data.quality.drift:holm",
    "inspect": "weft.data.quality.inspection:inspect",
    "leaks": "weft.data.quality.leakage:leaks",
    "mend_text": "weft.data.quality.texts:mend_text",
    "near_pictures": "weft.data.quality.duplicates:near_pictures",
    "near_texts": "weft.data.quality.duplicates:near_texts",
    "outlier_scores": "weft.data.quality.outliers:outlier_scores",
    "picture_hash": "weft.data.quality.pictures:picture_hash",
    "quarantine": "weft.data.quality.quarantine:quarantine",
    "quality_scores": "weft.data.quality.scoring:quality_scores",
    "restore": "weft.data.quality.quarantine:restore",
    "screen": "weft.data.quality.screening:screen",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """Each check, ready to run: a function without arguments."""
    import torch

    from weft.data.quality.agreement import cohen_kappa, fleiss_kappa, krippendorff_alpha
    from weft.data.quality.classifier_test import classifier_test
    from weft.data.quality.detectors import DDM, Adwin, PageHinkley
    from weft.data.quality.drift import chi_square_test, drift, ks_test, mmd_test, population_stability
    from weft.data.quality.label_errors import label_errors
    from weft.data.quality.outliers import outliers
    from weft.data.quality.schema import Schema

    x, rows = torch.arange(12.0), [{"age": 20 + i, "city": "ab"[i % 2]} for i in range(8)]
    labels, half = torch.tensor([0, 0, 1, 1]), torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.2, 0.8], [0.1, 0.9]])
    return {
        "adwin": lambda: Adwin().update(0.5),
        "chi_square_test": lambda: chi_square_test("aab", "abb"),
        "classifier_test": lambda: classifier_test(x[:, None], x[:, None] + 1),
        "ddm": lambda: DDM().update(1),
        "cohen_kappa": lambda: cohen_kappa("aab", "abb"),
        "drift": lambda: drift({"x": [1, 2, 3]}, {"x": [2, 3, 4]}),
        "fleiss_kappa": lambda: fleiss_kappa([["a", "a"], ["a", "b"]]),
        "krippendorff_alpha": lambda: krippendorff_alpha([["a", "a"], ["a", "b"]]),
        "ks_test": lambda: ks_test(x, x + 1),
        "label_errors": lambda: label_errors(labels, half),
        "mmd_test": lambda: mmd_test(x[:, None], x[:, None] + 1, permutations=10),
        "outliers": lambda: outliers(x[:, None]),
        "page_hinkley": lambda: PageHinkley().update(0.5),
        "population_stability": lambda: population_stability(x, x + 1),
        "schema": lambda: Schema.infer(rows).check(rows),
    }

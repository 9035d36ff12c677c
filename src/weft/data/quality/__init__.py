"""What is wrong with data, found before it is trained on: inspection, rules, duplicates, leaks, wrong labels, drift, quarantine, a trail."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "adwin": "weft.data.quality.detectors:Adwin",
    "chi_square_test": "weft.data.quality.drift:chi_square_test",
    "cohen_kappa": "weft.data.quality.agreement:cohen_kappa",
    "drift": "weft.data.quality.drift:drift",
    "fleiss_kappa": "weft.data.quality.agreement:fleiss_kappa",
    "krippendorff_alpha": "weft.data.quality.agreement:krippendorff_alpha",
    "ks_test": "weft.data.quality.drift:ks_test",
    "label_errors": "weft.data.quality.label_errors:label_errors",
    "mmd_test": "weft.data.quality.drift:mmd_test",
    "page_hinkley": "weft.data.quality.detectors:PageHinkley",
    "population_stability": "weft.data.quality.drift:population_stability",
    "schema": "weft.data.quality.schema:Schema",
}
KIND = "check"
EXTRA = {
    "Field": "weft.data.quality.schema:Field",
    "Inspection": "weft.data.quality.findings:Inspection",
    "LabelErrors": "weft.data.quality.label_errors:LabelErrors",
    "Leak": "weft.data.quality.leakage:Leak",
    "Problem": "weft.data.quality.findings:Problem",
    "content_hash": "weft.data.quality.duplicates:content_hash",
    "holm": "weft.data.quality.drift:holm",
    "duplicates": "weft.data.quality.duplicates:duplicates",
    "inspect": "weft.data.quality.inspection:inspect",
    "quarantine": "weft.data.quality.quarantine:quarantine",
    "restore": "weft.data.quality.quarantine:restore",
    "leaks": "weft.data.quality.leakage:leaks",
    "Quarantined": "weft.data.quality.quarantine:Quarantined",
    "mend_text": "weft.data.quality.texts:mend_text",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """Each check, ready to run: a function without arguments."""
    return {}

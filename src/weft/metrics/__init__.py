"""Metrics: ``update`` / ``merge`` / ``compute``, and the pure function beside each."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "accuracy": "weft.metrics.accuracy:Accuracy",
    "top_k_error": "weft.metrics.accuracy:TopKError",
    "token_accuracy": "weft.metrics.accuracy:TokenAccuracy",
    "balanced_accuracy": "weft.metrics.confusion:BalancedAccuracy",
    "confusion_matrix": "weft.metrics.confusion:ConfusionMatrix",
    "f1": "weft.metrics.confusion:F1",
    "precision": "weft.metrics.confusion:Precision",
    "recall": "weft.metrics.confusion:Recall",
    "matthews": "weft.metrics.confusion:Matthews",
    "cohen_kappa": "weft.metrics.confusion:CohenKappa",
    "auroc": "weft.metrics.ranking:AUROC",
    "average_precision": "weft.metrics.ranking:AveragePrecision",
    "log_loss": "weft.metrics.likelihood:LogLoss",
    "perplexity": "weft.metrics.likelihood:Perplexity",
    "bits_per_byte": "weft.metrics.likelihood:BitsPerByte",
    "ece": "weft.metrics.calibration:ECE",
    "brier": "weft.metrics.calibration:Brier",
    "subset_accuracy": "weft.metrics.multilabel:SubsetAccuracy",
    "hamming": "weft.metrics.multilabel:Hamming",
    "jaccard_index": "weft.metrics.multilabel:Jaccard",
    "multilabel_f1": "weft.metrics.multilabel:MultilabelF1",
    "multilabel_average_precision": "weft.metrics.multilabel:MultilabelAveragePrecision",
    "mse": "weft.metrics.regression:MSE",
    "rmse": "weft.metrics.regression:RMSE",
    "mae": "weft.metrics.regression:MAE",
    "mape": "weft.metrics.regression:MAPE",
    "smape": "weft.metrics.regression:SMAPE",
    "r2": "weft.metrics.regression:R2",
    "adjusted_r2": "weft.metrics.regression:AdjustedR2",
    "explained_variance": "weft.metrics.correlation:ExplainedVariance",
    "pearson": "weft.metrics.correlation:Pearson",
    "spearman": "weft.metrics.correlation:Spearman",
    "exact_match": "weft.metrics.sequence:ExactMatch",
    "edit_distance": "weft.metrics.sequence:EditDistance",
    "word_error_rate": "weft.metrics.text:WordErrorRate",
    "character_error_rate": "weft.metrics.text:CharacterErrorRate",
    "bleu": "weft.metrics.text:BLEU",
    "rouge": "weft.metrics.text:ROUGE",
    "retrieval_recall": "weft.metrics.pairs:RetrievalRecall",
    "alignment": "weft.metrics.pairs:Alignment",
    "mean_of": "weft.metrics.composite:MeanOf",
    "composite": "weft.metrics.composite:Composite",
}
KIND = "metric"
__getattr__, __dir__ = attach(__name__, TABLE, {"Metric": "weft.metrics.metric:Metric"})


def examples() -> dict[str, Any]:
    """Each metric as (a function that makes it, the output and the target of one batch)."""
    return {**examples_of_classes(), **examples_of_numbers(), **examples_of_sequences()}


def examples_of_classes() -> dict[str, Any]:
    """Those that judge classes and labels."""
    import torch

    from weft.metrics import accuracy, calibration, confusion, likelihood, multilabel, ranking

    classes = (torch.randn(12, 3), torch.arange(12) % 3)
    tokens = (torch.randn(12, 4, 5), torch.arange(48).view(12, 4) % 5)
    labels = (torch.randn(12, 3), torch.arange(36).view(12, 3) % 5 % 2)
    return {
        "accuracy": (accuracy.Accuracy, *classes),
        "top_k_error": (lambda: accuracy.TopKError(2), *classes),
        "token_accuracy": (accuracy.TokenAccuracy, *tokens),
        "balanced_accuracy": (confusion.BalancedAccuracy, *classes),
        "confusion_matrix": (confusion.ConfusionMatrix, *classes),
        "f1": (confusion.F1, *classes),
        "precision": (confusion.Precision, *classes),
        "recall": (confusion.Recall, *classes),
        "matthews": (confusion.Matthews, *classes),
        "cohen_kappa": (confusion.CohenKappa, *classes),
        "auroc": (ranking.AUROC, *classes),
        "average_precision": (ranking.AveragePrecision, *classes),
        "log_loss": (likelihood.LogLoss, *classes),
        "perplexity": (likelihood.Perplexity, *tokens),
        "bits_per_byte": (likelihood.BitsPerByte, *tokens),
        "ece": (calibration.ECE, *classes),
        "brier": (calibration.Brier, *classes),
        "subset_accuracy": (multilabel.SubsetAccuracy, *labels),
        "hamming": (multilabel.Hamming, *labels),
        "jaccard_index": (multilabel.Jaccard, *labels),
        "multilabel_f1": (multilabel.MultilabelF1, *labels),
        "multilabel_average_precision": (multilabel.MultilabelAveragePrecision, *labels),
    }


def examples_of_numbers() -> dict[str, Any]:
    """Those that judge numbers and embeddings, and those made of others."""
    import copy

    import torch

    from weft.metrics import composite, correlation, pairs, regression

    numbers = (torch.randn(12), torch.randn(12))
    sides = (torch.randn(12, 4), torch.randn(12, 4))
    parts = {"mean": (regression.MAE(), 1.0), "together": (correlation.Pearson(), 0.3)}
    return {
        "mse": (regression.MSE, *numbers),
        "rmse": (regression.RMSE, *numbers),
        "mae": (regression.MAE, *numbers),
        "mape": (regression.MAPE, *numbers),
        "smape": (regression.SMAPE, *numbers),
        "r2": (regression.R2, *numbers),
        "adjusted_r2": (lambda: regression.AdjustedR2(2), *numbers),
        "explained_variance": (correlation.ExplainedVariance, *numbers),
        "pearson": (correlation.Pearson, *numbers),
        "spearman": (correlation.Spearman, *numbers),
        "retrieval_recall": (pairs.RetrievalRecall, *sides),
        "alignment": (pairs.Alignment, *sides),
        "mean_of": (lambda: composite.MeanOf(lambda output, target: (output - target).abs(), differentiable=True), *numbers),
        "composite": (lambda: composite.Composite({k: (copy.deepcopy(m), w) for k, (m, w) in parts.items()}, "min"), *numbers),
    }


def examples_of_sequences() -> dict[str, Any]:
    """Those that judge token ids and texts."""
    import torch

    from weft.metrics import sequence, text

    tokens = (torch.randn(12, 4, 5), torch.arange(48).view(12, 4) % 5)
    words = ["the cat sat on a mat", "a dog ran to the red door", "we saw a very old house"]
    texts = ([words[i % 3] + " today" * (i % 2) for i in range(12)], [words[(i + i // 8) % 3] for i in range(12)])
    return {
        "exact_match": (sequence.ExactMatch, *tokens),
        "edit_distance": (sequence.EditDistance, *tokens),
        "word_error_rate": (text.WordErrorRate, *texts),
        "character_error_rate": (text.CharacterErrorRate, *texts),
        "bleu": (text.BLEU, *texts),
        "rouge": (text.ROUGE, *texts),
    }

"""Losses over distances, similarities and orders: triplets, pairs, contrast, margins, prototypes, ranking, smooth metrics."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "triplet": "weft.losses.metric.triplets:triplet",
    "triplet_given": "weft.losses.metric.triplets:triplet_given",
    "contrastive_pair": "weft.losses.metric.pairs:contrastive_pair",
    "contrastive_labels": "weft.losses.metric.pairs:contrastive_labels",
    "cosine_pull": "weft.losses.metric.pairs:cosine_pull",
    "sup_con": "weft.losses.metric.supervised:sup_con",
    "adaptive_sup_con": "weft.losses.metric.supervised:adaptive_sup_con",
    "info_nce_given": "weft.losses.metric.negatives:info_nce_given",
    "predictive_coding": "weft.losses.metric.negatives:predictive_coding",
    "clip_contrast": "weft.losses.metric.negatives:clip_contrast",
    "sigmoid_contrast": "weft.losses.metric.negatives:sigmoid_contrast",
    "arcface": "weft.losses.metric.margins:arcface",
    "cosface": "weft.losses.metric.margins:cosface",
    "sphereface": "weft.losses.metric.margins:sphereface",
    "proxy_nca": "weft.losses.metric.margins:proxy_nca",
    "proxy_anchor": "weft.losses.metric.margins:proxy_anchor",
    "prototypical": "weft.losses.metric.prototypes:prototypical",
    "relation": "weft.losses.metric.prototypes:relation",
    "margin_ranking": "weft.losses.metric.ranking:margin_ranking",
    "bayesian_ranking": "weft.losses.metric.ranking:bayesian_ranking",
    "listwise_softmax": "weft.losses.metric.ranking:listwise_softmax",
    "lambda_rank": "weft.losses.metric.ranking:lambda_rank",
    "approx_ndcg": "weft.losses.metric.ranking:approx_ndcg",
    "link_ranking": "weft.losses.metric.ranking:link_ranking",
    "soft_f1": "weft.losses.metric.surrogates:soft_f1",
    "ranking_auc": "weft.losses.metric.surrogates:ranking_auc",
    "soft_spearman": "weft.losses.metric.surrogates:soft_spearman",
    "smooth_ap": "weft.losses.metric.surrogates:smooth_ap",
    "expected_metric": "weft.losses.metric.surrogates:expected_metric",
}
KIND = "loss"
EXTRA = {
    "Centres": "weft.losses.metric.margins:Centres",
    "LogitScale": "weft.losses.metric.negatives:LogitScale",
    "Proxies": "weft.losses.metric.margins:Proxies",
    "class_means": "weft.losses.metric.prototypes:class_means",
    "soft_rank": "weft.losses.metric.surrogates:soft_rank",
    "straight_through": "weft.losses.metric.surrogates:straight_through",
    "triplet_counts": "weft.losses.metric.triplets:triplet_counts",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)
COUPLING = (  # losses whose items depend on the rest of the batch
    "triplet", "contrastive_labels", "sup_con", "adaptive_sup_con", "predictive_coding", "clip_contrast", "sigmoid_contrast", "proxy_anchor",
    "ranking_auc",
)  # fmt: skip


def examples() -> dict[str, Any]:
    """Each loss as (function, prediction, target); a third argument is already bound."""
    import torch

    from weft.losses.metric import margins, negatives, pairs, prototypes, ranking, supervised, surrogates, triplets

    a, b, rows = torch.randn(6, 4), torch.randn(6, 4), torch.randn(5, 4)
    labels = torch.tensor([0, 1, 2, 0, 1, 1])
    cosines = 1.8 * torch.rand(6, 4) - 0.9
    lists, judged = torch.randn(6, 5), torch.randint(0, 4, (6, 5)).float()
    answers = torch.tensor([[1, 0, 0, 1, 0]] * 6).float()
    return {
        "triplet": (triplets.triplet, a, labels),
        "triplet_given": (lambda x, y: triplets.triplet_given(x, y, y.roll(1, 1)), a, b),
        "contrastive_pair": (lambda x, y: pairs.contrastive_pair(x, y, y[:, 0] > 0, margin=4.0), a, b),
        "contrastive_labels": (pairs.contrastive_labels, a, labels),
        "cosine_pull": (pairs.cosine_pull, a, b),
        "sup_con": (supervised.sup_con, a, labels),
        "adaptive_sup_con": (supervised.adaptive_sup_con, a, labels),
        "info_nce_given": (lambda x, y: negatives.info_nce_given(x, y, rows.to(x.dtype)), a, b),
        "predictive_coding": (negatives.predictive_coding, torch.randn(6, 2, 3), torch.randn(6, 2, 3)),
        "clip_contrast": (negatives.clip_contrast, a, b),
        "sigmoid_contrast": (negatives.sigmoid_contrast, a, b),
        "arcface": (margins.arcface, cosines, labels),
        "cosface": (margins.cosface, cosines, labels),
        "sphereface": (margins.sphereface, cosines, labels),
        "proxy_nca": (margins.proxy_nca, cosines, labels),
        "proxy_anchor": (margins.proxy_anchor, cosines, labels),
        "prototypical": (lambda x, y: prototypes.prototypical(x, y, rows.to(x.dtype)), a, labels),
        "relation": (prototypes.relation, torch.rand(6, 4), labels),
        "margin_ranking": (lambda x, y: ranking.margin_ranking(x, y, margin=3.0), a[:, 0].clone(), b[:, 0].clone()),
        "bayesian_ranking": (ranking.bayesian_ranking, a[:, 0].clone(), b[:, 0].clone()),
        "listwise_softmax": (ranking.listwise_softmax, lists, judged),
        "lambda_rank": (ranking.lambda_rank, lists, judged),
        "approx_ndcg": (ranking.approx_ndcg, lists, judged),
        "link_ranking": (ranking.link_ranking, a[:, 0].clone(), lists),
        "soft_f1": (surrogates.soft_f1, lists, answers),
        "ranking_auc": (surrogates.ranking_auc, a[:, 0].clone(), (labels > 0).long()),
        "soft_spearman": (surrogates.soft_spearman, lists, torch.randn(6, 5)),
        "smooth_ap": (lambda x, y: surrogates.smooth_ap(x, y, temperature=0.5), lists, answers),
        "expected_metric": (surrogates.expected_metric, a[:, 0].clone(), b[:, 0].clone()),
    }

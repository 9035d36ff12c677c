"""How records become batches: plans that say which, flows without numbers, caches, prefetch."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "blocks": "weft.data.loading.draws:Blocks",
    "balanced": "weft.data.loading.balanced:Balanced",
    "buckets": "weft.data.loading.buckets:Buckets",
    "draws": "weft.data.loading.draws:Draws",
    "levelled": "weft.data.loading.levelled:Levelled",
    "sliding": "weft.data.loading.sliding:Sliding",
    "curriculum": "weft.data.loading.curriculum:Curriculum",
    "importance": "weft.data.loading.importance:Importance",
    "sizes": "weft.data.loading.sizes:Sizes",
    "stratified": "weft.data.loading.balanced:Stratified",
    "token_budget": "weft.data.loading.buckets:TokenBudget",
    "weighted": "weft.data.loading.weighted:Weighted",
    "chain": "weft.data.loading.flow:Chain",
    "changed": "weft.data.loading.flow:Changed",
    "costly": "weft.data.loading.costly:Costly",
    "joined": "weft.data.loading.flow_parts:Joined",
    "batch_disagreement": "weft.data.loading.selection:batch_disagreement",
    "disagreement": "weft.data.loading.selection:disagreement",
    "k_centre": "weft.data.loading.selection:k_centre",
    "uncertainty": "weft.data.loading.selection:uncertainty",
    "mixed": "weft.data.loading.flow:Mixed",
    "skipped": "weft.data.loading.flow_parts:Skipped",
    "taken": "weft.data.loading.flow_parts:Taken",
}
KIND = {
    "blocks": "plan",
    "draws": "plan",
    "levelled": "plan",
    "sliding": "source",
    "balanced": "plan",
    "buckets": "plan",
    "curriculum": "plan",
    "importance": "plan",
    "sizes": "plan",
    "stratified": "plan",
    "token_budget": "plan",
    "weighted": "plan",
    "chain": "flow",
    "changed": "flow",
    "costly": "source",
    "joined": "flow",
    "batch_disagreement": "selection",
    "disagreement": "selection",
    "k_centre": "selection",
    "uncertainty": "selection",
    "mixed": "flow",
    "skipped": "flow",
    "taken": "flow",
}
EXTRA = {
    "BatchPlan": "weft.data.loading.effective:BatchPlan",
    "Bottleneck": "weft.data.loading.stages:Bottleneck",
    "Flow": "weft.data.loading.flow:Flow",
    "FlowLoader": "weft.data.loading.flow_loader:FlowLoader",
    "CachedSource": "weft.data.loading.cached:CachedSource",
    "LabelPool": "weft.data.loading.selection:LabelPool",
    "Memory": "weft.data.loading.memory:Memory",
    "Pace": "weft.data.loading.pace:Pace",
    "Prefetch": "weft.data.loading.prefetch:Prefetch",
    "Survey": "weft.data.loading.survey:Survey",
    "bottleneck": "weft.data.loading.stages:bottleneck",
    "domain_weights": "weft.data.loading.weighted:domain_weights",
    "inverse_frequency": "weft.data.loading.weighted:inverse_frequency",
    "measure": "weft.data.loading.pace:measure",
    "memory_of": "weft.data.loading.memory:memory_of",
    "plan_batch": "weft.data.loading.effective:plan_batch",
    "prepare": "weft.data.loading.prepare:prepare",
    "survey": "weft.data.loading.survey:survey",
    "worker_count": "weft.data.loading.workers:worker_count",
    "worker_memory": "weft.data.loading.memory:worker_memory",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """Each plan for a source of twelve records; each flow, of six records; each source;
    each selection, a function without arguments."""
    import torch

    from weft.data.loading import (
        balanced,
        buckets,
        costly,
        curriculum,
        draws,
        flow,
        flow_parts,
        importance,
        levelled,
        selection,
        sizes,
        sliding,
        weighted,
    )

    labels, numbers = list("aaaaaaaabbbc"), list(range(12))

    def six() -> flow.Chain:
        return flow.Chain([range(4), range(4, 6)], lambda piece: [{"input": n} for n in piece])

    two = torch.tensor([[[0.9, 0.1], [0.2, 0.8]], [[0.1, 0.9], [0.3, 0.7]]])
    return {
        "batch_disagreement": lambda: selection.batch_disagreement(two, 2),
        "disagreement": lambda: selection.disagreement(two),
        "k_centre": lambda: selection.k_centre(two[0], 1),
        "uncertainty": lambda: selection.uncertainty(two[0]),
        "blocks": draws.Blocks(3, 4),
        "draws": draws.Draws(4),
        "levelled": levelled.Levelled(draws.Draws(4), numbers, 2),
        "sliding": sliding.Sliding([torch.arange(5.0), torch.arange(7.0)], 3),
        "balanced": balanced.Balanced(labels, 4),
        "buckets": buckets.Buckets(numbers, 4),
        "costly": costly.Costly(12),
        "curriculum": curriculum.Curriculum(numbers, 4, epochs=2),
        "importance": importance.Importance(12, 4),
        "sizes": sizes.Sizes((2, 5)),
        "stratified": balanced.Stratified(labels, 4),
        "token_budget": buckets.TokenBudget(numbers, 24),
        "weighted": weighted.Weighted(numbers, 4),
        "chain": six(),
        "changed": flow.Changed(six(), dict),
        "joined": flow_parts.Joined([six()]),
        "mixed": flow.Mixed([six()]),
        "skipped": flow_parts.Skipped(six(), 2),
        "taken": flow_parts.Taken(six(), 4),
    }

"""Named data sets, found in a mirror or the cache and checked, and made ones."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "ag_news": "weft.data.sets.topics:ag_news",
    "bccd": "weft.data.sets.voc:bccd",
    "blobs": "weft.data.sets.made_points:blobs",
    "breast_cancer": "weft.data.sets.bundled:breast_cancer",
    "celeba": "weft.data.sets.celeba:CelebA",
    "cifar10": "weft.data.sets.cifar:cifar10",
    "cifar100": "weft.data.sets.cifar:cifar100",
    "coco": "weft.data.sets.coco:Coco",
    "coqa": "weft.data.sets.conversations:coqa",
    "diabetes": "weft.data.sets.bundled:diabetes",
    "digits": "weft.data.sets.bundled:digits",
    "etth1": "weft.data.sets.transformer_oil:etth1",
    "fashion_mnist": "weft.data.sets.idx_sets:fashion_mnist",
    "fsdd": "weft.data.sets.spoken_digits:fsdd",
    "glue": "weft.data.sets.glue_tables:glue",
    "hotpot_qa": "weft.data.sets.several_hops:hotpot_qa",
    "imagenet": "weft.data.sets.imagenet:ImageNet",
    "imdb": "weft.data.sets.reviews:imdb",
    "iris": "weft.data.sets.bundled:iris",
    "last_steps": "weft.data.sets.made_series:last_steps",
    "mnist": "weft.data.sets.idx_sets:mnist",
    "mnist_10k": "weft.data.sets.idx_sets:mnist_10k",
    "moons": "weft.data.sets.made_points:moons",
    "multi30k": "weft.data.sets.texts:multi30k",
    "omniglot": "weft.data.sets.omniglot_set:omniglot",
    "parallel_text": "weft.data.sets.parallel_text:parallel_text",
    "pascal_voc": "weft.data.sets.voc:PascalVOC",
    "penn_treebank": "weft.data.sets.running_text:penn_treebank",
    "photographs": "weft.data.sets.bundled:photographs",
    "quac": "weft.data.sets.conversations:quac",
    "regression_rows": "weft.data.sets.made_points:regression_rows",
    "seasons": "weft.data.sets.made_series:seasons",
    "sentiment_treebank": "weft.data.sets.sentiment_trees:sentiment_treebank",
    "shapes": "weft.data.sets.made_shapes:shapes",
    "spirals": "weft.data.sets.made_points:spirals",
    "squad": "weft.data.sets.questions:squad",
    "tiny_shakespeare": "weft.data.sets.texts:tiny_shakespeare",
    "token_task": "weft.data.sets.made_series:token_task",
    "tones": "weft.data.sets.made_series:tones",
    "ud_ewt": "weft.data.sets.conll:ud_ewt",
    "voc_segments": "weft.data.sets.voc_segments:VOCSegments",
    "wikitext": "weft.data.sets.running_text:wikitext",
    "wine": "weft.data.sets.bundled:wine",
    "wnut17": "weft.data.sets.conll:wnut17",
    "xor": "weft.data.sets.made_points:xor",
    "yahoo_answers": "weft.data.sets.topics:yahoo_answers",
}
KIND = "source"
EXTRA = {
    "communities": "weft.data.sets.made_points:communities",
    "cora": "weft.data.sets.planetoid:cora",
    "fetch": "weft.data.sets.published:fetch",
    "planetoid": "weft.data.sets.planetoid:planetoid",
    "read_columns": "weft.data.sets.conll:read_columns",
    "read_conllu": "weft.data.sets.conll:read_conllu",
    "coco_mask": "weft.data.sets.coco_masks:coco_mask",
    "read_idx": "weft.data.sets.idx:read_idx",
    "write_stand_in": "weft.data.sets.laid_out:write_stand_in",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """The made ones, small; the named ones need their files."""
    from weft.data.sets import made_points, made_series, made_shapes

    return {
        "blobs": made_points.blobs(6),
        "last_steps": made_series.last_steps(6, 8, 2, steps=3),
        "moons": made_points.moons(6),
        "regression_rows": made_points.regression_rows(6),
        "seasons": made_series.seasons(30),
        "shapes": made_shapes.shapes(6, 16),
        "spirals": made_points.spirals(6),
        "token_task": made_series.token_task("sort", 6),
        "tones": made_series.tones(6, samples=400),
        "xor": made_points.xor(6),
    }

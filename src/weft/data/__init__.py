"""The way of the data: sources, codecs, transforms, loaders, splits."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "arrays": "weft.data.arrays:Arrays",
    "concat": "weft.data.views:Concat",
    "image_folder": "weft.data.folder:ImageFolder",
    "subset": "weft.data.views:Subset",
    "image_codec": "weft.data.image_codec:ImageCodec",
}
KIND = {
    "arrays": "source",
    "concat": "source",
    "image_folder": "source",
    "subset": "source",
    "image_codec": "codec",
}
EXTRA = {
    "Batch": "weft.data.contracts:Batch",
    "Codec": "weft.data.contracts:Codec",
    "Loader": "weft.data.loader:Loader",
    "PoissonLoader": "weft.data.poisson:PoissonLoader",
    "Random": "weft.data.keyed:Random",
    "Record": "weft.data.contracts:Record",
    "RecordError": "weft.data.assemble:RecordError",
    "Source": "weft.data.contracts:Source",
    "Transform": "weft.data.contracts:Transform",
    "encoded": "weft.data.arrays:encoded",
    "read_image": "weft.data.image_file:read_image",
    "stack": "weft.data.arrays:stack",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """Tiny ready-made instances by catalogue name."""
    return {}

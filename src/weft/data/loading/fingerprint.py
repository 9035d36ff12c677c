"""A short name for long lists, so that a saved position can tell whether they have changed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from torch import Tensor


def fingerprint(values: Sequence[Any] | Tensor) -> str:
    """16 hexadecimal digits that differ for lists that differ in content, order or type.

    >>> fingerprint([1, 2]) == fingerprint([1, 2]), fingerprint([1, 2]) == fingerprint([2, 1])
    (True, False)
    """
    if isinstance(values, Tensor):
        head, body = f"{values.dtype}{tuple(values.shape)}", values.detach().cpu().contiguous().numpy().tobytes()
    else:
        head, body = "list", repr(list(values)).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(head.encode() + b"\0" + body, digest_size=8).hexdigest()

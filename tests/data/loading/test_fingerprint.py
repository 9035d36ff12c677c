from __future__ import annotations

import torch

from weft.data.loading.fingerprint import fingerprint


def test_content_order_and_type_count():
    values = [[1, 2], [2, 1], [1, 2, 3], ["1", "2"], torch.tensor([1, 2]), torch.tensor([1.0, 2.0]), torch.tensor([[1, 2]])]
    assert len({fingerprint(v) for v in values}) == len(values)
    assert fingerprint(["\ud800"]) == fingerprint(["\ud800"])

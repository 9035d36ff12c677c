"""Memory that workers fill again: batches that were handed over stay what they were."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from weft.data import ImageCodec, Loader, Random, RandomFlip, lent

PICTURES = [{"image": np.random.default_rng(n).integers(0, 256, (96, 96, 3), dtype=np.uint8), "label": "ab"[n % 2]} for n in range(130)]


class Brighter:
    def __call__(self, batch: dict, random: Random) -> dict:
        return batch | {"input": batch["input"] + random.uniform()[:, None, None, None]}


@pytest.mark.parametrize("transforms", [[], [RandomFlip()], [RandomFlip(), Brighter()], [Brighter(), RandomFlip()]])
@pytest.mark.parametrize("workers", [1, 2])
def test_batches_that_are_kept_are_those_of_no_workers(transforms, workers):
    """Property: over two epochs, with every batch kept, memory that is filled again changes none; a batch is larger than ``LARGE``, the last is not."""
    codec = ImageCodec(96, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.2), classes=("a", "b"))
    assert lent.LARGE <= 10 * 96 * 96 * 3

    def epochs(count: int) -> list[dict]:
        loader = Loader(PICTURES, codec, 16, shuffle=True, transforms=transforms, workers=count)
        return [batch for _ in range(2) for batch in loader]

    for helped, alone in zip(epochs(workers), epochs(0), strict=True):
        assert helped.keys() == alone.keys() and all(torch.equal(helped[key], alone[key]) for key in alone)


def test_a_slot_is_filled_again_and_grows(monkeypatch):
    monkeypatch.setattr(lent, "buffers", {})
    rows = torch.arange(24, dtype=torch.uint8).reshape(2, 3, 2, 2)
    first = lent.placed(("input", 0), rows)
    assert first.is_shared() and torch.equal(first, rows)
    colours = rows.movedim(1, -1).contiguous().movedim(-1, 1)
    again = lent.placed(("input", 0), colours + 1)
    assert again.data_ptr() == first.data_ptr() and again.stride() == colours.stride() and torch.equal(again, rows + 1)
    assert torch.equal(lent.placed(("input", 0), torch.arange(50)), torch.arange(50))  # larger, and of another type


def test_outside_a_worker_nothing_is_lent():
    batch = {"input": torch.zeros(lent.LARGE, dtype=torch.uint8)}
    assert lent.lent(batch, ("input",)) is batch

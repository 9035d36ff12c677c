"""Reading ahead: the same batches, the same position, errors in their place, no thread left behind."""

from __future__ import annotations

import threading

import pytest
import torch

from weft.data import Arrays, Loader, Prefetch


def loader(**arguments):
    return Loader(Arrays({"input": torch.arange(23.0)}), None, 4, shuffle=True, seed=1, **arguments)


def listed(batches):
    return [batch["index"].tolist() for batch in batches]


def threads():
    return [t for t in threading.enumerate() if t.name == "weft-prefetch"]


@pytest.mark.parametrize("depth", [1, 2, 9])
@pytest.mark.parametrize("workers", [0, 1])
def test_batches_and_positions_are_the_loaders_own(depth, workers):
    """Prefetch, property: two epochs, and a restart after any batch, equal those of the loader itself."""
    plain = loader()
    expected = [listed(plain), listed(plain)]
    ahead = Prefetch(loader(workers=workers), depth=depth)
    assert len(ahead) == 6 and [listed(ahead), listed(ahead)] == expected
    for stop in range(7) if workers == 0 else (2,):
        first = Prefetch(loader(workers=workers), depth=depth)
        running = iter(first)
        begun = listed([next(running) for _ in range(stop)])
        state = first.state_dict()
        running.close()
        assert state == first.state_dict()  # leaving early changes nothing
        second = Prefetch(loader(workers=workers), depth=depth)
        second.load_state_dict(state)
        assert begun + listed(second) == expected[0]
    assert not threads()


def test_leaving_early_ends_the_thread_and_goes_on_there():
    ahead = Prefetch(loader(), depth=1)
    for _ in ahead:
        break
    assert not threads()
    rest = listed(ahead)
    assert listed(loader())[1:] == rest


def test_an_error_comes_out_once_in_its_place():
    class Broken(Arrays):
        def gather(self, index):
            if 9 in index.tolist():
                raise OSError("the disk is gone")
            return super().gather(index)

    ahead = Prefetch(Loader(Broken({"input": torch.arange(20.0)}), None, 4))
    seen = []
    with pytest.raises(OSError, match="the disk is gone"):
        seen.extend(batch["index"].tolist() for batch in ahead)
    assert seen == [[0, 1, 2, 3], [4, 5, 6, 7]] and not threads()


def test_ranks_and_epochs_reach_the_loader():
    shares = [listed(Prefetch(loader()).shard(rank, 2)) for rank in range(2)]
    assert [[*a, *b] for a, b in zip(*shares, strict=True)] == [[*row[::2], *row[1::2]] for row in listed(loader())]
    ahead = Prefetch(loader())
    ahead.set_epoch(1)
    assert listed(ahead) != listed(loader())
    with pytest.raises(ValueError, match="at least 1 batch ahead"):
        Prefetch(loader(), depth=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_on_cuda_values_are_those_of_the_loader():
    for batch, plain in zip(Prefetch(loader(), "cuda"), loader(), strict=True):
        assert batch["input"].is_cuda and torch.equal(batch["input"].cpu(), plain["input"])

"""Checkpoints: which are kept, which is found again, and that no damage goes unseen."""

from __future__ import annotations

import random
import shutil
import types
import warnings

import pytest
import torch

from tests.engine.toys import mlp, pairs, two_ranks
from weft.engine import Checkpoints, Epochs, Evaluation, Runtime, Seconds, Steps, fit
from weft.losses import cross_entropy
from weft.methods import Supervised


def write(checkpoints, step, score=None, world=None):
    checkpoints.save({"x": torch.full((50,), float(step))}, {"own": step}, {"step": step, "score": score}, world or Runtime())


def steps(folder):
    return sorted(int(p.stem.split("-")[1]) for p in folder.glob("step-*.json"))


def ranks(world, rank=0):
    return types.SimpleNamespace(world=world, rank=rank, group=None)


def test_the_last_ones_and_the_best_ones_are_kept(tmp_path):
    """Property: of eight, the last two and the best two; both files of the others are gone; NaN and no score are never best."""
    checkpoints = Checkpoints(tmp_path, keep_last=2, keep_best=2)
    for step, score in enumerate([0.1, 0.9, float("nan"), 0.8, 0.2, None, 0.3, 0.1]):
        write(checkpoints, step, score)
    assert steps(tmp_path) == [1, 3, 6, 7]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(f"step-{s:012d}.{kind}" for s in (1, 3, 6, 7) for kind in ("json", "safetensors"))
    state, note = checkpoints.best()
    assert note["step"] == 1 and float(state["x"][0]) == 1.0 and state["own"] == 1
    assert checkpoints.latest()[1]["step"] == 7


def test_scores_that_are_no_numbers_are_never_best(tmp_path):
    """Property: with nothing but NaN there is no best, and only the last is kept."""
    checkpoints = Checkpoints(tmp_path, keep_last=1, keep_best=1)
    for step in range(3):
        write(checkpoints, step, float("nan"))
    assert steps(tmp_path) == [2] and checkpoints.best() is None


def test_of_equal_scores_the_later_is_kept(tmp_path):
    """Property: a tie goes to the longer training."""
    checkpoints = Checkpoints(tmp_path, keep_last=1, keep_best=1)
    for step in range(3):
        write(checkpoints, step, 0.5 if step < 2 else 0.1)
    assert steps(tmp_path) == [1, 2]


def test_keeping_no_best_keeps_the_last(tmp_path):
    """Property: keep_best=0."""
    checkpoints = Checkpoints(tmp_path, keep_last=1, keep_best=0)
    for step in range(3):
        write(checkpoints, step, 1.0 / (step + 1))
    assert steps(tmp_path) == [2]


def test_an_empty_or_missing_directory_has_none(tmp_path):
    """Property: nothing is created by looking."""
    checkpoints = Checkpoints(tmp_path / "new")
    assert checkpoints.latest() is None and checkpoints.best() is None and not (tmp_path / "new").exists()


@pytest.mark.parametrize("options", [{"keep_last": 0}, {"keep_best": -1}])
def test_keeping_nothing_is_refused(tmp_path, options):
    """Property: the error says what came."""
    with pytest.raises(ValueError, match="keep at least the last one"):
        Checkpoints(tmp_path, **options)


def test_a_file_is_no_directory(tmp_path):
    """Property: refused before training, not at the first save."""
    (tmp_path / "f").write_text("")
    with pytest.raises(NotADirectoryError, match="checkpoints need a directory"):
        Checkpoints(tmp_path / "f")


def damage(data, generator):
    """One of: some bits flipped, the end cut off, two different bytes exchanged, bytes appended."""
    data = bytearray(data)
    kind = generator.choice(["flip", "cut", "swap", "append"])
    if kind == "flip":
        for _ in range(generator.randint(1, 3)):
            data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
    elif kind == "cut":
        del data[generator.randrange(len(data)) :]
    elif kind == "append":
        data += bytes([generator.randrange(256)])
    else:
        while True:
            i, j = generator.randrange(len(data)), generator.randrange(len(data))
            if data[i] != data[j]:
                data[i], data[j] = data[j], data[i]
                break
    return bytes(data)


def test_two_hundred_damages_are_found(tmp_path):
    """Property: each of 200 damaged copies, in either file, is passed over with a warning, and the checkpoint before it is used."""
    whole = tmp_path / "whole"
    checkpoints = Checkpoints(whole)
    write(checkpoints, 1, 0.1)
    write(checkpoints, 2, 0.9)
    shutil.copytree(whole, tmp_path / "copy")
    copy = Checkpoints(tmp_path / "copy")
    generator = random.Random(0)
    for i in range(200):
        file = f"step-000000000002.{'json' if i % 2 else 'safetensors'}"
        original = (whole / file).read_bytes()
        damaged = damage(original, generator)
        if damaged == original:  # a bit flipped twice
            continue
        (tmp_path / "copy" / file).write_bytes(damaged)
        with pytest.warns(UserWarning, match=r"damaged checkpoint: step-000000000002"):
            state, note = copy.latest()
        assert note["step"] == 1 and float(state["x"].sum()) == 50
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert copy.best()[1]["step"] == 1
        (tmp_path / "copy" / file).write_bytes(original)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert copy.latest()[1]["step"] == 2


def test_training_goes_on_from_the_one_before_a_damaged_one(tmp_path):
    """Property: fit itself warns, starts from the earlier one and ends where it should."""
    fit(Supervised(mlp(8, 2), cross_entropy), pairs(), until=Steps(4), run=Checkpoints(tmp_path, every=Steps(1)))
    file = tmp_path / "step-000000000004.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    seen = []
    with pytest.warns(UserWarning, match="step-000000000004"):
        fit(
            Supervised(mlp(8, 2), cross_entropy),
            pairs(),
            until=Steps(6),
            run=Checkpoints(tmp_path, every=Steps(1)),
            listeners=[lambda s, _: seen.append(s.step)],
        )
    assert seen == [4, 5, 6]


def test_all_damaged_is_none(tmp_path):
    """Property: nothing is invented."""
    checkpoints = Checkpoints(tmp_path)
    write(checkpoints, 1)
    next(tmp_path.glob("*.json")).write_bytes(b"")
    with pytest.warns(UserWarning, match="damaged"):
        assert checkpoints.latest() is None


@pytest.mark.parametrize("rank", [0, 1])
def test_another_number_of_ranks_is_refused(tmp_path, rank):
    """Property: on every rank the error names both numbers."""
    write(Checkpoints(tmp_path), 1, 0.5)
    for look in (Checkpoints(tmp_path).latest, Checkpoints(tmp_path).best):
        with pytest.raises(ValueError, match=r"was written by 1 ranks; this run has 2\. Resume with as many ranks"):
            look(ranks(2, rank))


def test_best_weights_come_from_disk(tmp_path):
    """Property: with a run directory, state.best() reads the best checkpoint: the weights at the best evaluation."""
    scores = iter([0.1, 0.9, 0.5, 0.4])
    kept = []
    method = Supervised(mlp(8, 2), cross_entropy)

    def measure(m):
        kept.append(m.network[0].weight.detach().clone())
        return {"score": next(scores)}

    data = [next(pairs())] * 3
    state = fit(method, data, until=Epochs(4), evaluate=Evaluation(measure), run=Checkpoints(tmp_path, keep_last=1, keep_best=1))
    assert torch.equal(method.network[0].weight, kept[3]) and not torch.equal(kept[1], kept[3])
    state.best()
    assert torch.equal(method.network[0].weight, kept[1])
    assert steps(tmp_path) == [6, 12]


def test_the_default_interval_is_an_epoch_or_a_minute(tmp_path):
    """Property: the contract's default."""
    assert Checkpoints(tmp_path).due.every == (Epochs(1) | Seconds(60))


RANKS = """
import sys, torch, warnings
from tests.engine.toys import Remembers, mlp, weights
from weft.engine import Checkpoints, Steps, fit
from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.parallel import join
join(); rank = torch.distributed.get_rank()
folder, until, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
torch.manual_seed(rank)
class Mine(Remembers):                      # another shard on every rank
    def __iter__(self):
        for x, y in super().__iter__(): yield x + rank, y
seen = []
state = fit(Supervised(torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 2)), cross_entropy), Mine(), until=Steps(until), run=Checkpoints(folder, every=Steps(2), keep_last=2), listeners=[lambda s, l: l and seen.append(s.step)])
torch.save([weights(state.method), seen, torch.get_rng_state()], f"{out}-{rank}")
"""


def test_ranks_resume_bit_for_bit_each_with_its_own_part(tmp_path):
    """Contract: two ranks with dropout and shards of their own, stopped at step 4 and resumed, end as if never stopped: weights and random states."""
    two_ranks(RANKS, str(tmp_path / "whole"), "8", str(tmp_path / "a"))
    two_ranks(RANKS, str(tmp_path / "cut"), "4", str(tmp_path / "b"))
    assert sorted(p.name for p in (tmp_path / "cut").glob("rank-*")) == [f"rank-{r}-step-{s:012d}.{k}" for r in (0, 1) for s in (2, 4) for k in ("json", "safetensors")]
    two_ranks(RANKS, str(tmp_path / "cut"), "8", str(tmp_path / "c"))
    for rank in (0, 1):
        whole, rest = (torch.load(tmp_path / f"{name}-{rank}", weights_only=True) for name in "ac")
        assert torch.equal(whole[0], rest[0]) and torch.equal(whole[2], rest[2])
        assert rest[1] == [5, 6, 7, 8]


def test_all_ranks_pass_over_what_is_damaged_on_one(tmp_path):
    """Property: when one rank's own part is damaged, every rank goes on from the checkpoint before."""
    two_ranks(RANKS, str(tmp_path / "run"), "4", str(tmp_path / "a"))
    part = tmp_path / "run" / "rank-1-step-000000000004.safetensors"
    part.write_bytes(part.read_bytes()[:-1])
    two_ranks(RANKS, str(tmp_path / "run"), "6", str(tmp_path / "b"))
    for rank in (0, 1):
        assert torch.load(tmp_path / f"b-{rank}", weights_only=True)[1] == [3, 4, 5, 6]


FULL = """
import sys, torch, warnings
from tests.engine.toys import mlp, pairs
from weft.engine import Checkpoints, Steps, checkpoints, fit
from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.parallel import join
join(); rank = torch.distributed.get_rank()
folder, broken, out = sys.argv[1], sys.argv[2], sys.argv[3]
write = checkpoints.write_state
def full(path, tree, note):
    if path.name == broken: raise OSError(28, "No space left on device")
    write(path, tree, note)
checkpoints.write_state = full
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    state = fit(Supervised(mlp(8, 2), cross_entropy), pairs(), until=Steps(6), run=Checkpoints(folder, every=Steps(2), keep_last=9))
torch.save([state.step, [str(w.message) for w in said if "No checkpoint" in str(w.message)]], f"{out}-{rank}")
"""


@pytest.mark.parametrize(("broken", "rank"), [("step-000000000004", 0), ("rank-0-step-000000000004", 0), ("rank-1-step-000000000004", 1)])
def test_a_full_disk_of_one_rank_is_heard_by_all(tmp_path, broken, rank):
    """Contract: whichever file of whichever rank cannot be written, every rank warns and trains on, and only that checkpoint is missing."""
    two_ranks(FULL, str(tmp_path / "run"), broken, str(tmp_path / "out"), timeout=60)
    for each in (0, 1):
        step, said = torch.load(tmp_path / f"out-{each}", weights_only=True)
        assert step == 6 and len(said) == 1 and "No checkpoint at step 4" in said[0]
        assert ("No space left" in said[0]) == (each == rank) and ("another rank" in said[0]) == (each != rank)
    assert steps(tmp_path / "run") == [2, 6]

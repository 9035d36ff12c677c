"""What every method of the catalogue does: learns, resumes bit for bit, keeps the frozen frozen, and adds up over pieces and ranks."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from tests.contracts.walk import Killed, copied, entries, example, killed_after, over, same
from weft.engine import Checkpoints, Method, Runtime, Steps, fit
from weft.optim import sgd
from weft.surgery import freeze

# Methods whose logged loss need not fall on a toy, each with the reason; their own tests prove that they learn.
LOSS_NEED_NOT_FALL = {
    "gan": "the critic's gain is the generator's loss",
    "wgan_gp": "the critic's gain is the generator's loss",
    "dqn": "the targets move while the world is explored",
    "ppo": "the objective is taken anew from each rollout",
    "sac": "the critics' targets move with the policy",
}
MADE_FOR_ITS_PARAMETERS = {"ewc": "it remembers an importance for each parameter that was trainable when it was made"}
VERBS = {"predict", "embed", "generate", "act", "encode", "decode", "score"}


class Crash(Exception):
    """What ends the first half: nothing after it runs."""


def crash(state, logs):
    if state.step == 4:
        raise Crash


def made(entry, seed=0):
    make, batches = example(entry)
    torch.manual_seed(seed)
    return make(), batches()


def state_of(method):
    return copied(method.state_dict())


def plain_loss(method, batches):
    """Whether the method is one loss without randomness or coupling, so that it may be cut into pieces; then also its value."""
    method.train()
    state = state_of(method)
    values = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        try:
            loss = method.loss(batches[0])
        except (TypeError, RuntimeError):
            return False  # it has its own step, or needs what only an update brings
        if loss.couples:
            return False
        values.append(loss.value.detach())
    unchanged = same(state, method.state_dict())
    norms = any(isinstance(module, nn.modules.batchnorm._BatchNorm) and module.training for module in method.modules())
    return unchanged and not norms and torch.equal(*values) and type(method).step is Method.step


def plain_updates(method, **changes):
    """The method's own updates with plain gradient descent, so that rounding is not blown up by a normalised step."""
    return {key: replace(update, optimizer=sgd(0.05), **changes) for key, update in method.updates().items()}


@over("method")
def test_it_learns_a_toy(entry):
    """Contract: sixty steps on a few batches bring the logged loss down."""
    if entry.name in LOSS_NEED_NOT_FALL:
        pytest.skip(LOSS_NEED_NOT_FALL[entry.name])
    method, batches = made(entry)
    seen: list[float] = []
    before = state_of(method)
    begun = measured(method, batches)
    state = fit(method, batches, until=Steps(60), listeners=[lambda state, logs: seen.append(float(logs["loss"])) if "loss" in logs else None])
    assert state.step == 60
    assert not same(before, method.state_dict())
    if begun is not None:
        assert measured(method, batches) < 0.98 * begun
    else:
        assert len(seen) == 60, "no 'loss' among the logs of its step"
        assert sum(seen[-8:]) < 0.98 * sum(seen[:8])


def measured(method, batches):
    """The mean loss over the batches under the same draws, or None for a method that has its own step."""
    if type(method).step is not Method.step:
        return None
    method.train()
    state, random, values = state_of(method), torch.get_rng_state(), []
    for seed in range(8):
        torch.manual_seed(seed)
        values += [float(method.loss(batch).value.detach()) for batch in batches]
    method.load_state_dict(state)
    torch.set_rng_state(random)
    return sum(values) / len(values)


@over("method")
def test_it_resumes_bit_for_bit(entry, tmp_path):
    """Contract: killed after three steps and begun again with other weights and another random state, it ends as one that was not."""
    straight, batches = made(entry)
    torch.manual_seed(5)
    fit(straight, batches, until=Steps(6), run=tmp_path / "straight")

    first, batches = made(entry)
    torch.manual_seed(5)
    with pytest.raises(Killed):
        fit(first, batches, until=Steps(6), run=Checkpoints(tmp_path / "halves", every=Steps(1)), listeners=[killed_after(3)])
    second, batches = made(entry, seed=99)
    torch.manual_seed(77)
    state = fit(second, batches, until=Steps(6), run=tmp_path / "halves")
    assert state.step == 6
    assert same(straight.state_dict(), second.state_dict())


@over("method")
def test_frozen_stays_frozen(entry):
    """Contract: a frozen part keeps every parameter and buffer, and everything that was frozen by the method does."""
    if entry.name in MADE_FOR_ITS_PARAMETERS:
        pytest.skip(MADE_FOR_ITS_PARAMETERS[entry.name])
    method, batches = made(entry)
    fixed = {name for name, value in method.named_parameters() if not value.requires_grad}
    followed = {name for update in method.updates().values() for arrow in update.after for name in (getattr(arrow, "target", None),) if isinstance(name, str)}
    layer = next((module for module in method.modules() if not list(module.children()) and any(p.requires_grad for p in module.parameters())), None)
    if layer is None or len([p for p in method.parameters() if p.requires_grad]) == len(list(layer.parameters())):
        pytest.skip("nothing can be frozen without freezing everything")
    freeze(layer)
    mine = {f"{name}.{key}" for name, module in method.named_modules() if module is layer for key in layer.state_dict()}
    before = state_of(method)
    fit(method, batches, until=Steps(5))
    after = method.state_dict()
    held = mine | {name for name in fixed if not name.split(".")[0].endswith(("average", "target")) and name.split(".")[0] not in followed}
    assert [name for name in sorted(held) if not torch.equal(before[name], after[name])] == []
    assert not same(before, after)


@over("method")
def test_predicting_leaves_everything_as_it_was(entry):
    """Contract: predict gives tensors with one row a sample and touches no weight, buffer, mode or random state."""
    method, batches = made(entry)
    method.train()
    before, modes, random = state_of(method), [module.training for module in method.modules()], torch.get_rng_state()
    try:
        prediction = method.predict(batches[0])
    except (KeyError, TypeError) as reason:
        if "predict" not in str(reason):
            raise
        pytest.skip(f"it does not predict from a training batch: {reason}")
    assert prediction and all(isinstance(value, Tensor) and not value.requires_grad for value in prediction.values())
    assert same(before, method.state_dict())
    assert [module.training for module in method.modules()] == modes
    if not any(isinstance(part, nn.Dropout) for part in method.modules()) and "generate" not in method.deploy():
        assert torch.equal(torch.get_rng_state(), random)


@over("method")
def test_deploy_names_networks_by_verb(entry):
    """Contract: what a bundle holds are networks, each under a verb."""
    method, _ = made(entry)
    networks = method.deploy()
    assert networks
    assert set(networks) <= VERBS
    assert all(isinstance(network, nn.Module) for network in networks.values())


@over("method")
@pytest.mark.parametrize("pieces", [2, 4])
def test_pieces_of_a_batch_equal_the_whole(entry, pieces):
    """Contract: microbatches leave the result as it is, wherever the loss neither draws randomness nor couples samples."""
    whole, batches = made(entry)
    if not plain_loss(whole, batches):
        pytest.skip("its loss draws randomness, couples samples or has its own step")
    cut, _ = made(entry)
    calls: list[int] = []
    inner = cut.loss
    object.__setattr__(cut, "loss", lambda batch: (calls.append(1), inner(batch))[1])
    fit(whole, batches, plain_updates(whole), until=Steps(4))
    fit(cut, batches, plain_updates(cut, microbatches=pieces), until=Steps(4))
    assert len(calls) >= 4 * pieces
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(cut.state_dict()[name], value, rtol=1e-4, atol=1e-6)


TWO_RANKS = """
import json, os, sys
import torch
from safetensors.torch import save_file
from tests.contracts import test_methods as contract
from tests.contracts.walk import entries
from weft.engine import Runtime, Steps, fit
from weft.parallel import join

group, rank, folder = join(), int(os.environ["RANK"]), sys.argv[1]
torch.set_num_threads(1)
for entry in entries("method"):
    if entry.name not in sys.argv[2:]:
        continue
    method, batches = contract.made(entry)
    share = [{key: value[rank::2] for key, value in batch.items()} for batch in batches]
    fit(method, share, contract.plain_updates(method), until=Steps(4), runtime=Runtime(group=group))
    if rank == 0:
        save_file({name: value.contiguous() for name, value in contract.state_of(method).items()}, f"{folder}/{entry.name}.safetensors")
"""


def splittable(entry):
    method, batches = made(entry)
    tensors = all(isinstance(value, Tensor) and len(value) % 2 == 0 for batch in batches if isinstance(batch, dict) for value in batch.values())
    return isinstance(batches[0], dict) and tensors and plain_loss(method, batches)


@pytest.fixture(scope="module")
def on_two_ranks(tmp_path_factory):
    """Every method that can be cut, trained by two gloo ranks in one launch: the folder of their weights, and their names."""
    folder = tmp_path_factory.mktemp("ranks")
    names = []
    for entry in entries("method"):
        try:
            if splittable(entry):
                names.append(entry.name)
        except pytest.skip.Exception:
            continue
    program = f"from weft.parallel import launch; import sys; sys.exit(launch({[sys.executable, '-c', TWO_RANKS, str(folder), *names]!r}, 2))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=300)
    (folder / "names.json").write_text(json.dumps({"names": names, "error": done.stderr[-3000:] if done.returncode else ""}))
    return folder


@over("method")
def test_two_ranks_equal_one_process(entry, on_two_ranks):
    """Contract: two gloo ranks with half of each batch end where one process with the whole batch ends."""
    from safetensors.torch import load_file

    note = json.loads((on_two_ranks / "names.json").read_text())
    assert not note["error"], note["error"]
    if entry.name not in note["names"]:
        pytest.skip("its loss draws randomness, couples samples or has its own step")
    method, batches = made(entry)
    fit(method, batches, plain_updates(method), until=Steps(4), runtime=Runtime())
    found = load_file(on_two_ranks / f"{entry.name}.safetensors")
    for name, value in method.state_dict().items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-6)

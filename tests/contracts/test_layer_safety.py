"""What every layer of the catalogue does under the compiler and under data parallelism."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from tests.contracts.test_networks import UNTRAINED_PARAMETERS, WITHOUT_GRADIENT, call, made
from tests.contracts.walk import over, tensors

CHECKED = os.environ.get("WEFT_SHAPES", "1") != "0"
# Entries that a contract does not hold for, each with the reason why that is right.
NOT_ONE_GRAPH = {"recurrent": "the compiler leaves torch.nn's recurrent kernels to themselves: one graph before, one after"}


@pytest.fixture(scope="module")
def process_group(tmp_path_factory):
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path_factory.mktemp('group') / 'meet'}", rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@over("layer")
def test_data_parallel_finds_no_unused_parameter(entry, process_group):
    """Contract: DistributedDataParallel on gloo takes two steps, which it refuses when a parameter got no gradient; gradients equal those without it."""
    if entry.name in WITHOUT_GRADIENT or entry.name in UNTRAINED_PARAMETERS:
        pytest.skip("not every parameter gets a gradient, as its own contract says")
    network, inputs = made(entry)
    if not any(value.requires_grad for value in network.parameters()):
        pytest.skip("nothing to train")
    (plain, _), parallel = made(entry), DistributedDataParallel(network)
    for one in (plain, parallel):
        for _ in range(2):
            torch.manual_seed(1)
            one.zero_grad()
            sum(value.float().square().sum() for value in tensors(call(one, inputs)) if value.is_floating_point()).backward()
    for left, right in zip(plain.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(left.grad, right.grad, rtol=1e-4, atol=1e-5)


def test_data_parallel_would_tell(process_group):
    """Contract: the fault that is looked for is found when planted."""
    network = nn.ModuleDict({"used": nn.Linear(2, 2), "spare": nn.Linear(2, 2)})
    network.forward = lambda x: network["used"](x)
    parallel = DistributedDataParallel(network)
    parallel(torch.randn(1, 2)).sum().backward()
    with pytest.raises(RuntimeError, match="did not receive grad"):
        parallel(torch.randn(1, 2))


@pytest.mark.slow
def test_every_layer_compiles_as_one_graph():
    """Contract: the test below holds for every layer, in a process of its own: annotations that are checked while a layer runs end its graph."""
    if not CHECKED:
        pytest.skip("this is that process")
    words = [sys.executable, "-m", "pytest", __file__, "-m", "slow", "-k", "compiled_as_one_graph", "-p", "no:cacheprovider", "-n", "0"]
    done = subprocess.run(words, env=os.environ | {"WEFT_SHAPES": "0"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    assert "passed" in done.stdout or "[100%]" in done.stdout


@pytest.mark.slow
@pytest.mark.skipif(CHECKED, reason="run in a process without checked annotations, by the test above")
@over("layer")
def test_compiled_as_one_graph(entry):
    """Contract: torch.compile takes the layer as one graph, forwards and backwards, with the same outputs and gradients."""
    if entry.name in NOT_ONE_GRAPH:
        pytest.skip(NOT_ONE_GRAPH[entry.name])
    torch._dynamo.reset()
    (plain, inputs), (compiled, _) = made(entry), made(entry)
    results = []
    for one in (plain.eval(), compiled.eval()):
        run = torch.compile(one, fullgraph=True, backend="aot_eager") if one is compiled else one
        torch.manual_seed(1)
        found = [value for value in tensors(call(run, inputs)) if value.is_floating_point()]
        if any(value.requires_grad for value in found):
            sum(value.square().sum() for value in found if value.requires_grad).backward()
        results.append(found)
    for left, right in zip(*results, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-5)
    for left, right in zip(plain.parameters(), compiled.parameters(), strict=True):
        assert (left.grad is None) == (right.grad is None)
        if left.grad is not None:
            torch.testing.assert_close(left.grad, right.grad, rtol=1e-4, atol=1e-5)

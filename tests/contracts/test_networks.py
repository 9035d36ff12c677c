"""What every network and layer of the catalogue does: forward, backward, save and load, half precision, export."""

from __future__ import annotations

import copy
import re
import warnings

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.utils import _pytree as pytree

from tests.contracts.walk import copied, example, over, same, tensors

# Entries that a contract does not hold for, each with the reason why that is right.
NOT_EXPORTED: dict[str, str] = {}
UNTRAINED_PARAMETERS: dict[str, tuple[str, ...]] = {}  # parameters that one forward pass need not reach
WITHOUT_GRADIENT = {"text_writer": "what it writes is token numbers, which nothing flows back through; the network within it is walked by itself"}
SAMPLES_SEE_EACH_OTHER: dict[str, str] = {}
PASSES_ON = "it hands its input to the parts that it is given, which speak for themselves"
HOLDS_ANY_PART = dict.fromkeys(
    ("adaptive_computation", "central_policy", "early_exits", "greedy_policy", "heads", "layers", "parallel", "repeat", "residual", "routed", "siamese",
     "time_distributed", "unrolled"),
    PASSES_ON,
)  # fmt: skip
GRADIENT_OF_ITS_OWN = {
    "gradient_reversal": "its gradient is another's on purpose; its own test says which",
    "gradient_scale": "its gradient is another's on purpose; its own test says which",
    "token_embedding": "the row of padding has no gradient on purpose",
    "straight_through_step": "its gradient is another's on purpose; its own test says which",
}


def made(entry, seed=0):
    make, inputs = example(entry)
    torch.manual_seed(seed)
    return make(), inputs


def call(network, inputs):
    return network(**inputs) if isinstance(inputs, dict) else network(*inputs)


@over("model", "layer")
def test_forward_and_backward_reach_every_parameter(entry):
    """Contract: outputs are finite, every trainable parameter gets a finite gradient, inputs are left alone."""
    network, inputs = made(entry)
    before = [value.clone() for value in tensors(inputs)]
    found = tensors(call(network, inputs))
    outputs = [value for value in found if value.is_floating_point()]
    assert found and (outputs or entry.name in WITHOUT_GRADIENT)
    for output in outputs:
        assert output.isfinite().all()
    trainable = {name: value for name, value in network.named_parameters() if value.requires_grad}
    if trainable and entry.name not in WITHOUT_GRADIENT:
        sum((output * torch.linspace(0.5, 1.5, output.numel()).reshape(output.shape)).sum() for output in outputs).backward()
    for name, value in trainable.items():
        if name not in UNTRAINED_PARAMETERS.get(entry.name, ()) and entry.name not in WITHOUT_GRADIENT:
            assert value.grad is not None, f"no gradient reaches {name}"
            assert value.grad.isfinite().all(), name
    for value, earlier in zip(tensors(inputs), before, strict=True):
        assert torch.equal(value, earlier), "the input was changed in place"


@over("model", "layer")
def test_saved_and_loaded_weights_give_the_same_output(entry, tmp_path):
    """Contract: the whole state goes through a safetensors file, under names that do not depend on the instance."""
    network, inputs = made(entry)
    other, _ = made(entry, seed=1)
    assert list(network.state_dict()) == list(other.state_dict())
    state = copied(network.state_dict())
    save_file({name: value.contiguous() for name, value in state.items()}, tmp_path / "weights.safetensors")
    other.load_state_dict(load_file(tmp_path / "weights.safetensors") if state else {})
    with torch.inference_mode():
        torch.manual_seed(3)
        expected = tensors(call(network.eval(), inputs))
        torch.manual_seed(3)
        found = tensors(call(other.eval(), inputs))
    for left, right in zip(expected, found, strict=True):
        assert torch.equal(left, right)


@over("model", "layer")
def test_eval_mode_is_deterministic_and_changes_nothing(entry):
    """Contract: in eval mode two calls agree bit for bit and leave the state as it was; a deep copy agrees too."""
    network, inputs = made(entry)
    network.eval()
    before = copied(network.state_dict())
    twin = copy.deepcopy(network)
    with torch.inference_mode():
        first, second, third = (tensors(call(net, inputs)) for net in (network, network, twin))
    assert same(before, network.state_dict())
    for left, right, further in zip(first, second, third, strict=True):
        assert torch.equal(left, right)
        assert torch.equal(left, further)


@over("model", "layer")
def test_samples_do_not_see_each_other(entry):
    """Contract: in eval mode the first sample's output does not depend on the others."""
    if entry.name in SAMPLES_SEE_EACH_OTHER:
        pytest.skip(SAMPLES_SEE_EACH_OTHER[entry.name])
    network, inputs = made(entry)
    sizes = {len(value) for value in tensors(inputs) if value.ndim}
    if len(sizes) != 1 or sizes == {1}:
        pytest.skip("the inputs have no batch of several samples")
    one = {name: value[:1] for name, value in inputs.items()} if isinstance(inputs, dict) else tuple(value[:1] for value in inputs)
    with torch.inference_mode():
        whole, alone = tensors(call(network.eval(), inputs)), tensors(call(network, one))
    for left, right in zip(whole, alone, strict=True):
        if left.ndim:
            torch.testing.assert_close(left[:1], right, rtol=1e-4, atol=1e-5)


@over("model", "layer")
def test_bfloat16_autocast_is_close_to_float32(entry):
    """Contract: under bfloat16 autocast outputs and gradients are finite and near those in float32."""
    network, inputs = made(entry)
    network.eval()
    exact = tensors(call(network, inputs))
    with torch.autocast("cpu", torch.bfloat16):
        rough = tensors(call(network, inputs))
    floats = [output.float() for output in rough if output.is_floating_point()]
    if any(output.requires_grad for output in floats):
        sum(output.sum() for output in floats).backward()
    for value in network.parameters():
        assert value.grad is None or value.grad.isfinite().all()
    for left, right in zip(exact, rough, strict=True):
        if left.is_floating_point():
            scale = left.detach().abs().mean() + 1e-3
            assert (left.detach() - right.detach().float()).abs().mean() < 0.05 * scale


@over("model", "layer")
def test_exported_graph_gives_the_same_output(entry):
    """Contract: torch.export traces the network into a graph that gives the same output."""
    if entry.name in NOT_EXPORTED:
        pytest.skip(NOT_EXPORTED[entry.name])
    network, inputs = made(entry)
    network.eval()
    args, kwargs = ((), inputs) if isinstance(inputs, dict) else (inputs, {})
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        program = torch.export.export(network, args, kwargs, strict=False)
        expected, found = tensors(call(network, inputs)), tensors(program.module()(*args, **kwargs))
    for left, right in zip(expected, found, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-5)


@over("layer")
def test_gradients_are_those_of_differences(entry):
    """Contract: in float64 and eval mode the gradients of inputs and parameters equal differences of the outputs (gradcheck)."""
    if entry.name in GRADIENT_OF_ITS_OWN:
        pytest.skip(GRADIENT_OF_ITS_OWN[entry.name])
    network, inputs = made(entry)
    network.double().eval()
    with torch.no_grad():
        for value in network.parameters():
            value += 0.1 * torch.randn_like(value)          # off the corners on which zeros stand
    leaves, spec = pytree.tree_flatten(inputs)
    leaves = [leaf.double().requires_grad_() if isinstance(leaf, torch.Tensor) and leaf.is_floating_point() else leaf for leaf in leaves]
    moving = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor) and leaf.requires_grad]
    moving += [value for value in network.parameters() if value.requires_grad]

    def outputs(*_):
        torch.manual_seed(3)
        found = [value for value in tensors(call(network, pytree.tree_unflatten(leaves, spec))) if value.is_floating_point()]
        return tuple(value for value in found if value.requires_grad)

    if not moving or not outputs():
        pytest.skip("nothing in it has a gradient")
    assert torch.autograd.gradcheck(outputs, moving, fast_mode=True)


@over("layer")
def test_a_wrong_size_is_taken_or_refused_by_name(entry):
    """Contract: an input with one channel or feature more either works or raises a ValueError that says what came, as torch's errors from inside a layer do not."""
    if entry.name in HOLDS_ANY_PART:
        pytest.skip(HOLDS_ANY_PART[entry.name])
    network, inputs = made(entry)
    if isinstance(inputs, dict) or type(network).__module__.startswith("torch"):
        pytest.skip("a layer of torch speaks for itself")
    network.eval()
    for number, value in enumerate(inputs):
        for dim in {1, value.ndim - 1} if isinstance(value, torch.Tensor) and value.ndim > 1 and value.is_floating_point() else ():
            larger = torch.cat([value, value.narrow(dim, 0, 1)], dim)
            with torch.inference_mode():
                said = refusal(network, (*inputs[:number], larger, *inputs[number + 1 :]))
                assert said is None or set(map(int, re.findall(r"\d+", said))) & set(larger.shape), f"says not what came: {said}"


def refusal(network, inputs):
    """What a network says when it refuses its inputs; None when it takes them."""
    try:
        call(network, inputs)
    except ValueError as refused:
        return str(refused)
    return None

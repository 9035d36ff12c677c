"""``Runtime``: what "auto" decides, what is refused, and the question whether numbers are finite."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from weft.engine import Runtime
from weft.parallel import runtime as module
from weft.parallel.runtime import find_device, finite, native_bfloat16

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("option", "value", "known"),
    [
        ("precision", "bf16", "'float32', 'bfloat16', 'float16', 'auto'"),
        ("compile", "everything", "None, 'objective', 'step'"),
        ("nonfinite", "ignore", "'stop', 'skip', 'rollback'"),
    ],
)
def test_unknown_options_are_refused(option, value, known):
    """Property: the error repeats the option and lists what is known."""
    with pytest.raises(ValueError, match=f"Runtime {option}='{value}': expected one of {known}"):
        Runtime(**{option: value})


@pytest.mark.parametrize(
    ("network", "wanted"),
    [
        (nn.Sequential(nn.Conv2d(1, 2, 3)), ("bfloat16", True)),
        (nn.Linear(4, 256), ("bfloat16", False)),
        (nn.Linear(256, 4), ("bfloat16", False)),
        (nn.Sequential(nn.Linear(255, 255)), ("float32", False)),
        (nn.Sequential(nn.Embedding(10, 512)), ("float32", False)),
        (nn.utils.parametrizations.weight_norm(nn.Linear(4, 4, bias=False)), ("float32", False)),
    ],
    ids=["convolution", "wide out", "wide in", "narrow", "embedding", "weights elsewhere"],
)
def test_auto_precision_is_bfloat16_where_it_pays(monkeypatch, network, wanted):
    """Property: convolutions and wide layers, only where the processor has it; float32 unless asked."""
    monkeypatch.setattr(module, "native_bfloat16", lambda device: True)
    found = Runtime(precision="auto").resolve(network)
    assert (found.precision, found.channels_last) == wanted
    assert Runtime().resolve(network).precision == "float32"
    monkeypatch.setattr(module, "native_bfloat16", lambda device: False)
    assert Runtime(precision="auto").resolve(network).precision == "float32"
    assert Runtime(precision="bfloat16").resolve(network).precision == "bfloat16"


@pytest.mark.parametrize("there", [True, False])
def test_native_bfloat16_asks_the_processor(monkeypatch, there):
    """Property: of a CPU, one of its two instruction sets."""
    for first, second in ((there, False), (False, there)):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: first)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: second)
        assert native_bfloat16(torch.device("cpu")) is there
    assert native_bfloat16(torch.device("mps")) is False


def test_auto_device_is_the_first_that_is_there(monkeypatch):
    """Property: cuda, xpu, mps, cpu, in this order."""
    found = []
    for kinds in (["cuda", "xpu", "mps"], ["xpu", "mps"], ["mps"], []):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in kinds)
        monkeypatch.setattr(torch.xpu, "is_available", lambda: "xpu" in kinds)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in kinds)
        found.append(find_device().type)
        assert Runtime(device="auto").resolve(nn.Linear(1, 1)).place.type == found[-1]
    assert found == ["cuda", "xpu", "mps", "cpu"]


def test_alone_it_is_rank_zero_of_one():
    """Property: no process group, no collective."""
    runtime = Runtime().resolve(nn.Linear(1, 1))
    assert (runtime.rank, runtime.world, runtime.group, runtime.place) == (0, 1, None, torch.device("cpu"))


@pytest.mark.parametrize(("precision", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_autocast_computes_in_the_named_precision(precision, dtype):
    """Property: the output of a linear layer; weights keep their own."""
    layer = nn.Linear(4, 4)
    with Runtime(precision=precision).autocast():
        assert layer(torch.zeros(2, 4)).dtype == dtype
    assert layer.weight.dtype == torch.float32 and layer(torch.zeros(2, 4)).dtype == torch.float32


def sparse(value):
    return torch.sparse_coo_tensor([[0, 2, 0]], [1.0, value, 1.0], (4,), check_invariants=True)


@pytest.mark.parametrize(
    ("tensors", "answer"),
    [
        ([], True),
        ([torch.zeros(0)], True),
        ([torch.zeros(3), torch.full((2, 2), 3e38)], True),
        ([torch.zeros(3), torch.tensor([0.0, NAN])], False),
        ([torch.tensor([[INF]])], False),
        ([torch.tensor(-INF), torch.zeros(5)], False),
        ([torch.zeros(0), torch.tensor([NAN])], False),
        ([torch.zeros(2), torch.tensor([NAN], dtype=torch.bfloat16)], False),
        ([torch.zeros(2), torch.ones(1, dtype=torch.bfloat16)], True),
        ([torch.tensor([1e300, 1.0], dtype=torch.float64)], True),
        ([torch.tensor([INF], dtype=torch.float64)], False),
        ([torch.tensor([1.0, INF], dtype=torch.float16)], False),
        ([torch.zeros(4, 4).t()[1:, ::2]], True),
        ([torch.tensor([[0.0, NAN], [0.0, 0.0]])[:, 0]], True),
        ([torch.zeros(2), sparse(2.0)], True),
        ([torch.zeros(2), sparse(NAN)], False),
        ([torch.sparse_coo_tensor([[1, 1]], [3e38, 3e38], (2,), check_invariants=True)], False),  # finite entries whose sum is not
    ],
)
def test_finite_sees_every_number(tensors, answer):
    """Closed form: NaN and infinity anywhere, of any precision, empty, strided or sparse; asked twice, for it keeps a flag; nothing is changed."""
    before = [t.clone() for t in tensors]
    assert finite(tensors) is answer
    assert finite([torch.zeros(1)]) is True
    for t, old in zip(tensors, before, strict=True):
        torch.testing.assert_close(t.to_dense() if t.is_sparse else t, old.to_dense() if old.is_sparse else old, rtol=0, atol=0, equal_nan=True)


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    """Error: names it and says what to take instead."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="device='cuda': this machine has no cuda; say 'auto'"):
        Runtime(device="cuda").resolve(nn.Linear(1, 1))


def test_a_copied_method_trains_in_the_same_group():
    """Property: a process group cannot be copied, so a runtime is its own copy, alone and within what holds it."""

    class Group:
        def __reduce_ex__(self, protocol):
            raise TypeError("cannot pickle a process group")

    method = nn.Linear(1, 1)
    method.runtime = Runtime(group=Group())
    assert copy.deepcopy(method).runtime is method.runtime

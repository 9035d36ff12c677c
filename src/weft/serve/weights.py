"""Weights as safetensors: out of a network, and back into one that must fit exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as tensor_bytes
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from weft.serve.archive import BundleError

SHOWN = 5  # differences that a message lists before it counts the rest


def pack(network: nn.Module) -> tuple[bytes, dict[str, str]]:
    """A network's state as safetensors bytes, and which names are the same tensor under another name (stored once).

    Raises ``BundleError`` for state that is not a tensor, or a parameter without a shape yet.
    """
    tensors: dict[str, Tensor] = {}
    tied: dict[str, str] = {}
    seen: dict[tuple[Any, ...], str] = {}
    storages: set[int] = set()
    for name, value in network.state_dict().items():
        if not isinstance(value, Tensor) or is_lazy(value):
            what = "a parameter without a shape yet; call the network once first" if isinstance(value, Tensor) else f"a {type(value).__name__}"
            raise BundleError(f"The state of {type(network).__name__} holds {name!r}, {what}. A bundle holds tensors only.")
        place = (value.data_ptr(), value.shape, value.stride(), value.dtype, value.device)
        if value.numel() and place in seen:
            tied[name] = seen[place]
            continue
        seen[place] = name
        storage = value.untyped_storage().data_ptr()
        tensors[name] = (value.detach().clone() if storage in storages else value.detach()).cpu().contiguous()
        storages.add(storage)
    return tensor_bytes(tensors), tied


def unpack(data: bytes, tied: Mapping[str, str], name: str) -> dict[str, Tensor]:
    """Tensors from safetensors bytes, with the tied names put back."""
    try:
        tensors = parse_tensors(data)
    except (SafetensorError, ValueError, KeyError, RuntimeError, TypeError) as error:
        raise BundleError(f"{name} is not valid safetensors ({error}). Nothing was loaded.") from error
    for alias, original in tied.items():
        if original not in tensors or alias in tensors:
            raise BundleError(f"{name} says that {alias!r} is {original!r}, but does not hold them so. Nothing was loaded.")
        tensors[alias] = tensors[original]
    return tensors


def differences(network: nn.Module, tensors: Mapping[str, Tensor]) -> list[str]:
    """What keeps these tensors from being exactly this network's state, in words."""
    expected = network.state_dict(keep_vars=True)
    said = [f"{name} is missing" for name in expected if name not in tensors]
    said += [f"{name} {tuple(tensor.shape)} has no place" for name, tensor in sorted(tensors.items()) if name not in expected]
    for name, value in expected.items():
        if name in tensors and isinstance(value, Tensor) and not is_lazy(value) and value.shape != tensors[name].shape:
            said.append(f"{name} has shape {tuple(tensors[name].shape)}, the network wants {tuple(value.shape)}")
    return said


def check(network: nn.Module, tensors: Mapping[str, Tensor], what: str) -> None:
    """Raise a ``BundleError`` that lists which names and which shapes differ."""
    said = differences(network, tensors)
    if said:
        more = f"; and {len(said) - SHOWN} more" if len(said) > SHOWN else ""
        raise BundleError(
            f"The weights of {what} do not fit {type(network).__name__}: {'; '.join(said[:SHOWN])}{more}. "
            "The spec and the weights must come from the same network."
        )


def rebuild(make: Callable[[], Any], tensors: Mapping[str, Tensor], what: str) -> nn.Module:
    """Make a network and put the tensors in, in eval mode and without gradients; the caller's random state stays as it was.

    The network is made without memory first, so that a spec that asks for more than the weights hold costs nothing.
    """
    with torch.random.fork_rng(devices=[]):
        try:
            with torch.device("meta"):
                outline = make()
        except (RuntimeError, TypeError, ValueError):
            outline = None  # some networks compute values while they are made; the real one below says what is wrong, if anything is
        if isinstance(outline, nn.Module):
            check(outline, tensors, what)
        network = make()
    if not isinstance(network, nn.Module):
        raise BundleError(f"The spec of {what} makes a {type(network).__name__}; expected a network (nn.Module).")
    check(network, tensors, what)
    for name, value in network.state_dict(keep_vars=True).items():
        if isinstance(value, Tensor) and not is_lazy(value) and value.dtype != tensors[name].dtype:
            value.data = value.data.to(tensors[name].dtype)  # a network saved in bfloat16 is opened in bfloat16
    network.load_state_dict(dict(tensors), strict=True)
    return network.requires_grad_(False).eval()

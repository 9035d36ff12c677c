"""Which parameters an update moves: ``on=`` resolved, overlaps and orphans refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn

from weft._lazy import hint

Named = list[tuple[str, nn.Parameter]]
On = str | nn.Module | nn.Parameter | Sequence[Any] | Callable[[str], bool]


def select(method: nn.Module, on: On) -> Named:
    """The trainable parameters that ``on`` means, in the order in which the method holds them.

    ``on`` is a submodule or parameter name ("" is everything), a module or parameter, a sequence of these, or a predicate on names.
    Raises ``ValueError`` with the nearest names when nothing is called so, or when nothing there is trainable.
    """
    everything = dict(method.named_parameters())
    names = _names(method, on, everything)
    found = [(n, p) for n, p in everything.items() if n in names and p.requires_grad]
    if not found:
        raise ValueError(
            f"An update on {on!r} has no trainable parameters:"
            f" {f'{len(names)} parameters there are frozen' if names else 'nothing there has parameters'}."
        )
    return found


def _names(method: nn.Module, on: On, everything: Mapping[str, nn.Parameter]) -> set[str]:
    if isinstance(on, str):
        places = dict(method.named_parameters(remove_duplicate=False))  # a tied weight goes by each of its names
        modules = dict(method.named_modules(remove_duplicate=False))
        if on in places:
            return _owned({id(places[on])}, everything)
        if on not in modules:
            raise ValueError(
                f"{type(method).__name__} has no submodule or parameter {on!r}. {hint(on, [n for n in modules if n] + list(everything))}"
            )
        return _owned({id(p) for p in modules[on].parameters()}, everything)
    if isinstance(on, nn.Parameter):
        return _owned({id(on)}, everything)
    if isinstance(on, nn.Module):
        return _owned({id(p) for p in on.parameters()}, everything)
    if callable(on):
        return {n for n in everything if on(n)}
    return set().union(*(_names(method, part, everything) for part in on))


def _owned(ids: set[int], everything: Mapping[str, nn.Parameter]) -> set[str]:
    names = {n for n, p in everything.items() if id(p) in ids}
    if len(names) < len(ids):
        raise ValueError("An update names a module or parameter that is no part of the method. Make it a submodule: method.NAME = module.")
    return names


def check_ownership(method: nn.Module, shared: Mapping[str, bool], chosen: Mapping[str, Named]) -> None:
    """Each trainable parameter belongs to exactly one update; anything else must be said (``shared=True``, or frozen)."""
    owner: dict[str, str] = {}
    for key, named in chosen.items():
        for name, _ in named:
            if name in owner and not (shared[key] and shared[owner[name]]):
                raise ValueError(
                    f"Both updates {owner[name]!r} and {key!r} move {name!r}. Give each its own parameters with on=, or say shared=True in both."
                )
            owner[name] = key
    orphans = [n for n, p in method.named_parameters() if p.requires_grad and n not in owner]
    if orphans:
        shown = ", ".join(orphans[:5]) + (f" and {len(orphans) - 5} more" if len(orphans) > 5 else "")
        raise ValueError(f"No update moves {shown}. Name them in an update with on=, or freeze them with weft.surgery.freeze.")


def check_arrows(method: nn.Module, arrows: list[object]) -> None:
    """Every module that an arrow touches must be a submodule of the method, or it would not be saved."""
    inside = {id(m) for m in method.modules()}
    for arrow in arrows:
        for name, value in getattr(arrow, "__dict__", {}).items():
            if isinstance(value, nn.Module) and id(value) not in inside:
                raise ValueError(
                    f"{type(arrow).__name__}.{name} is a module outside the method, so it would be neither moved nor saved. Make it a submodule:"
                    " method.average = ..."
                )


def check_spec(spec: Any) -> None:
    """Refuse an update whose optimizer is already made, whose arrows are no list, or that cuts its batch in no pieces."""
    if not callable(spec.optimizer):
        raise TypeError(
            f"Update got a {type(spec.optimizer).__name__} that is already made; it makes its own, from the parameters that it trains. Give"
            " weft.optim.adamw(3e-4), or functools.partial(torch.optim.Adam, lr=1e-3)."
        )
    if spec.microbatches < 1:
        raise ValueError(f"microbatches={spec.microbatches}: give a whole number of pieces, at least 1.")
    for name in ("gradients", "after"):
        if callable(getattr(spec, name)):
            raise TypeError(f"Update {name}= takes a sequence of arrows; write {name}=[...].")

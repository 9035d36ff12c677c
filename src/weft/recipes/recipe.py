"""A recipe found by its name or in a user's own file, and a call of it with every parameter settled."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

from weft._lazy import unknown
from weft.catalogue.entries import find as find_entry
from weft.catalogue.spec import own_name
from weft.recipes.parameters import declared, settle, written
from weft.recipes.settings import Settings


@dataclass(frozen=True)
class Recipe:
    """A function ``recipe(session, *, epochs: int = 10, ...)`` with the name by which it was asked for; ``file`` when it is a user's own."""

    name: str
    function: Callable[..., Any]
    file: Path | None = None

    @property
    def parameters(self) -> dict[str, tuple[Any, Any]]:
        """Its own parameters and those that every recipe has: name -> (type, default)."""
        own, shared = declared(self.function), settings_parameters()
        twice = sorted(own.keys() & shared.keys())
        if twice:
            raise TypeError(f"The recipe {self.name} declares {', '.join(twice)}, which every recipe has already; take it from session.settings.")
        return own | shared

    def own_classes(self) -> dict[str, type]:
        """The classes of the user's file, by the name under which a bundle records them."""
        return {} if self.file is None else classes_of(sys.modules[self.function.__module__])


@dataclass(frozen=True)
class Call:
    """A recipe with every parameter's value."""

    recipe: Recipe
    args: dict[str, Any]
    settings: Settings

    @classmethod
    def of(cls, recipe: Recipe, given: Mapping[str, Any]) -> Call:
        """Settle what was given; raises ValueError for unknown or missing keys and values of a wrong type."""
        values = settle(recipe.name, recipe.parameters, given)
        shared = {field.name: values.pop(field.name) for field in fields(Settings)}
        return cls(recipe, values, Settings(**shared))

    def spec(self) -> dict[str, Any]:
        """The call as JSON with every default written out; paths are absolute, so that it means the same elsewhere."""
        args = {name: value.resolve() if isinstance(value, Path) else value for name, value in self.args.items()}
        return {"name": self.recipe.name, "args": written({**args, **self.settings.written()})}

    def paths(self) -> dict[str, Path]:
        """The files and folders among the arguments: the data that the run depends on."""
        return {name: value for name, value in self.args.items() if isinstance(value, Path) and value.exists()}


def settings_parameters() -> dict[str, tuple[Any, Any]]:
    hints = get_type_hints(Settings)
    return {field.name: (hints[field.name], field.default) for field in fields(Settings)}


def find(name: str) -> Recipe:
    """The recipe of a name: one of the catalogue, or ``path/to/mine.py:train`` (``mine.py`` alone when it holds one).

    Raises ValueError with the nearest names, FileNotFoundError for a file that is not there, TypeError for a function that is no recipe.
    """
    file, colon, function = name.rpartition(":") if ":" in name else (name, "", "")
    if file.endswith(".py"):
        path = Path(file).expanduser().resolve()
        module = load_file(path)
        own = {key: value for key, value in vars(module).items() if is_recipe(value) and value.__module__ == module.__name__}
        if not colon and len(own) == 1:
            function = next(iter(own))
        elif not colon:
            raise ValueError(f"{file} holds {len(own)} recipes ({', '.join(own)}). Say which: {file}:NAME. A recipe's first parameter is session.")
        if function not in vars(module):
            raise unknown(f"recipe of {file}", function, own)
        recipe = Recipe(f"{path}:{function}", getattr(module, function), path)
        declared(recipe.function)
        return recipe
    entry = find_entry(name, "recipe")
    return Recipe(entry.name, entry.load())


def is_recipe(value: Any) -> bool:
    return inspect.isfunction(value) and next(iter(inspect.signature(value).parameters), "") == "session"


def load_file(path: Path) -> ModuleType:
    """Import a user's own Python file under its own name, so that its classes are recorded as ``mine:Net``.

    Raises FileNotFoundError when it is not there, ValueError when its name already belongs to another module.
    """
    if not path.is_file():
        near = sorted(other.name for other in path.parent.glob("*.py"))[:5] if path.parent.is_dir() else []
        raise FileNotFoundError(f"There is no file {str(path)!r}.{' Beside it: ' + ', '.join(near) + '.' if near else ''}")
    name = path.stem
    there = sys.modules.get(name)
    mine = there is not None and getattr(there, "__weft_file__", False)
    if name in sys.stdlib_module_names or (there is not None and not mine and getattr(there, "__file__", None) != str(path)):
        raise ValueError(f"{path.name} has the name of another Python module; rename the file, for instance to my_{path.name}.")
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{str(path)!r} cannot be imported; expected a Python file.")
    module = importlib.util.module_from_spec(spec)
    module.__dict__["__weft_file__"] = True
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def classes_of(module: ModuleType) -> dict[str, type]:
    """The classes that a module defines, by the name under which they are recorded."""
    return {own_name(value): value for value in vars(module).values() if isinstance(value, type) and value.__module__ == module.__name__}

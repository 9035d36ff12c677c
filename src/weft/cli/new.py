"""``weft new layer NAME``: a file, its test, and a line for the table."""

from __future__ import annotations

import keyword
import re
from argparse import Namespace
from pathlib import Path

LAYER = '''"""{sentence}"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class {name}(nn.Module):
    """A linear layer with a learned scale: s * (W x + b). (Say in one sentence and a formula what it does.)

    Shapes: x (..., in_dim) -> (..., out_dim).
    Errors: ``ValueError`` when x has another width.
    Paper: (authors, year, arXiv or DOI.)
    Use when (…); instead of it, ``nn.Linear``. Cost in_dim * out_dim a vector.

    >>> {name}(4, 6)(torch.zeros(2, 4)).shape
    torch.Size([2, 6])
    """

    def __init__(self, in_dim: int, out_dim: int) -> None:
        super().__init__()
        self.in_dim = in_dim
        self.linear = nn.Linear(in_dim, out_dim)
        self.scale = nn.Parameter(torch.ones(out_dim))

    def forward(self, x: Float[Tensor, " *b in"]) -> Float[Tensor, " *b out"]:
        if x.shape[-1] != self.in_dim:
            raise ValueError(f"{name} expects vectors of {{self.in_dim}} numbers; got x of shape {{tuple(x.shape)}}.")
        return self.scale * self.linear(x)
'''
TEST = '''"""{name} against its formula."""

from __future__ import annotations

import pytest
import torch

{imports}


def test_is_in_order():
    """Contract: {name} passes the checks of every layer: gradients, state, modes, samples apart, devices and dtypes."""
    check_layer(lambda: {name}(4, 6), torch.randn(3, 4))


def test_equals_the_formula():
    """Closed form: {name} is s * (W x + b)."""
    layer, x = {name}(4, 6), torch.randn(3, 4)
    torch.nn.init.normal_(layer.scale)
    torch.testing.assert_close(layer(x), layer.scale * (x @ layer.linear.weight.T + layer.linear.bias))


def test_errors_say_what_came():
    with pytest.raises(ValueError, match="expects vectors of 4 numbers"):
        {name}(4, 6)(torch.zeros(3, 5))
'''


def layer(options: Namespace) -> None:
    """A new layer: its file, its test, and its line in the table, all of which pass from the start.

    weft new layer GatedSum
    weft new layer GatedSum --into src/weft/nn

    In a checkout of weft the test goes to its mirrored place and the shelf's table gets the line; elsewhere both files stand side by side."""
    name = "".join(word[:1].upper() + word[1:] for word in re.split(r"[_\W]+", options.name))
    if not name.isidentifier() or not name.isascii() or keyword.iskeyword(name):
        raise ValueError(f"A layer's name is made of letters and digits, such as GatedSum or gated_sum; got {options.name!r}.")
    stem = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    folder = Path(options.into).resolve()
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {options.into!r}; make it, or say another with --into.")
    module, test = _places(folder, stem)
    for path in (folder / f"{stem}.py", test):
        if path.exists():
            raise FileExistsError(f"{path} is there already; choose another name, or remove it.")
    if not test.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {str(test.parent)!r} for the test; make it first.")
    (folder / f"{stem}.py").write_text(LAYER.format(name=name, sentence=f"{name}: (say what it is)."), encoding="utf-8")
    imports = "\n".join(sorted([f"from {module} import {name}", "from weft.nn import check_layer"], key=lambda line: line.split()[1]))
    test.write_text(TEST.format(name=name, imports=imports), encoding="utf-8")
    print(f"{folder / f'{stem}.py'}\n{test}")
    line = f'"{stem}": "{module}:{name}",'
    shelf = folder / "__init__.py"
    if shelf.is_file() and _listed(shelf, line, name, module, stem):
        print(f"{shelf}: {line}")
    elif module.startswith("weft."):
        print(f"Add to the shelf's TABLE: {line}")


def _places(folder: Path, stem: str) -> tuple[str, Path]:
    """The module's name and where its test goes: mirrored in a checkout, beside it elsewhere."""
    parts = folder.parts
    for number in range(len(parts) - 1):
        if parts[number : number + 2] == ("src", "weft"):
            return ".".join((*parts[number + 1 :], stem)), Path(*parts[:number], "tests", *parts[number + 2 :], f"test_{stem}.py")
    return stem, folder / f"test_{stem}.py"


def _listed(shelf: Path, line: str, name: str, module: str, stem: str) -> bool:
    """Put the line into the shelf's table and a tiny instance into its examples; False where the shelf has another form."""
    text = shelf.read_text(encoding="utf-8")
    table, made = "TABLE = {\n", "    return {\n"
    if text.count(table) != 1 or text.count(made) != 1 or 'KIND = "layer"' not in text or "import torch\n" not in text:
        return False
    text = text.replace(table, f"{table}    {line}\n")
    example = f'        "{stem}": (lambda: {name}(4, 6), (torch.randn(2, 4),)),\n'
    shelf.write_text(text.replace(made, f"    from {module} import {name}\n\n{made}{example}"), encoding="utf-8")
    return True

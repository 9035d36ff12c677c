"""weft new layer: what it writes passes from the start."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest
import torch

from tests.cli.test_commands import refused, said

SHELF = '''"""A shelf."""

from __future__ import annotations

TABLE = {
    "other": "weft.nn.other:Other",
}
KIND = "layer"


def examples():
    """Each layer."""
    import torch

    return {
        "other": 1,
    }
'''


def loaded(path, monkeypatch):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, path.stem, module)
    spec.loader.exec_module(module)
    return module


def test_a_new_layer_passes_its_own_test(capsys, tmp_path, monkeypatch):
    """Contract: the skeleton passes check_layer and its closed form; a fault planted in it is found."""
    assert "gated_sum.py" in said(capsys, "new", "layer", "gated_sum", "--into", tmp_path)
    layer = loaded(tmp_path / "gated_sum.py", monkeypatch)
    test = loaded(tmp_path / "test_gated_sum.py", monkeypatch)
    for name in ("test_is_in_order", "test_equals_the_formula", "test_errors_say_what_came"):
        getattr(test, name)()
    assert layer.GatedSum(2, 3)(torch.zeros(1, 2)).shape == (1, 3)
    text = (tmp_path / "gated_sum.py").read_text()
    (tmp_path / "gated_sum.py").write_text(text.replace("self.scale * self.linear(x)", "self.linear(x)"))
    loaded(tmp_path / "gated_sum.py", monkeypatch)
    broken = loaded(tmp_path / "test_gated_sum.py", monkeypatch)
    with pytest.raises(ValueError, match="no gradient reaches scale"):
        broken.test_is_in_order()


def test_in_a_checkout_the_test_is_mirrored_and_the_table_has_the_line(capsys, tmp_path):
    shelf, tests = tmp_path / "src" / "weft" / "nn" / "sums", tmp_path / "tests" / "nn" / "sums"
    shelf.mkdir(parents=True)
    assert "no folder" in refused(capsys, "new", "layer", "GatedSum", "--into", shelf)
    tests.mkdir(parents=True)
    (shelf / "__init__.py").write_text(SHELF)
    said(capsys, "new", "layer", "GatedSum", "--into", shelf)
    text = (shelf / "__init__.py").read_text()
    assert '"gated_sum": "weft.nn.sums.gated_sum:GatedSum",' in text and '"gated_sum": (lambda: GatedSum(4, 6), (torch.randn(2, 4),)),' in text
    assert "from weft.nn.sums.gated_sum import GatedSum" in (tests / "test_gated_sum.py").read_text()
    compile(text, "shelf", "exec")
    checked = subprocess.run([sys.executable, "-m", "ruff", "check", "--isolated", "--line-length", "150", "--config", "lint.isort.known-first-party=['weft']", "--select", "E,F,I", "--ignore", "F722", shelf / "gated_sum.py", tests], capture_output=True, text=True)
    assert checked.returncode == 0 or "No module named ruff" in checked.stderr, checked.stdout


def test_what_is_wrong_is_said_and_nothing_is_overwritten(capsys, tmp_path):
    said(capsys, "new", "layer", "GatedSum", "--into", tmp_path)
    assert "is there already" in refused(capsys, "new", "layer", "GatedSum", "--into", tmp_path)
    assert "letters and digits" in refused(capsys, "new", "layer", "2fast", "--into", tmp_path)
    assert "no folder" in refused(capsys, "new", "layer", "Fine", "--into", tmp_path / "none")

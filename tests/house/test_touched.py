"""The slow proofs of a change are those that stand on what it touches."""

from __future__ import annotations

import pytest

from tests.house import touched

FILES = {
    "src/weft/__init__.py": 'attach("weft", {}, {"fit": "weft.engine:fit"})',
    "src/weft/engine/__init__.py": "",
    "src/weft/losses/__init__.py": 'TABLE = {"dice": "weft.losses.overlap:dice", "l1": "weft.losses.regression:l1"}',
    "src/weft/losses/overlap.py": "def dice(): ...",
    "src/weft/losses/regression.py": "def l1(): ...",
    "src/weft/methods/segment.py": "from weft.losses import dice",
    "src/weft/recipes/cells.py": "def cells():\n    from weft.methods.segment import Segment",
    "tests/recipes/test_cells.py": "import pytest\n@pytest.mark.slow\ndef test_cells(): assert weft.run('cells')",
    "tests/methods/test_other.py": "from weft.losses import l1\n@pytest.mark.slow\ndef test_l1(): assert l1()",
    "tests/methods/test_quick.py": "from weft.losses import dice\ndef test_dice(): assert dice()",
}


@pytest.fixture
def project(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (["src/weft/losses/overlap.py"], ["tests/recipes/test_cells.py"]),
        (["src/weft/losses/regression.py"], ["tests/methods/test_other.py"]),
        (["src/weft/recipes/cells.py"], ["tests/recipes/test_cells.py"]),
        (["tests/methods/test_other.py"], ["tests/methods/test_other.py"]),
        (["README.md", "docs/index.md"], []),
        (["tests/methods/test_quick.py"], []),
        (["src/weft/engine/loop.py"], ["tests/methods/test_other.py", "tests/recipes/test_cells.py"]),
        (["pyproject.toml"], ["tests/methods/test_other.py", "tests/recipes/test_cells.py"]),
        (None, ["tests/methods/test_other.py", "tests/recipes/test_cells.py"]),
    ],
)
def test_a_change_calls_for_the_slow_proofs_that_stand_on_it(project, changed, expected):
    assert touched.touched(changed, project) == expected


def test_a_commit_that_git_does_not_know_means_everything(project):
    assert touched.changed_since("no-such-commit", project) is None

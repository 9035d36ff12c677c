"""The rules of the house, kept over the whole project; each rule is also fed a fault and something good."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.house import budgets, forbidden, proofs, ranks
from tests.house.source import ROOT, Source, library, suite

RULES = [
    ranks.ranks, ranks.shelves_are_light, ranks.textbook_is_numpy,
    budgets.files, budgets.functions, budgets.parameters, budgets.depth,
    forbidden.unsafe_imports, forbidden.unsafe_calls, forbidden.swallowed, forbidden.vague_names, forbidden.distributed_losses,
    proofs.tables, proofs.sentences, proofs.examples,
]  # fmt: skip


def named(rule: object) -> str:
    return getattr(rule, "__name__", "")


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_the_library_keeps_the_rule(rule):
    wrong = list(rule(library()))
    assert not wrong, f"{rule.__doc__}\n" + "\n".join(wrong)


def test_there_is_one_test_file_for_each_source_file():
    wrong = list(proofs.mirror(library(), suite()))
    assert not wrong, "\n".join(wrong)


def test_every_test_can_fail():
    wrong = list(proofs.tests_assert(suite()))
    assert not wrong, "\n".join(wrong)


def test_every_catalogue_entry_is_proved():
    wrong = list(proofs.proved(library(), suite()))
    assert not wrong, "\n".join(wrong)


def texts() -> dict[str, str]:
    """Every text file that git tracks or would add, except what runs the project where it is built."""
    try:
        listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    except (OSError, subprocess.CalledProcessError):  # an unpacked archive has no git
        listed = [path.relative_to(ROOT).as_posix() for folder in ("src", "tests", "docs") for path in (ROOT / folder).rglob("*") if path.is_file()]
    found = {}
    for name in listed:
        path = ROOT / name
        if name and not name.startswith(".ci/") and path.is_file() and path.suffix in {".py", ".md", ".toml", ".yml", ".yaml", ".txt", ".cfg", ""}:
            found[name] = path.read_text(encoding="utf-8", errors="replace")
    return found


def test_the_project_speaks_of_itself_only():
    found = texts()
    assert len(found) > 10
    wrong = list(forbidden.workplace(found))
    assert not wrong, "\n".join(wrong)


long_function = "def f():\n" + "    x = 1\n" * 61
long_file = "x = 1\n" * 401
documented = '"""A file."""\n'

FAULTS = [
    (ranks.ranks, "losses/a.py", "from weft.engine import fit"),
    (ranks.ranks, "losses/a.py", "def f():\n    import weft.models.vision"),
    (ranks.ranks, "losses/a.py", "from ..nn import Attention\nfrom weft.metrics import accuracy"),
    (ranks.ranks, "models/vision/a.py", "from ...engine import fit"),
    (ranks.ranks, "models/a.py", "load('weft.methods.supervised:Supervised')"),
    (ranks.ranks, "methods/a.py", "from weft.models.vision import resnet18"),
    (ranks.ranks, "losses/a.py", "from weft import fit"),
    (ranks.ranks, "toolbox/a.py", "x = 1"),
    (ranks.ranks, "_lazy.py", "import weft.nn"),
    (ranks.shelves_are_light, "losses/__init__.py", "import torch"),
    (ranks.textbook_is_numpy, "scratch/a.py", "def f():\n    import torch"),
    (ranks.textbook_is_numpy, "scratch/a.py", "from jaxtyping import Float"),
    (budgets.files, "losses/a.py", long_file),
    (budgets.files, "models/a.py", "x = 1\n" * 601),
    (budgets.functions, "losses/a.py", long_function),
    (budgets.functions, "losses/a.py", "class A:\n" + "\n".join("    " + line for line in long_function.splitlines())),
    (budgets.parameters, "losses/a.py", "def f(a, b, c, d, e, f, g, h, *, i): ..."),
    (budgets.parameters, "recipes/a.py", f"def f({', '.join(f'a{i}' for i in range(25))}): ..."),
    (budgets.parameters, "losses/a.py", "def f(**options): ..."),
    (budgets.depth, "methods/a.py", "class A: ...\nclass B(A): ...\nclass C(B): ...\nclass D(C): ..."),
    (forbidden.unsafe_imports, "data/a.py", "def f():\n    from pickle import load"),
    (forbidden.unsafe_imports, "data/a.py", "import joblib"),
    (forbidden.unsafe_calls, "data/a.py", "eval('1')"),
    (forbidden.unsafe_calls, "data/a.py", "exec('1')"),
    (forbidden.unsafe_calls, "data/a.py", "subprocess.run('ls', shell=True)"),
    (forbidden.unsafe_calls, "data/a.py", "os.system('ls')"),
    (forbidden.unsafe_calls, "data/a.py", "torch.load(path)"),
    (forbidden.unsafe_calls, "data/a.py", "torch.load(path, weights_only=False)"),
    (forbidden.unsafe_calls, "data/a.py", "np.load(path, allow_pickle=True)"),
    (forbidden.unsafe_calls, "data/a.py", "yaml.load(text)"),
    (forbidden.unsafe_calls, "data/a.py", "archive.extractall(folder)"),
    (forbidden.unsafe_calls, "models/a.py", "AutoModel.from_pretrained(name, trust_remote_code=True)"),
    (forbidden.swallowed, "data/a.py", "try:\n    x = 1\nexcept:\n    x = 2"),
    (forbidden.swallowed, "data/a.py", "raise NotImplementedError"),
    (forbidden.swallowed, "data/a.py", "x = 1  # TO" "DO: mend"),
    (forbidden.vague_names, "data/utils.py", "x = 1"),
    (forbidden.vague_names, "data/_helpers.py", "x = 1"),
    (forbidden.vague_names, "data/a.py", "class BaseLoader: ..."),
    (forbidden.vague_names, "data/a.py", "class LoaderManager: ..."),
    (forbidden.distributed_losses, "losses/a.py", "import torch.distributed as dist"),
    (proofs.tables, "losses/__init__.py", "TABLE = dict(a=1)\nKIND = 'loss'"),
    (proofs.tables, "losses/__init__.py", "TABLE = {'a': 'weft.losses.a:a'}\nKIND = 'loss'"),
    (proofs.tables, "losses/__init__.py", "def a(): ...\nTABLE = {'a': 'weft.losses:a'}\nKIND = 'thing'"),
    (proofs.tables, "losses/__init__.py", "def a(): ...\nTABLE = {'Big': 'weft.losses:a'}\nKIND = 'loss'"),
    (proofs.tables, "losses/__init__.py", "def a(): ...\nTABLE = {'a': 'weft.losses:a'}"),
    (proofs.sentences, "losses/a.py", "x = 1"),
    (proofs.sentences, "losses/a.py", documented + "def f():\n" + "    x = 1\n" * 6),
    (proofs.sentences, "losses/a.py", documented + "class A: ..."),
    (proofs.sentences, "losses/a.py", documented + 'class A:\n    """thing"""'),
    (proofs.examples, "losses/__init__.py", "def a(): ...\nTABLE = {'a': 'weft.losses:a'}\nKIND = 'loss'"),
    (proofs.tests_assert, "losses/test_a.py", "def test_a():\n    f()"),
    (proofs.tests_assert, "losses/test_a.py", "def test_a():\n    assert True"),
    (proofs.tests_assert, "losses/test_a.py", "def f():\n    return 1\ndef test_a():\n    f()"),
    (proofs.tests_assert, "losses/test_a.py", "def test_a():\n    t = time.perf_counter()\n    assert t"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "path", "text"), FAULTS, ids=lambda value: getattr(value, "__name__", None))
def test_the_rule_sees_the_fault(rule, path, text):
    assert list(rule([Source(path, text)]))


GOOD = [
    (ranks.ranks, "engine/a.py", "from weft.losses import Loss\nfrom . import method\nfrom .method import Method\nfrom weft._lazy import attach"),
    (ranks.ranks, "__init__.py", "attach('weft', {}, {'fit': 'weft.engine:fit'})"),
    (ranks.shelves_are_light, "losses/__init__.py", "from weft._lazy import attach\ndef examples():\n    import torch"),
    (ranks.textbook_is_numpy, "scratch/a.py", "import math\nimport numpy as np\nfrom weft.scratch.rnn import rnn"),
    (ranks.textbook_is_numpy, "losses/a.py", "import torch"),
    (budgets.files, "losses/a.py", "x = 1\n\n# why\n" * 400),
    (budgets.functions, "losses/a.py", 'def f():\n    """' + "long\n" * 100 + '"""\n    return 1'),
    (budgets.parameters, "losses/a.py", "class A:\n    def f(self, a, b, c, d, e, f, g, h): ..."),
    (budgets.parameters, "recipes/a.py", f"def f({', '.join(f'a{i}' for i in range(24))}): ..."),
    (budgets.parameters, "recipes/run.py", "def run(name, **parameters): ..."),
    (budgets.depth, "methods/a.py", "class A(Module): ...\nclass B(A): ...\nclass C(B): ..."),
    (forbidden.unsafe_imports, "data/sets/planetoid.py", "import pickle"),
    (forbidden.unsafe_calls, "data/a.py", "torch.load(p, weights_only=True)\nmodel.eval()\nre.compile('a')\narchive.extractall(folder, filter='data')"),
    (forbidden.swallowed, "data/a.py", "try:\n    x = 1\nexcept ValueError:\n    x = 2"),
    (forbidden.vague_names, "data/loader.py", "class Loader: ..."),
    (proofs.tables, "losses/__init__.py", "def a(): ...\nTABLE = {'a': 'weft.losses:a'}\nKIND = {'a': 'loss'}"),
    (proofs.sentences, "losses/a.py", documented + 'def f():\n    """The mean of\n    squares.\n\n    More."""\ndef _g(): ...\ndef plain(): return 1'),
    (proofs.examples, "losses/__init__.py", "def a():\n    '''A.\n\n    >>> a()\n    '''\nTABLE = {'a': 'weft.losses:a'}\nKIND = 'loss'"),
    (proofs.tests_assert, "losses/test_a.py", "def check(x):\n    assert x\ndef test_a():\n    check(1)\ndef test_b():\n    with pytest.raises(ValueError): f()"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "path", "text"), GOOD, ids=lambda value: getattr(value, "__name__", None))
def test_the_rule_lets_good_code_pass(rule, path, text):
    assert list(rule([Source(path, text)])) == []


def test_what_a_package_exports_needs_its_sentence_however_short_it_is():
    shelf = Source("losses/__init__.py", documented + "attach('weft.losses', {}, {'f': 'weft.losses.a:f'})")
    assert list(proofs.sentences([shelf, Source("losses/a.py", documented + "def f(): return 1")]))
    assert list(proofs.sentences([shelf, Source("losses/a.py", documented + "def g(): return 1")])) == []


def test_the_engine_budget_is_for_all_its_files_together():
    halves = [Source(f"engine/{name}.py", "x = 1\n" * 390) for name in "abc"]
    assert list(budgets.files(halves)) == ["engine: 1170 code lines in all, at most 1000"]


def test_the_mirror_sees_a_missing_and_an_orphaned_test_file():
    library_files = [Source("losses/dice.py", ""), Source("losses/__init__.py", ""), Source("_lazy.py", "")]
    assert list(proofs.mirror(library_files, [Source("losses/test_dice.py", ""), Source("test_lazy.py", ""), Source("test_house.py", "")])) == []
    wrong = list(proofs.mirror(library_files, [Source("losses/test_dise.py", ""), Source("test_lazy.py", "")]))
    assert [text.split(":")[0] for text in wrong] == ["losses/dice.py", "tests/losses/test_dise.py"]


def test_a_proof_needs_the_name_and_the_kind_of_proof():
    shelf = [Source("losses/__init__.py", "TABLE = {'dice': 'weft.losses.dice:Dice'}\nKIND = 'loss'")]
    named_only = Source("losses/test_dice.py", "def test_dice():\n    '''It works.'''\n    assert dice")
    proof_only = Source("losses/test_dice.py", "def test_it():\n    '''Parity: with another.'''\n    assert it")
    both = Source("losses/test_dice.py", "def test_it():\n    '''Closed form: by hand.'''\n    assert Dice()")
    assert list(proofs.proved(shelf, [named_only])) and list(proofs.proved(shelf, [proof_only]))
    assert list(proofs.proved(shelf, [both])) == []


@pytest.mark.parametrize("line", ["see sha" "red/data", "as iss" "ue 12 says", "/wo" "rk/main/src", "DES" "IGN.md §4"])
def test_words_of_a_workplace_are_seen(line):
    assert list(forbidden.workplace({"a.md": line}))
    assert list(forbidden.workplace({"a.md": "shared work, an issue, a design"})) == []


def test_version_is_said_once_and_the_same():
    import tomllib

    import weft

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == weft.__version__


def test_required_dependencies_are_few_and_justified():
    import re
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named_in_page = (ROOT / "docs" / "dependencies.md").read_text()
    required = [re.split(r"[<>=\[ ]", text)[0] for text in project["dependencies"]]
    optional = [re.split(r"[<>=\[ ]", text)[0] for group in project["optional-dependencies"].values() for text in group]
    assert len(required) <= 10
    assert [name for name in {*required, *optional} - {"weft"} if f"`{name}`" not in named_in_page] == []
    assert not any("==" in text for text in project["dependencies"]), "published requirements are ranges"


def test_constraints_pin_one_version_of_everything():
    lines = [line for line in Path(ROOT / "requirements" / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert "torch==2.13.0" in lines
    assert [line for line in lines if line.count("==") != 1] == []

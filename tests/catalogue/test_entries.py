"""The listing reads tables and docstrings as text."""

from __future__ import annotations

import subprocess
import sys

import pytest

import weft
from weft._lazy import load
from weft.catalogue import entries


def test_every_entry_loads_the_thing_its_table_names():
    for entry in weft.list():
        try:
            thing = entry.load()
        except ModuleNotFoundError as missing:
            if (missing.name or "weft").startswith("weft"):
                raise
            continue  # an extra that is not here
        assert callable(thing), entry
        assert thing is load(entry.path)


def test_listing_agrees_with_the_shelves_own_tables():
    import importlib

    for shelf in {entry.shelf for entry in weft.list()}:
        table = importlib.import_module(shelf).TABLE
        assert table == {entry.name: entry.path for entry in weft.list() if entry.shelf == shelf}


def test_listing_and_showing_import_no_torch():
    program = "import sys, weft; [str(weft.show(f'{e.kind}/{e.name}')) for e in weft.list()]; weft.list()[0].sentence; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_a_kind_may_be_said_in_the_plural():
    assert weft.list("losses") == weft.list("loss") != []
    with pytest.raises(ValueError, match=r"Unknown kind 'los'. Did you mean 'loss'"):
        weft.list("los")


def test_unknown_names_list_the_nearest():
    with pytest.raises(ValueError, match=r"Unknown name 'cros_entropy'. Did you mean 'cross_entropy'"):
        weft.show("cros_entropy")
    with pytest.raises(ValueError, match=r"Unknown loss 'accuracy'"):
        weft.show("loss/accuracy")


def test_a_name_of_two_kinds_asks_which(monkeypatch):
    two = (entries.Entry("dice", "loss", "a:dice", "a"), entries.Entry("dice", "metric", "b:Dice", "b"))
    monkeypatch.setattr(entries, "_all", lambda: two)
    with pytest.raises(ValueError, match=r"Say which: loss/dice, metric/dice"):
        entries.find("dice")
    assert entries.find("metric/dice") is two[1]
    assert entries.find("dice", "loss") is two[0]


def test_an_entry_tells_what_its_source_says(tmp_path, monkeypatch):
    (tmp_path / "losses").mkdir()
    (tmp_path / "losses" / "dice.py").write_text(
        'from dataclasses import dataclass\n\n'
        "def dice(prediction, target, *, smooth: float = 1.0):\n"
        '    """Overlap of two masks,\n    as a loss. It is soft.\n\n    Paper: Milletari et al., 2016,\n    arXiv:1606.04797\n    Use when small things matter.\n\n    >>> dice(1, 2)\n    0.5\n    """\n'
        "\n@dataclass\nclass Box:\n    side: int\n    depth: int = 2\n"
        "\nclass Net:\n    def __init__(self, width: int, depth=2): ...\n"
    )
    monkeypatch.setattr(entries, "LIBRARY", tmp_path)
    dice = entries.Entry("dice", "loss", "weft.losses.dice:dice", "weft.losses")
    assert dice.sentence == "Overlap of two masks, as a loss."
    assert dice.paper == "Milletari et al., 2016, arXiv:1606.04797"
    assert dice.example == ">>> dice(1, 2)\n0.5"
    assert dice.signature == "dice(prediction, target, *, smooth: float=1.0)"
    assert "arXiv" in str(dice) and "weft.losses.dice" in str(dice)
    assert entries.Entry("box", "layer", "weft.losses.dice:Box", "").signature == "Box(side: int, depth: int = 2)"
    assert entries.Entry("net", "layer", "weft.losses.dice:Net", "").signature == "Net(width: int, depth=2)"
    assert entries.Entry("no", "layer", "weft.losses.dice:no", "").sentence == ""


def test_the_textbook_stands_in_nobodys_way():
    """A textbook form shares its name with what is built; the bare name means what is built."""
    assert entries.find("mlp").kind == "model"
    assert entries.find("textbook/mlp").kind == "textbook"


def test_what_was_written_of_a_network_stays_it():
    """A loss that comes to share a network's name changes nothing for specs that hold the bare name."""
    names = [entry.name for entry in weft.list()]
    shared = {entry.name for entry in weft.list("model") if names.count(entry.name) > 1}
    assert "actor_critic" in shared
    for name in shared:
        assert entries.find(name).kind == "model"
    assert weft.spec_of(weft.build("actor_critic", {"observation_dim": 4, "num_actions": 2}))["name"] == "actor_critic"

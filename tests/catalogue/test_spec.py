"""What is built says how; what is written down is built again, and nothing else is imported."""

from __future__ import annotations

import json
import pickle
import sys
from dataclasses import dataclass

import pytest
import torch
from torch import nn

import weft
from weft.catalogue import entries, spec


@dataclass(frozen=True)
class Size:
    width: int = 4
    depth: int = 1


class Net(nn.Module):
    """A user's network."""

    def __init__(self, hidden: int, size: Size = Size(), shape: tuple[int, ...] = (1,), inner: nn.Module | None = None):
        super().__init__()
        self.layer, self.size, self.shape, self.inner = nn.Linear(hidden, size.width), size, shape, inner


def double(module: nn.Module, times: int = 2) -> nn.Module:
    with torch.no_grad():
        module.layer.weight.mul_(times)
    return module


class Recorder(nn.Module):
    def __init__(self, width: int = 2):
        super().__init__()
        self.width = width


@pytest.fixture
def shelf(monkeypatch):
    """A catalogue of this file's things."""
    here = __name__
    listed = (
        entries.Entry("recorder", "model", f"{here}:Recorder", "x"),
        entries.Entry("double", "surgery", f"{here}:double", "x"),
        entries.Entry("scaled", "loss", f"{here}:scaled", "x"),
    )
    monkeypatch.setattr(entries, "_all", lambda: listed)


def scaled(prediction, target, *, factor: float = 1.0):
    return factor * (prediction - target)


def own_table():
    return {spec.own_name(Net): Net}


def test_build_makes_it_and_the_result_carries_its_spec(shelf):
    made = spec.build("recorder", {"width": 3})
    assert made.width == 3
    assert spec.spec_of(made) == {"name": "recorder", "args": {"width": 3}}
    again = spec.build(json.loads(json.dumps(spec.spec_of(made))))
    assert again.width == 3 and again is not made


def test_arguments_given_in_the_call_win(shelf):
    assert spec.build({"name": "recorder", "args": {"width": 3}}, {"width": 5}).width == 5


def test_a_loss_is_bound_not_called(shelf):
    plain, doubled = spec.build("scaled"), spec.build("scaled", {"factor": 2.0})
    assert plain is scaled and doubled(3, 1) == 4.0
    assert spec.spec_of(plain) == {"name": "scaled", "args": {}}
    assert spec.spec_of(doubled) == {"name": "scaled", "args": {"factor": 2.0}}


def test_own_class_round_trip_with_settings_tuples_and_nested_specs(shelf):
    net = spec.own(Net, {"hidden": 3, "size": Size(width=2), "shape": (5, 6), "inner": spec.build("recorder", {"width": 7})})
    note = json.loads(json.dumps(spec.spec_of(net)))
    assert note["args"] == {"hidden": 3, "size": {"width": 2, "depth": 1}, "shape": [5, 6], "inner": {"name": "recorder", "args": {"width": 7}}}
    again = spec.build(note, own=own_table())
    assert again.size == Size(width=2) and again.shape == (5, 6) and again.inner.width == 7
    again.load_state_dict(net.state_dict())


def test_own_class_must_be_passed_and_nothing_is_imported(shelf, monkeypatch, tmp_path):
    (tmp_path / "trap.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match=r"own=\{'trap:Net': Net\} \(on the command line: --own FILE\.py\); nothing is imported by a name read from a file"):
        spec.build({"own": "trap:Net", "args": {}})
    with pytest.raises(ValueError, match=r"Did you mean"):
        spec.build({"own": "trap:Net", "args": {}}, own={"trap:Net2": Net})
    with pytest.raises(ValueError, match="Unknown name 'os:system'"):
        spec.build({"name": "os:system", "args": {"command": "true"}})
    assert "trap" not in sys.modules


def test_changed_source_is_said(shelf):
    note = spec.spec_of(spec.own(Net, {"hidden": 3})) | {"source_sha256": "0" * 64}
    with pytest.warns(UserWarning, match="has changed since"):
        spec.build(note, own=own_table())


def test_unchanged_source_is_quiet(shelf, recwarn):
    spec.build(spec.spec_of(spec.own(Net, {"hidden": 3})), own=own_table())
    assert [str(warning.message) for warning in recwarn] == []


def test_surgeries_follow_and_are_noted(shelf):
    net = spec.own(Net, {"hidden": 3})
    before = net.layer.weight.detach().clone()
    changed = spec.apply("double", net, {"times": 3})
    torch.testing.assert_close(changed.layer.weight, 3 * before)
    note = spec.spec_of(changed)
    assert note["then"] == [{"name": "double", "args": {"times": 3}}]
    torch.manual_seed(1)
    plain = spec.build({key: value for key, value in note.items() if key != "then"}, own=own_table())
    torch.manual_seed(1)
    torch.testing.assert_close(spec.build(note, own=own_table()).layer.weight, 3 * plain.layer.weight)
    with pytest.raises(ValueError, match="Unknown surgery 'recorder'"):
        spec.build(note | {"then": [{"name": "recorder", "args": {}}]}, own=own_table())


def test_wrong_arguments_list_those_that_are_accepted(shelf):
    with pytest.raises(TypeError, match=r"recorder has no argument 'widht'. Did you mean 'width'\? It takes: width."):
        spec.build("recorder", {"widht": 3})
    with pytest.raises(TypeError, match=r"Net needs hidden. It takes: hidden, size, shape, inner."):
        spec.own(Net, {})
    with pytest.raises(TypeError, match=r"Size has no argument 'widdth'. Did you mean 'width'"):
        spec.own(Net, {"hidden": 1, "size": {"widdth": 1}})
    with pytest.raises(TypeError, match=r"double has no argument 'module'"):
        spec.apply("double", spec.own(Net, {"hidden": 1}), {"module": 1})


@pytest.mark.parametrize("bad", [{}, {"args": {}}, {"name": "recorder", "kwargs": {}}, {"name": 3}, {"name": "recorder", "then": {}}, {"name": "a", "own": "b"}])
def test_a_malformed_spec_is_refused(shelf, bad):
    with pytest.raises(ValueError, match="A spec is"):
        spec.build(bad)


def test_specs_nested_without_end_are_refused(shelf):
    nested: dict = {"name": "recorder", "args": {}}
    for _ in range(40):
        nested = {"name": "recorder", "args": {"width": nested}}
    with pytest.raises(ValueError, match="nested more than 32 deep"):
        spec.build(nested)


def test_what_json_cannot_hold_is_named(shelf):
    with pytest.raises(TypeError, match=r"Net.inner is a Linear, which is neither a JSON value nor"):
        spec.own(Net, {"hidden": 1, "inner": nn.Linear(1, 1)})
    with pytest.raises(TypeError, match=r"recorder.width is inf"):
        spec.build("recorder", {"width": float("inf")})


def test_what_was_made_by_hand_says_the_remedy():
    with pytest.raises(TypeError, match=r"weft.own\(Linear, args\)"):
        spec.spec_of(nn.Linear(1, 1))


def test_a_slotted_class_says_what_it_needs():
    class Slotted:
        __slots__ = ("a",)

        def __init__(self, a: int):
            self.a = a

    with pytest.raises(TypeError, match="__slots__"):
        spec.own(Slotted, {"a": 1})


def test_the_spec_is_no_part_of_the_weights(shelf):
    net = spec.own(Net, {"hidden": 3})
    assert set(net.state_dict()) == {"layer.weight", "layer.bias"}
    assert spec.spec_of(pickle.loads(pickle.dumps(spec.build("recorder"))))["name"] == "recorder"


def test_every_model_of_the_catalogue_comes_back_from_its_spec():
    """Contract: what build makes, its spec makes again with the same parameters."""
    for entry in weft.list("model"):
        try:
            made = weft.build(f"{entry.kind}/{entry.name}")
        except TypeError as error:
            if "needs" not in str(error):
                raise
            continue  # it has sizes that only its user knows
        again = weft.build(weft.spec_of(made))
        assert {name: value.shape for name, value in again.state_dict().items()} == {name: value.shape for name, value in made.state_dict().items()}

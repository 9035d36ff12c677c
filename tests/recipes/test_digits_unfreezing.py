from __future__ import annotations

import pytest
import torch

import weft
from tests.recipes.measured import means, trial
from weft.recipes.digits import only, parts
from weft.recipes.digits_unfreezing import FROM_THE_TOP, KNOWN, NEW, in_four_directions

pytest.importorskip("sklearn")
pytestmark = pytest.mark.filterwarnings("ignore:Update 'unfreezing'. optimizer state carried over:UserWarning")


def test_a_quick_trial_thaws_part_by_part_and_ends_in_a_bundle(tmp_path):
    """Contract: digits_unfreezing trains a stage for each part, from the top, and bundles a network for the digits 5 to 9."""
    result, answer = trial("digits_unfreezing", tmp_path, only(parts()["test"], NEW)[0])
    assert answer["label"] in "56789" and {"accuracy", "accuracy_scratch", "accuracy_at_once"} < set(result.metrics)
    stages = {folder.name for folder in (result.run / "checkpoints").iterdir()}
    assert stages == {"known", "scratch", "at_once", *FROM_THE_TOP}
    before, after = (moved(result.run, stage) for stage in ("features.6", "features"))
    assert {name for name in before if not torch.equal(before[name], after[name])} >= {"network.features.0.conv.weight", "network.head.weight"}
    top, second = (moved(result.run, stage) for stage in ("head", "features.7"))
    assert {name.rsplit(".", 2)[0] for name in top if not torch.equal(top[name], second[name])} == {"network.features.7", "network"}


def moved(run, stage):
    """The weights at the end of a stage, without counters."""
    from weft.engine import Checkpoints

    state, _ = Checkpoints(weft.Run.open(run, read_only=True).checkpoints(stage)).latest()
    return {name: value for name, value in state["method"].items() if name.endswith(("weight", "bias"))}


def test_a_class_is_a_digit_and_how_it_lies():
    part = only(parts()["val"], KNOWN)
    turned = in_four_directions(part)
    assert len(turned) == 4 * len(part) and set(turned.columns["label"].tolist()) == set(range(20))
    record = turned[3 * len(part) + 5]
    assert record["label"] == part[5]["label"] + 15 and torch.equal(record["image"], part[5]["image"].rot90(3))


@pytest.mark.slow
def test_features_of_other_digits_save_labels(tmp_path):
    """gradual_unfreezing, learned: in digits_unfreezing, with 5 labels a class, at least 3 points better than from scratch and within 2 of unfreezing all at once, mean of 5 seeds."""
    found = means("digits_unfreezing", tmp_path)
    assert found["accuracy"] >= found["accuracy_scratch"] + 0.03
    assert found["accuracy"] >= found["accuracy_at_once"] - 0.02

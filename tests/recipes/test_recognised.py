"""The judge of generated digits: what it recognises, what it does not, and that it saw nothing of the generator's."""

from __future__ import annotations

import pytest
import torch

from weft.recipes import Session, Settings
from weft.recipes.recognised import Judge, halves, noise, sheet

pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    torch.manual_seed(0)
    settings = Settings(run=tmp_path_factory.mktemp("judge") / "run", device="cpu", precision="float32", progress=False)
    session = Session({"name": "judge", "args": {}}, settings)
    yield Judge.trained(session)
    session.close()


def test_generator_and_judge_share_no_digit():
    parts = [set(part.indices.tolist()) for part in halves().values()]
    assert not parts[0] & parts[1] and len(parts[0] | parts[1]) == 1797 and abs(len(parts[0]) - len(parts[1])) < 10


def test_real_digits_are_recognised_and_others_are_not(judge):
    """Learned: over 90 of 100 digits that it never saw are recognised, each of the ten among them; with pixels drawn each by itself, or
    with the upper half of one digit above the lower half of another, fewer than half, and hardly all ten.
    """
    found = judge.recognised(judge.images)
    assert found["recognised"] == found["real"] > 0.9 and found["rarest"] > 0.07
    torch.manual_seed(0)
    apart = torch.stack([judge.images[torch.randperm(len(judge.images)), 0, i // 8, i % 8] for i in range(64)], 1).view(-1, 1, 8, 8)
    halved = torch.cat([judge.images[:, :, :4], judge.images[torch.randperm(len(judge.images)), :, 4:]], 2)
    assert judge.recognised(apart)["recognised"] < 0.5 and judge.recognised(apart)["rarest"] == 0
    assert judge.recognised(halved)["recognised"] < 0.5 and judge.recognised(halved)["rarest"] < 0.03
    empty = judge.recognised(torch.zeros(20, 1, 8, 8))
    assert empty["rarest"] == 0 and empty["real"] == found["real"]


def test_one_digit_alone_leaves_the_others_rare(judge):
    alone = judge.images[judge.labels == 3]
    found = judge.recognised(alone)
    assert found["recognised"] > 0.85 and found["rarest"] == 0


def test_as_asked_counts_what_was_asked_for(judge):
    right, wrong = judge.as_asked(judge.images, judge.labels), judge.as_asked(judge.images, (judge.labels + 1) % 10)
    assert right["as_asked"] == pytest.approx(right["real"]) and right["real"] > 0.97 and right["worst"] > 0.9
    assert wrong["as_asked"] < 0.03 and wrong["worst"] == 0
    half = torch.where(judge.labels == 7, 8, judge.labels)  # every seven was asked to be an eight
    assert judge.as_asked(judge.images, half)["worst"] < 0.6


def test_noise_is_the_same_each_time_and_disturbs_nothing():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(noise(4, 2), noise(4, 2)) and torch.equal(torch.rand(3), expected)


def test_a_sheet_has_ten_pictures_in_a_row():
    wide, tall = sheet(torch.rand(10, 1, 8, 8)), sheet(torch.rand(20, 1, 8, 8))
    assert wide.width == tall.width > 9 * wide.height and tall.height > 1.9 * wide.height

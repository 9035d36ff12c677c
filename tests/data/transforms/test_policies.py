"""RandAugment and its kin: the operations, their strengths, their shares."""

from __future__ import annotations

import pytest
import torch

from tests.data.transforms.peers import keyed, picture, torchvision
from weft.data import AugMix, AutoAugment, RandAugment, TrivialAugment
from weft.data.transforms import policies

NAMES = {"shear_x": "ShearX", "shear_y": "ShearY", "translate_x": "TranslateX", "translate_y": "TranslateY", "autocontrast": "AutoContrast"}


def theirs_of(name):
    return NAMES.get(name, name.capitalize())


@pytest.mark.parametrize("name", [*policies.RAND, "invert"])
def test_operations_are_torchvisions(name):
    """Parity: each operation at low and high strength of both signs against torchvision's, nearest pixels and all, except where a place falls
    exactly between two pixels."""
    torchvision()
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms.v2 import RandAugment as Theirs

    x = picture(4, 18, 25, dtype=torch.uint8) / 255
    level = policies.magnitudes(name, 31, (18, 25))
    strength = torch.stack([level[5], level[30], -level[9] if name in policies.SIGNED else level[9], level[17]])
    ours = policies.operate({"input": x}, name, strength, ("input",))["input"]
    for i in range(4):
        given = strength[i].item()
        theirs = Theirs()._apply_image_or_video_transform(x[i], theirs_of(name), int(given) if name == "posterize" else given, InterpolationMode.NEAREST, {torch.Tensor: None})
        assert ((ours[i] - theirs).abs() > 3e-3).float().mean() < 0.02, (name, given)


def test_strengths_are_torchvisions():
    """Parity: the strength at every level for RandAugment, TrivialAugment and AugMix."""
    torchvision()
    from torchvision.transforms import v2

    for space, theirs, bins in (("rand", v2.RandAugment, 31), ("wide", v2.TrivialAugmentWide, 31), ("mix", v2.AugMix, 10)):
        table = theirs._AUGMENTATION_SPACE
        for name in policies.RAND[1:] if space != "mix" else policies.MIXED + tuple(policies.FACTORS):
            function, signed = table[theirs_of(name)]
            values = function(bins, 50, 70)
            assert signed == (name in policies.SIGNED)
            if values is not None:
                torch.testing.assert_close(policies.magnitudes(name, bins, (50, 70), space), values.float(), atol=1e-5, rtol=1e-5)


def test_operations_are_equally_frequent_and_keyed():
    """Property: RandAugment of one operation leaves about one record in fourteen alone (the identity); a record's result does not depend on its
    company; bytes and floats agree."""
    x = picture(1, 16, 16).expand(1400, 3, 16, 16)
    transform = RandAugment(1, magnitude=20)
    out = transform({"input": x}, keyed(1400))["input"]
    same = (out == x).flatten(1).all(1).float().mean()
    assert abs(same - 1 / 14) < 0.03
    from weft.data import Random

    alone = transform({"input": x[:2]}, Random(0, 0, torch.tensor([77, 1100])))["input"]
    torch.testing.assert_close(alone, out[[77, 1100]], atol=1e-6, rtol=0)
    both = RandAugment(2)({"input": x[:40]}, keyed(40))["input"]
    bytes_ = RandAugment(2)({"input": (x[:40] * 255).round().to(torch.uint8)}, keyed(40))["input"]
    assert ((both - bytes_ / 255).abs() > 0.05).float().mean() < 0.01


def test_one_operation_of_any_strength():
    """Property: TrivialAugment changes most records, each in another way, and keeps shape and range."""
    x = picture(1, 16, 16).expand(200, 3, 16, 16)
    out = TrivialAugment()({"input": x}, keyed(200))["input"]
    assert len({round(float(one.sum()), 3) for one in out}) > 90 and out.min() >= 0 and out.max() <= 1
    again = TrivialAugment()({"input": x}, keyed(200))["input"]
    assert torch.equal(out, again)


def test_a_policy_applies_its_steps_at_their_rates():
    """Closed form: AutoAugment of one pair: inverted always, then posterised for three tenths of the records."""
    x = picture(1, 8, 8).expand(1000, 3, 8, 8)
    out = AutoAugment(((("invert", 1.0, 0), ("posterize", 0.3, 9)),))({"input": x}, keyed(1000))["input"]
    level = policies.magnitudes("posterize", 10, (8, 8))[9]
    assert level == 4
    rough = policies.operate({"input": 1 - x[:1]}, "posterize", level[None], ("input",))["input"]
    chosen = (out - rough).abs().flatten(1).amax(1) < 1e-6
    assert abs(chosen.float().mean() - 0.3) < 0.05
    torch.testing.assert_close(out[~chosen], (1 - x)[~chosen])


def test_boxes_go_with_their_pictures_through_policies():
    """Property: under RandAugment of moves alone the box of a bright rectangle stays around it."""
    x = torch.zeros(60, 1, 40, 40)
    x[:, :, 15:25, 12:28] = 1.0
    batch = {"input": x, "boxes": torch.tensor([[[12.0, 15.0, 28.0, 25.0]]]).expand(60, 1, 4), "boxes_mask": torch.ones(60, 1, dtype=torch.bool)}
    out = RandAugment(2, magnitude=20)(batch, keyed(60))
    moved = (out["boxes"] != batch["boxes"]).flatten(1).any(1)
    assert 10 < moved.sum() < 60
    for i in moved.nonzero()[:, 0].tolist():
        bright = (out["input"][i, 0] > 0.9).nonzero()
        if out["boxes_mask"][i, 0] and 0 < len(bright) < 400:
            x1, y1, x2, y2 = out["boxes"][i, 0].tolist()
            assert x1 - 1 <= bright[:, 1].min() and bright[:, 1].max() + 1 <= x2 + 1 and y1 - 1 <= bright[:, 0].min() and bright[:, 0].max() + 1 <= y2 + 1


def test_mixtures_stay_between_and_views_differ():
    """Property: AugMix of a picture is a mixture: its weights sum to one (a white picture under operations that keep it white stays white), two
    views differ, and the clean picture comes along."""
    x = picture(6, 16, 16)
    out = AugMix(views=True)({"input": x}, keyed(6))
    assert torch.equal(out["clean"], x) and not torch.equal(out["input"], out["view"])
    assert out["input"].min() >= 0 and out["input"].max() <= 1
    near = torch.stack([(out["input"][i] - x[i]).abs().mean() for i in range(6)])
    assert near.max() < 0.3 and (near > 1e-4).all()
    bytes_ = AugMix()({"input": (x * 255).round().to(torch.uint8)}, keyed(6))["input"]
    assert bytes_.dtype == torch.uint8 and (bytes_ / 255 - out["input"]).abs().mean() < 0.02


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: RandAugment(magnitude=31), "magnitude < bins"),
        (lambda: TrivialAugment(bins=1), "two levels"),
        (lambda: AutoAugment("cifar"), "Did you mean 'cifar10'"),
        (lambda: AutoAugment(((("rotation", 0.5, 3),),)), "Did you mean 'rotate'"),
        (lambda: AutoAugment(((("rotate", 0.5, 10),),)), "from 0 to 9"),
        (lambda: AugMix(severity=0), "1 to 10"),
        (lambda: AugMix()({"input": torch.zeros(1, 3, 4, 4), "boxes": torch.zeros(1, 1, 4)}, keyed(1)), "cannot follow"),
    ],
)
def test_wrong_arguments_are_named(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_directions_and_whole_pixels():
    """Closed form: a rotation of 90 degrees is counter-clockwise, translations cut fractions off."""
    x = torch.rand(1, 1, 6, 6)

    def done(name, value):
        return policies.operate({"input": x}, name, torch.tensor([value]), ("input",))["input"]

    assert torch.equal(done("rotate", 90.0), torch.rot90(x, 1, (2, 3)))
    assert torch.equal(done("translate_x", 2.9)[..., 2:], x[..., :-2]) and torch.equal(done("translate_y", -2.9)[:, :, :-2], x[:, :, 2:])

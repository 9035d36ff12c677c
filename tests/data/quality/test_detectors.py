"""Change in streams, held against river."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

from weft.data import DDM, Adwin, PageHinkley


def stream(seed, kind):
    rng = random.Random(seed)
    if kind == "errors":
        return [float(rng.random() < (0.1 if i < 1200 else 0.35 if i < 2200 else 0.2)) for i in range(3000)]
    return [min(1, max(0, rng.gauss((0.4 if i < 1000 else 0.6) if i < 2000 else 0.45, 0.1))) for i in range(3000)]


@pytest.mark.parametrize(
    ("kind", "seed", "cuts", "mean"),
    [
        ("errors", 0, [(1279, 896), (2559, 1024)], 0.21363636363636362),
        ("errors", 1, [(1311, 416), (2655, 1088)], 0.2063953488372093),
        ("level", 0, [(1055, 480), (2079, 512)], 0.448276404578538),
        ("level", 1, [(1055, 352), (2079, 256)], 0.45035998365940944),
    ],
)
def test_adwin_cuts_where_river_cuts(kind, seed, cuts, mean):
    """Adwin, parity with river 0.26 (which starts anew after each alarm): where, to which width, and the mean at the end."""
    detector, found = Adwin(), []
    for i, value in enumerate(stream(seed, kind)):
        if detector.update(value):
            found.append((i, detector.width))
            detector = Adwin()
    assert found == cuts and detector.mean == pytest.approx(mean, abs=1e-12)


@pytest.mark.parametrize(
    ("kind", "side", "alarms"),
    [
        ("errors", "up", [309, 1214, 1894, 2124]),
        ("errors", "down", [2456]),
        ("errors", "both", [309, 1070, 1242, 1867, 2222]),
        ("level", "up", [1052]),
        ("level", "down", [2179]),
        ("level", "both", [1052, 2061]),
    ],
)
def test_page_hinkley_alarms_where_river_does(kind, side, alarms):
    """PageHinkley, parity with river 0.26."""
    detector = PageHinkley(threshold=10.0, side=side)
    assert [i for i, value in enumerate(stream(0, kind)) if detector.update(value)] == alarms


def test_the_window_keeps_its_moments():
    """Adwin, closed form: sum and squared deviations of the window are those of its last values, and memory is logarithmic."""
    detector, values = Adwin(), stream(2, "level")
    for i, value in enumerate(values, 1):
        detector.update(value)
        if i % 250 == 0:
            window = np.array(values[i - detector.width : i])
            assert detector.mean == pytest.approx(window.mean(), abs=1e-9) and detector.squares == pytest.approx(((window - window.mean()) ** 2).sum(), rel=1e-6)
    assert sum(map(len, detector.levels)) < 6 * 12


def test_false_alarms_are_rare_and_a_shift_is_found_soon():
    alarms = 0
    for seed in range(20):
        rng, detector = random.Random(seed), Adwin()
        alarms += sum(detector.update(float(rng.random() < 0.2)) for _ in range(1500))
    assert alarms <= 1
    for seed in range(5):
        rng, detector = random.Random(seed), Adwin()
        found = [i for i in range(1500) if detector.update(float(rng.random() < (0.2 if i < 1000 else 0.6)))]
        assert any(1000 < i < 1128 for i in found)


@pytest.mark.parametrize("make", [Adwin, DDM, lambda: PageHinkley(threshold=10.0)])
def test_a_detector_goes_on_from_its_saved_state(make):
    values = stream(0, "errors")
    whole, first, second = make(), make(), make()
    expected = [whole.update(value) for value in values]
    found = [first.update(value) for value in values[:1200]]
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert found + [second.update(value) for value in values[1200:]] == expected and any(expected[1200:])


def test_a_side_must_be_one():
    with pytest.raises(ValueError, match="side='left'"):
        PageHinkley(side="left")


@pytest.mark.parametrize(
    ("seed", "alarms", "first", "warnings", "places"),
    [(0, [35, 374, 417, 498, 1239], 124, 361, 158746), (1, [1300], 739, 508, 855768), (2, [176, 1255], 106, 106, 54530), (3, [1283], 77, 780, 976549)],
)
def test_ddm_warns_and_alarms_where_river_does(seed, alarms, first, warnings, places):
    """DDM, parity with river 0.26: every alarm, the first warning, how many there are and the sum of their places."""
    detector, found, warned = DDM(), [], []
    for i, error in enumerate(stream(seed, "errors")):
        if detector.update(error):
            found.append(i)
        if detector.warning:
            warned.append(i)
    assert found == alarms and warned[0] == first and len(warned) == warnings and sum(warned) == places


def test_ddm_takes_errors_alone():
    with pytest.raises(ValueError, match=r"counts errors, 1 or 0; got 0\.5"):
        DDM().update(0.5)
    with pytest.raises(ValueError, match="0 < warn <= alarm"):
        DDM(warn=4.0)

"""Charts as inline SVG."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import pytest

from weft.observe.charts import bar, heat_map, label, line_chart, log_ticks, scatter, smooth, thin, ticks

SVG = "{http://www.w3.org/2000/svg}"


def parsed(chart):
    return ElementTree.fromstring(str(chart))


def circles(chart):
    return [(float(c.get("cx")), float(c.get("cy"))) for c in parsed(chart).iter(SVG + "circle")]


def test_a_line_goes_through_its_points_in_proportion():
    (x0, y0), (x1, y1), (x2, y2) = circles(line_chart("loss", {"loss": [(0, 4.0), (5, 3.0), (10, 2.0)]}))
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2) and y1 - y0 == pytest.approx(y2 - y1, abs=0.2)
    assert x0 < x1 < x2 and y0 < y1 < y2, "smaller values lie lower on the page"


def test_values_that_are_not_finite_break_the_line():
    chart = line_chart("loss", {"loss": [(0, 1.0), (1, math.nan), (2, 2.0), (3, math.inf), (4, 3.0)]})
    (path,) = (p for p in parsed(chart).iter(SVG + "path"))
    assert path.get("d").count("M") == 3 and "nan" not in str(chart) and "inf" not in str(chart)
    assert "no finite value" in line_chart("loss", {"loss": [(0, math.nan)]}) and "no finite value" in line_chart("loss", {})


def test_a_wide_range_of_positive_values_is_shown_on_a_log_scale():
    points = [(0, 100.0), (1, 1.0), (2, 0.01)]
    assert "log scale" in line_chart("loss", {"loss": points})
    ys = [y for _, y in circles(line_chart("loss", {"loss": points}))]
    assert ys[1] - ys[0] == pytest.approx(ys[2] - ys[1], abs=0.2), "equal ratios are equal distances"
    assert "log scale" not in line_chart("loss", {"loss": [*points, (3, 0.0)]})


def test_single_and_constant_values_are_drawn():
    for points in ([(5, 0.3)], [(0, 0.0), (1, 0.0)], [(0, -2.0), (1, -2.0)]):
        assert len(circles(line_chart("x", {"x": points}))) == len(points)


def test_names_are_escaped_and_long_ones_cut():
    name = "<script>alert(1)</script>" * 3
    chart = line_chart(name, {name: [(0, 1.0)]}, marks=[(0, name)])
    assert "<script" not in chart and not list(parsed(chart).iter(SVG + "script"))
    assert "<script" not in heat_map([[1, 0], [0, 1]], [name, "b"]) and "<script" not in scatter(name, [(0, 1)], name, name)


def test_a_heat_map_has_a_cell_for_each_pair_and_the_darkest_on_a_full_row():
    cells = list(parsed(heat_map([[8, 2], [0, 10]], ["cat", "dog"])).iter(SVG + "rect"))
    assert [cell.get("class").split()[1] for cell in cells] == ["hit", "miss", "miss", "hit"]
    opacity = [float(cell.get("fill-opacity")) for cell in cells]
    assert opacity[3] > opacity[0] > opacity[1] > opacity[2]
    assert cells[1].find(SVG + "title").text == "truth cat, answer dog: 2 (20.0%)"


def test_a_scatter_has_a_point_for_each_finite_pair():
    assert len(circles(scatter("x", [(0, 1), (1, 2), (math.nan, 1)]))) == 2
    assert "no finite value" in scatter("x", [])


def test_a_bar_is_as_long_as_its_share():
    widths = [float(rect.get("width")) for rect in parsed(bar(0.25, width=80)).iter(SVG + "rect")]
    assert widths == [80, 20] and "nan" in bar(math.nan).lower()


def test_long_series_are_thinned_to_means_and_smoothed_without_a_start_bias():
    points = [(float(i), float(i % 2)) for i in range(10_000)]
    thinned = thin(points, 400)
    assert len(thinned) == 400 and all(value == pytest.approx(0.5, abs=0.03) for _, value in thinned)
    assert smooth([(0, 5.0), (1, 5.0)]) == [(0, pytest.approx(5.0)), (1, pytest.approx(5.0))]
    chart = line_chart("loss", {"loss": points})
    assert "faint" in chart and len(re.findall(r"[ML]", "".join(p.get("d") for p in parsed(chart).iter(SVG + "path")))) <= 800


def test_ticks_are_round_and_inside():
    for low, high in ((0, 1), (0.013, 0.0171), (-5, 250_000), (1e-9, 3e-9)):
        found = ticks(low, high, 4)
        assert 2 <= len(found) <= 8 and all(low <= tick <= high for tick in found)
    assert ticks(2.0, 2.0, 4) == [2.0]
    assert log_ticks(-3.0, 4.0) == [0.01, 1.0, 100.0, 10000.0] and label(1234567.0) == "1.23457M"


def test_a_course_without_noise_is_drawn_as_it_is():
    warm_then_cosine = [(float(i), i / 20 if i < 20 else 0.5 + 0.5 * math.cos(math.pi * (i - 20) / 80)) for i in range(100)]
    assert "faint" not in line_chart("learning rate", {"lr": warm_then_cosine})
    noisy = [(float(i), 1 / (i + 1) + 0.1 * math.sin(37.0 * i * i)) for i in range(100)]
    assert "faint" in line_chart("loss", {"loss": noisy})

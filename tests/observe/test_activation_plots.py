"""The picture of activations."""

from __future__ import annotations

import importlib.util
import re
from xml.etree import ElementTree

import pytest
import torch

from tests.house.source import ROOT
from weft.observe import draw_activations
from weft.observe.activation_plots import USUAL
from weft.observe.charts import Plot

SVG = "{http://www.w3.org/2000/svg}"


def test_curves_are_the_functions(tmp_path):
    """Closed form: the points drawn for tanh are those of tanh and its derivative, through the scales of the plot; both zero axes are there."""
    root = ElementTree.parse(draw_activations(tmp_path / "a.svg", ["tanh"], points=501)).getroot()
    (cell,) = root.findall(f"{SVG}svg")
    curve, slope = (re.findall(r"[ML]([-\d.]+) ([-\d.]+)", part.attrib["d"]) for part in cell.findall(f"{SVG}path"))
    x = torch.linspace(-5, 5, 501)[::2]
    plot = Plot(250, 190, (-5, 5), (torch.tanh(x).min().item(), 1.0), log=False, top=40)
    for points, y in ((curve, x.tanh()), (slope, 1 - x.tanh() ** 2)):
        assert len(points) == 251
        found = torch.tensor([[float(a), float(b)] for a, b in points])
        expected = torch.tensor([[plot.x(a), plot.y(b)] for a, b in zip(x.tolist(), y.tolist(), strict=True)])
        torch.testing.assert_close(found, expected, atol=0.11, rtol=0)
    assert sum(line.attrib.get("class") == "mark" for line in cell.findall(f"{SVG}line")) == 2


def test_a_grid_of_the_usual_ones_is_one_well_formed_file(tmp_path):
    """Property: every name stands over its own cell, none overlaps another, and nothing is loaded from elsewhere."""
    file = draw_activations(tmp_path / "a.svg")
    cells = ElementTree.parse(file).getroot().findall(f"{SVG}svg")
    assert [cell.find(f"{SVG}text").text for cell in cells] == list(USUAL)
    assert len({(cell.attrib["x"], cell.attrib["y"]) for cell in cells}) == len(USUAL)
    assert "http" not in file.read_text().replace("http://www.w3.org/2000/svg", "")
    with pytest.raises(ValueError, match="Unknown activation 'rellu'"):
        draw_activations(tmp_path / "b.svg", ["rellu"])
    with pytest.raises(ValueError, match="at least one name"):
        draw_activations(tmp_path / "b.svg", [])


def test_the_page_of_activations_is_made_from_the_guide():
    """Contract: docs/activations.md is what docs/activations.py writes, and its picture shows the usual ones."""
    spec = importlib.util.spec_from_file_location("activations_page", ROOT / "docs" / "activations.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs" / "activations.md").read_text(encoding="utf-8") == module.page(), "run python docs/activations.py"
    names = [cell.find(f"{SVG}text").text for cell in ElementTree.parse(module.PICTURE).getroot().findall(f"{SVG}svg")]
    assert names == list(USUAL)

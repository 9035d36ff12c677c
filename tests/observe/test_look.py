"""Pictures of batches and results."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from weft.data import ImageCodec
from weft.observe import show_batch, show_results
from weft.observe.look import BAD, GOOD, SIDE, answer_text, caption, described, grid, tensor_image

PICTURES = [{"image": np.full((6, 6), 255 * (i % 2), np.uint8), "label": ("dark", "bright")[i % 2]} for i in range(4)]


@pytest.fixture
def codec():
    return ImageCodec(size=6, channels=1).fit(PICTURES)


@pytest.fixture
def batch(codec):
    return codec.collate([codec.encode(record) for record in PICTURES])


def colours(image):
    return {colour for _, colour in image.getcolors(1_000_000)}


def test_a_batch_is_shown_with_its_normalisation_taken_back(batch, codec):
    image = show_batch(batch, codec)
    assert image.getpixel((SIDE // 2, SIDE // 2)) == (0, 0, 0) and image.getpixel((SIDE + 6 + SIDE // 2, SIDE // 2)) == (255, 255, 255)
    assert [caption(batch["target"], position, codec) for position in range(2)] == ["dark", "bright"]


def test_only_so_many_are_shown_in_a_grid(batch, codec):
    assert show_batch(batch, codec, most=2).width == show_batch(batch, codec).width
    assert show_batch(batch, codec, most=2).height < show_batch(batch, codec).height


def test_results_are_green_where_right_and_red_where_wrong(batch, codec):
    right = torch.nn.functional.one_hot(codec_targets(batch), 2).float() * 5
    assert GOOD in colours(show_results(batch, {"output": right}, codec)) and BAD not in colours(show_results(batch, {"output": right}, codec))
    wrong = colours(show_results(batch, {"output": right.flip(1)}, codec))
    assert BAD in wrong and GOOD not in wrong


def codec_targets(batch):
    return batch["target"].long()


def test_inputs_that_are_no_pictures_are_shown_as_text():
    codec = SimpleNamespace(tokenizer=SimpleNamespace(decode=lambda ids: "".join(chr(i) for i in ids)))
    assert described(torch.tensor([104, 105]), codec) == "hi"
    assert described(torch.arange(20.0), None).endswith("…") and described("as it is", None) == "as it is"
    assert show_batch({"input": torch.randn(3, 5), "target": torch.randn(3)}).size[0] > SIDE
    assert show_results({"input": torch.randn(3, 5)}, {"output": torch.randn(3, 1)}).size[0] > SIDE


def test_answers_and_targets_have_short_forms():
    assert answer_text({"label": "cat", "score": 0.5}) == "cat" and answer_text({"value": 0.123456}) == "0.1235" and answer_text({"a": 1}) == "a 1"
    assert caption(None, 0, None) == "" and caption(torch.zeros(2, 3), 0, None) == "" and caption(torch.tensor([0.5]), 0, None) == "0.5"


@pytest.mark.parametrize("shape", [(5, 4), (1, 5, 4), (3, 5, 4), (5, 4, 3)])
def test_every_layout_of_a_picture_is_understood(shape):
    assert tensor_image(torch.rand(shape)).size == (4, 5) and tensor_image(torch.zeros(shape, dtype=torch.uint8)).size == (4, 5)


def test_values_in_the_unit_range_keep_their_brightness_and_others_are_stretched():
    assert tensor_image(torch.full((2, 2), 0.5)).getpixel((0, 0)) == 128
    stretched = tensor_image(torch.tensor([[-3.0, 5.0]]))
    assert [stretched.getpixel((x, 0)) for x in (0, 1)] == [0, 255]
    assert tensor_image(torch.tensor([[float("nan"), 1.0]])).getpixel((0, 0)) == 0


def test_what_cannot_be_shown_is_said():
    for action, word in (
        (lambda: tensor_image(torch.rand(7, 5, 5)), r"\(7, 5, 5\)"),
        (lambda: show_batch({"target": 1}), "no 'input'"),
        (lambda: grid([]), "empty"),
    ):
        with pytest.raises(ValueError, match=word):
            action()


def test_a_grid_keeps_every_cell_s_shape():
    image = grid([Image.new("RGB", (200, 50), "red"), Image.new("RGB", (10, 10), "blue")], columns=2)
    red = [(x, y) for x in range(image.width) for y in range(image.height) if image.getpixel((x, y)) == (255, 0, 0)]
    assert len({x for x, _ in red}) == SIDE and len({y for _, y in red}) == SIDE // 4

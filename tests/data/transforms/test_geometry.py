"""The geometry of pictures against Pillow, SciPy and torchvision."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from tests.data.transforms.peers import albumentations, each, kornia, picture, torchvision
from weft.data.transforms import geometry


def pil(x):
    return Image.fromarray(x.movedim(0, -1).numpy())


def tensor(image):
    return torch.from_numpy(np.array(image)).movedim(-1, 0)


@pytest.mark.parametrize("size", [(10, 13), (31, 40), (7, 60)])
@pytest.mark.parametrize("how", ["bilinear", "bicubic", "nearest"])
def test_resize_is_pillows(size, how):
    """Parity: resize with anti-aliasing against Pillow, to one level of 255 (cubic two, for Pillow rounds between rows and columns); nearest exactly."""
    x = picture(2, 24, 32, dtype=torch.uint8)
    ours = geometry.resize(x, size, how)
    assert ours.dtype == torch.uint8
    for mine, one in zip(ours, x, strict=True):
        theirs = tensor(pil(one).resize(size[::-1], getattr(Image.Resampling, how.upper())))
        apart = (mine.int() - theirs.int()).abs()
        if how == "nearest":  # what lies exactly between two pixels may fall to either
            clear = [torch.tensor([(2 * i + 1) * m % (2 * n) != 0 for i in range(n)]) for n, m in zip(size, (24, 32), strict=True)]
            apart = apart[:, clear[0]][:, :, clear[1]]
        assert apart.max() <= {"nearest": 0, "bilinear": 1, "bicubic": 2}[how]


def test_resize_and_warps_are_torchvisions():
    """Parity: resize, affine and perspective against torchvision's functions for the same parameters, to a hundred-thousandth."""
    f = torchvision()
    from torchvision.transforms import InterpolationMode

    x = picture(3, 24, 33)
    for size in ((10, 13), (40, 50)):
        torch.testing.assert_close(geometry.resize(x, size), f.resize(x, list(size), antialias=True), atol=1e-5, rtol=0)
        theirs = f.resize(x, list(size), interpolation=InterpolationMode.NEAREST_EXACT)
        assert torch.equal(geometry.resize(x, size, "nearest"), theirs)
    angle, shift = torch.tensor([10.0, -30.0, 77.0]), torch.tensor([[3.0, -2.0], [0.0, 5.0], [-4.0, 1.0]])
    scale, shear = torch.tensor([1.2, 0.8, 1.0]), torch.tensor([[5.0, -8.0], [0.0, 0.0], [20.0, 3.0]])
    ours = geometry.warp(x, geometry.affine_map(angle, shift, scale, shear, (33 / 2, 12)))
    for i in range(3):
        theirs = f.affine(x[i], float(angle[i]), shift[i].tolist(), float(scale[i]), shear[i].tolist(), InterpolationMode.BILINEAR, fill=None)
        torch.testing.assert_close(ours[i], theirs, atol=2e-4, rtol=0)
    start = torch.tensor([[[0.0, 0.0], [32.0, 0.0], [32.0, 23.0], [0.0, 23.0]]])
    end = torch.tensor([[[3.0, 1.0], [30.0, 4.0], [28.0, 21.0], [2.0, 18.0]]])
    ours = geometry.warp(x[:1], geometry.perspective_map(start, end))
    theirs = f.perspective(x[:1], start[0].int().tolist(), end[0].int().tolist(), InterpolationMode.BILINEAR, fill=None)
    torch.testing.assert_close(ours, theirs, atol=5e-4, rtol=0)


def test_warp_is_scipys_inside_and_fill_outside():
    """Parity: warp against SciPy's affine_transform where all four neighbours exist; outside is exactly the fill."""
    ndimage = pytest.importorskip("scipy.ndimage")
    x = picture(1, 20, 26, 1)
    matrix = geometry.affine_map(torch.tensor([25.0]), torch.tensor([[1.5, -2.0]]), torch.tensor([0.9]), torch.tensor([[4.0, 0.0]]), (13, 10))
    ours = geometry.warp(x, matrix, fill=-1.0)[0, 0]
    m = matrix[0].double().numpy()
    swap = np.array([[0, 1], [1, 0]])
    linear = swap @ m[:2, :2] @ swap
    offset = m[:2, 2][::-1] + linear @ np.full(2, 0.5) - 0.5  # SciPy counts from the middle of the first pixel
    theirs = torch.from_numpy(ndimage.affine_transform(x[0, 0].double().numpy(), linear, offset, order=1, cval=-9.0))
    whole = torch.from_numpy(ndimage.affine_transform(np.ones((20, 26)), linear, offset, order=1, cval=-9.0)) == 1
    assert whole.float().mean() > 0.5
    torch.testing.assert_close(ours[whole], theirs.float()[whole], atol=1e-5, rtol=0)
    assert (ours == -1).any()


@pytest.mark.parametrize("how", ["bilinear", "bicubic", "nearest"])
def test_resized_crop_is_cutting_and_then_resizing(how):
    """Brute force: each record's rectangle cut out and resized alone, larger and smaller, in floats and in bytes."""
    x = picture(4, 21, 30)
    corner = torch.tensor([[0.0, 0.0], [3.0, 5.0], [10.0, 2.0], [20.0, 29.0]])
    extent = torch.tensor([[21.0, 30.0], [12.0, 9.0], [5.0, 28.0], [1.0, 1.0]])
    for y in (x, (x * 255).to(torch.uint8)):
        ours = geometry.resized_crop(y, corner, extent, (8, 11), how)
        for i in range(4):
            (top, left), (height, width) = corner[i].int().tolist(), extent[i].int().tolist()
            alone = geometry.resize(y[i : i + 1, :, top : top + height, left : left + width], (8, 11), how)
            torch.testing.assert_close(ours[i].float(), alone[0].float(), atol=1e-5 if y is x else 1.0, rtol=0)


def test_points_go_where_their_pixels_go():
    """Property: a bright pixel moved by an affine and a perspective map lies where its middle is mapped to."""
    matrix = geometry.affine_map(torch.tensor([30.0]), torch.tensor([[2.0, 1.0]]), torch.tensor([1.1]), torch.tensor([[0.0, 0.0]]), (16, 12))
    start = torch.tensor([[[0.0, 0.0], [32.0, 0.0], [32.0, 24.0], [0.0, 24.0]]])
    tilt = geometry.perspective_map(start, start + torch.tensor([[[2.0, 3.0], [-3.0, 1.0], [-1.0, -2.0], [4.0, -1.0]]]))
    for one in (matrix, tilt):
        x = torch.zeros(1, 1, 24, 32)
        x[0, 0, 8, 20] = 1.0
        warped = geometry.warp(x, one)[0, 0]
        rows, columns = torch.meshgrid(torch.arange(24) + 0.5, torch.arange(32) + 0.5, indexing="ij")
        centre = torch.stack([(columns * warped).sum(), (rows * warped).sum()]) / warped.sum()
        place = geometry.through(torch.tensor([[[20.5, 8.5]]]), torch.linalg.inv(one))[0, 0]
        assert (centre - place).abs().max() < 0.25


def test_short_and_long_edges():
    """Closed form: 256 as the short edge keeps the proportions that 256 x 256 would distort."""
    assert geometry.sides(256, 480, 640, "short") == (256, 341) and geometry.sides(256, 480, 640, "long") == (192, 256)
    assert geometry.sides(256, 480, 640) == (256, 256)
    for wrong in (((1, 2), "short"), (3, "wide")):
        with pytest.raises(ValueError, match="'short' or 'long'"):
            geometry.sides(wrong[0], 4, 4, wrong[1])


def test_padding_and_cutting():
    x = torch.arange(6.0).reshape(1, 1, 2, 3)
    assert geometry.pad(x, (1, 0, 0, 1), fill=9.0)[0, 0].tolist() == [[9, 0, 1, 2], [9, 3, 4, 5], [9, 9, 9, 9]]
    assert geometry.pad(x.to(torch.uint8), (1, 1, 0, 0), mode="reflect")[0, 0].tolist() == [[1, 0, 1, 2, 1], [4, 3, 4, 5, 4]]
    both = geometry.cut(x.expand(2, 1, 2, 3), torch.tensor([0, 1]), torch.tensor([0, 1]), (1, 2))
    assert both[:, 0].tolist() == [[[0, 1]], [[4, 5]]]


def test_corners_on_a_line_and_unknown_ways_are_refused():
    line = torch.tensor([[[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]])
    with pytest.raises(ValueError, match="lie on a line"):
        geometry.perspective_map(line, line)
    with pytest.raises(ValueError, match="'nearest', 'bilinear', 'bicubic'"):
        geometry.resize(torch.zeros(1, 1, 2, 2), (3, 3), "area")


def test_shifts_and_turns_go_where_they_say():
    """Closed form: a shift of (2, 1) moves a pixel two to the right and one down; a turn of 90 degrees is clockwise; scaling by two doubles distances."""
    x = torch.zeros(1, 1, 9, 9)
    x[0, 0, 4, 5] = 1
    none = torch.zeros(1, 2)

    def place(angle, shift, scale):
        matrix = geometry.affine_map(torch.tensor([angle]), torch.tensor([shift]), torch.tensor([scale]), none, (4.5, 4.5))
        return divmod(int(geometry.warp(x, matrix)[0, 0].argmax()), 9)

    assert place(0.0, [2.0, 1.0], 1.0) == (5, 7) and place(90.0, [0.0, 0.0], 1.0) == (5, 4) and place(-90.0, [0.0, 0.0], 1.0) == (3, 4)
    assert place(0.0, [0.0, 0.0], 2.0)[1] >= 6


ANGLE, SHIFT = torch.tensor([10.0, -30.0]), torch.tensor([[3.0, -2.0], [0.0, 5.0]])
SCALE, SHEAR = torch.tensor([1.2, 0.8]), torch.tensor([[5.0, -8.0], [20.0, 0.0]])
QUAD = torch.tensor([[[0.0, 0.0], [33.0, 0.0], [33.0, 24.0], [0.0, 24.0]]])
TILTED = torch.tensor([[[3.0, 1.0], [30.0, 4.0], [28.0, 21.0], [2.0, 18.0]]])


@pytest.mark.parametrize("how", ["bilinear", "bicubic", "nearest"])
def test_resize_and_warps_are_kornias(how):
    """Parity: resize without anti-aliasing, affine and perspective maps against kornia, border included, to 2e-5.

    Convention: Kornia counts places from the middle of the first pixel. Anti-aliasing differs on purpose: it blurs before it skips, weft averages with
    Pillow's weights.
    """
    transform = kornia().geometry.transform
    x = picture(2, 24, 33)
    for size in ((10, 13), (40, 50)):
        if how != "nearest":  # torch's old nearest, which reads from the upper left
            torch.testing.assert_close(geometry.resize(x, size, how, antialias=False), transform.resize(x, size, how, antialias=False), atol=1e-6, rtol=0)
    matrix = transform.get_affine_matrix2d(SHIFT, torch.tensor([[16.0, 11.5]] * 2), SCALE[:, None].expand(2, 2), ANGLE, *SHEAR.deg2rad().unbind(1))
    ours = geometry.warp(x, geometry.affine_map(ANGLE, SHIFT, SCALE, SHEAR, (33 / 2, 12)), how)
    torch.testing.assert_close(ours, transform.warp_affine(x, matrix[:, :2], (24, 33), how), atol=2e-5, rtol=0)
    tilt = transform.get_perspective_transform(QUAD - 0.5, TILTED - 0.5)
    ours = geometry.warp(x[:1], geometry.perspective_map(QUAD, TILTED), how)
    torch.testing.assert_close(ours, transform.warp_perspective(x[:1], tilt, (24, 33), how), atol=2e-5, rtol=0)


def test_turns_are_kornias():
    """Parity: a turn against kornia's rotate, whose angles run anticlockwise, ours clockwise, as torchvision's affine has them."""
    x = picture(2, 24, 33)
    ours = geometry.warp(x, geometry.affine_map(ANGLE, torch.zeros(2, 2), torch.ones(2), torch.zeros(2, 2), (33 / 2, 12)))
    torch.testing.assert_close(ours, kornia().geometry.transform.rotate(x, -ANGLE), atol=2e-5, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8])
def test_resize_and_warps_are_albumentationss(dtype):
    """Parity: resize without anti-aliasing, affine, turn and perspective against Albumentations; floats to 2e-5, bytes to a level.

    Conventions: its angles run anticlockwise; its resize never averages, so ours is taken without anti-aliasing.
    """
    A = albumentations()
    cv2 = pytest.importorskip("cv2")
    x, none, one = picture(2, 24, 33, dtype=dtype), torch.zeros(2, 2), torch.ones(2)

    def check(ours, theirs):
        apart = (ours.float() - each(x, lambda image: theirs(image=image)["image"]).float()).abs().max()
        assert apart <= (2e-5 if dtype == torch.float32 else 1), float(apart)

    for how, flag in (("bilinear", cv2.INTER_LINEAR), ("bicubic", cv2.INTER_CUBIC), ("nearest", cv2.INTER_NEAREST_EXACT)):
        for size in ((10, 13), (40, 50)):
            check(geometry.resize(x, size, how, antialias=False), A.Resize(*size, interpolation=flag, p=1))
    centre, shift = (33 / 2, 12), torch.tensor([[3.0, -2.0]] * 2)
    moved = {"translate_px": {"x": (3, 3), "y": (-2, -2)}, "interpolation": cv2.INTER_LINEAR, "p": 1}
    check(geometry.warp(x, geometry.affine_map(-30 * one, shift, 1.2 * one, none, centre)), A.Affine(scale=1.2, rotate=(30, 30), shear=0, **moved))
    slanted = geometry.affine_map(0 * one, shift, 0.9 * one, torch.tensor([[10.0, 0.0]] * 2), centre)
    check(geometry.warp(x, slanted), A.Affine(scale=0.9, rotate=(0, 0), shear={"x": (10, 10), "y": (0, 0)}, **moved))
    check(geometry.warp(x, geometry.affine_map(-20 * one, none, one, none, centre)), A.Rotate((20, 20), border_mode=cv2.BORDER_CONSTANT, p=1))
    matrix = cv2.getPerspectiveTransform((QUAD[0] - 0.5).numpy(), (TILTED[0] - 0.5).numpy())
    ours = geometry.warp(x, geometry.perspective_map(QUAD, TILTED).expand(2, 3, 3))
    tilt = A.Perspective(border_mode=cv2.BORDER_CONSTANT, p=1)
    theirs = each(x, lambda image: tilt.apply(image, matrix=matrix, max_height=24, max_width=33))
    assert (ours.float() - theirs.float()).abs().max() <= (2e-5 if dtype == torch.float32 else 1)

"""Classical operations against SciPy and OpenCV."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.data.transforms.peers import albumentations, each, keyed, kornia, picture
from weft.data import Filter
from weft.data.transforms import classical

X = picture(2, 20, 27, 1)


def scipys():
    return pytest.importorskip("scipy.ndimage")


def plain(x):
    return x[0, 0].double().numpy()


def test_slopes_and_curvature_are_scipys():
    """Parity: Sobel's slopes and the Laplacian against SciPy with a mirrored border."""
    ndimage = scipys()
    across, down = classical.gradients(X)
    for ours, axis in ((across, 1), (down, 0)):
        assert np.allclose(plain(ours), ndimage.sobel(plain(X), axis=axis, mode="mirror"), atol=1e-5)
    assert np.allclose(plain(classical.laplacian(X)), ndimage.laplace(plain(X), mode="mirror"), atol=1e-5)
    assert np.allclose(plain(classical.edges(X)), np.hypot(plain(across), plain(down)), atol=1e-5)


def test_morphology_is_scipys():
    """Parity: erosion, dilation, opening and closing by 3 x 3 and 5 x 5 squares against SciPy; the least value is minus the greatest of minus."""
    ndimage = scipys()
    for size in (3, 5):
        for ours, theirs in (("erode", "grey_erosion"), ("dilate", "grey_dilation")):
            mode = {"cval": np.inf if ours == "erode" else -np.inf, "mode": "constant"}
            assert np.allclose(plain(getattr(classical, ours)(X, size)), getattr(ndimage, theirs)(plain(X), size=(size, size), **mode))
        assert np.allclose(plain(classical.opened(X, size))[4:-4, 4:-4], ndimage.grey_opening(plain(X), size=(size, size))[4:-4, 4:-4])
        assert np.allclose(plain(classical.closed(X, size))[4:-4, 4:-4], ndimage.grey_closing(plain(X), size=(size, size))[4:-4, 4:-4])


def test_operations_are_opencvs():
    """Parity: Scharr, Harris corners and local equalising against OpenCV."""
    cv2 = pytest.importorskip("cv2")
    image = plain(X).astype(np.float32)
    assert np.allclose(plain(classical.gradients(X, "scharr")[0]), cv2.Scharr(image, cv2.CV_32F, 1, 0, borderType=cv2.BORDER_REFLECT_101), atol=1e-4)
    theirs = cv2.cornerHarris(image, 3, 3, 0.04, borderType=cv2.BORDER_REFLECT_101) * 16**2  # it sums slopes of a twelfth over nine places
    assert np.allclose(plain(classical.corners(X))[2:-2, 2:-2], theirs[2:-2, 2:-2], atol=1e-3 * np.abs(theirs).max())
    x = picture(1, 256, 320, 1, dtype=torch.uint8)
    ours = (classical.local_equalize(x / 255.0, 4, 3.0) * 255)[0, 0].numpy()
    clahe = cv2.createCLAHE(3.0, (4, 4)).apply(x[0, 0].numpy())
    assert np.abs(ours - clahe).mean() < 2 and np.abs(ours - clahe).max() < 8


def test_edges_of_a_disc_are_thin_and_closed():
    """Property: Canny finds the rim of a disc, one or two pixels wide, all round, and nothing in a flat picture; a weak rim counts only where it
    touches a strong one."""
    rows, columns = torch.meshgrid(torch.arange(64) - 31.5, torch.arange(64) - 31.5, indexing="ij")
    radius = (rows**2 + columns**2).sqrt()
    disc = (radius < 20).float()[None, None]
    found = classical.canny(disc)[0, 0]
    assert (radius[found] - 20).abs().max() < 2 and 90 < found.sum() < 250
    angles = torch.atan2(rows[found], columns[found]).sort().values
    assert angles.diff().max() < 0.2
    assert not classical.canny(torch.full((1, 1, 16, 16), 0.4)).any()
    faint = torch.where(columns < 0, 1.0, 0.45)[None, None] * disc
    alone = classical.canny(faint * 0.2, low=0.01, high=0.2)
    assert not alone.any() and classical.canny(faint, low=0.01, high=0.2)[0, 0][:, 40:].any()
    with pytest.raises(ValueError, match="low <= high"):
        classical.canny(disc, 0.3, 0.2)


def test_corners_of_a_square_stand_out():
    """Property: the four places of greatest cornerness are at the four corners of a square, and its sides are below zero."""
    x = torch.zeros(1, 1, 30, 30)
    x[..., 8:22, 8:22] = 1
    found = classical.corners(x)[0, 0]
    for r in (8, 21):
        for c in (8, 21):
            assert found[r - 2 : r + 3, c - 2 : c + 3].max() > 0.5 * found.max()
    assert found[15, 8] < 0 and found[15, 15] == 0


def test_slopes_can_be_learned_through():
    """Property: the gradients of edges and of the Laplacian pass a numerical check in float64."""
    x = torch.rand(1, 1, 5, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda y: classical.edges(y), x) and torch.autograd.gradcheck(lambda y: classical.laplacian(y), x)


@pytest.mark.parametrize("name", classical.FILTERS)
def test_filters_stand_alone_or_beside_the_colours(name):
    """Contract: Filter gives what the function gives, or appends it; empty batches pass."""
    x = picture(2, 16, 16)
    alone = Filter(name)({"input": x}, keyed(2))["input"]
    assert alone.shape[0] == 2 and alone.shape[-2:] == (16, 16) and alone.dtype == torch.float32
    both = Filter(name, append=True)({"input": x}, keyed(2))["input"]
    assert torch.equal(both, torch.cat([x, alone], 1))
    assert len(Filter(name)({"input": x[:0]}, keyed(0))["input"]) == 0


def test_an_unknown_filter_is_named():
    with pytest.raises(ValueError, match="Did you mean 'sobel'"):
        Filter("sobels")
    with pytest.raises(ValueError, match="Unknown gradient 'prewitt'"):
        classical.gradients(X, "prewitt")


def test_slopes_and_morphology_are_kornias():
    """Parity: Sobel's slopes, the Laplacian and morphology by squares against kornia.

    Conventions: weft mirrors the border for slopes, where Kornia repeats it, so the outermost pixels are not compared. Its Laplacian counts all
    eight neighbours; weft's is the four of SciPy and OpenCV, and ``filtered`` with Kornia's kernel is its own.
    """
    module = kornia()
    for ours, theirs in zip(classical.gradients(X), module.filters.spatial_gradient(X, normalized=False).unbind(2), strict=True):
        torch.testing.assert_close(ours[..., 1:-1, 1:-1], theirs[..., 1:-1, 1:-1], atol=1e-6, rtol=0)
    length = module.filters.sobel(X)  # one per pixel, and a millionth under its root
    torch.testing.assert_close(classical.edges(X)[..., 1:-1, 1:-1] / 8, length[..., 1:-1, 1:-1], atol=1e-3, rtol=0)
    eight = torch.ones(3, 3) - 9 * torch.eye(3)[1].outer(torch.eye(3)[1])
    torch.testing.assert_close(classical.filtered(X, eight), module.filters.laplacian(X, 3, normalized=False), atol=1e-5, rtol=0)
    for name, theirs in (("dilate", "dilation"), ("erode", "erosion"), ("opened", "opening"), ("closed", "closing")):
        for size in (3, 5):
            assert torch.equal(getattr(classical, name)(X, size), getattr(module.morphology, theirs)(X, torch.ones(size, size)))


def test_canny_and_local_equalising_are_kornias():
    """Parity: Canny's edges of a disc and of smooth pictures against kornia, pixel for pixel; CLAHE to five levels of 255, for Kornia cuts tables to whole levels."""
    module = kornia()
    rows, columns = torch.meshgrid(torch.arange(64) - 31.5, torch.arange(64) - 31.5, indexing="ij")
    disc = ((rows**2 + columns**2).sqrt() < 20).float()[None, None]
    for x, low, high in ((disc, 0.1, 0.2), (picture(2, 64, 64, 1), 0.02, 0.04)):
        theirs = module.filters.canny(x, 8 * low, 8 * high, (7, 7), (1.0, 1.0))[1]  # its slopes are eight times ours, of the plain kernel
        assert torch.equal(classical.canny(x, low, high), theirs > 0) and theirs.sum() > 100
    x = picture(1, 256, 320, 1)
    apart = (classical.local_equalize(x, 4, 3.0) - module.enhance.equalize_clahe(x, 3.0, (4, 4))).abs()
    assert apart.max() < 5 / 255 and apart.mean() < 1.5 / 255


def test_local_equalising_is_albumentationss():
    """Parity: CLAHE against Albumentations, which is OpenCV's, to five levels and on average less than one. Its Morphological takes ellipses, ours squares: not compared."""
    A = albumentations()
    x = picture(2, 256, 320, 1, dtype=torch.uint8)
    theirs = each(x, lambda image: A.CLAHE((3.0, 3.0), (4, 4), p=1)(image=image)["image"])
    apart = (classical.local_equalize(x / 255.0, 4, 3.0) * 255 - theirs).abs()
    assert apart.max() < 5 and apart.mean() < 1 and (theirs.float() - x).abs().max() > 20

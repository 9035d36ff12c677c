"""Surfaces of triangles that stay smooth and even, and cameras that agree."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from weft.losses.metric.distances import unit
from weft.losses.shapes import full, same_shape


def mesh_edges(faces: Int[Tensor, "f 3"]) -> Int[Tensor, "e 2"]:
    """Every edge of a mesh once, the smaller vertex first.

    >>> mesh_edges(torch.tensor([[0, 1, 2], [2, 1, 3]])).tolist()
    [[0, 1], [0, 2], [1, 2], [1, 3], [2, 3]]
    """
    pairs = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    return pairs.sort(1).values.unique(dim=0)


def edge_length(prediction: Float[Tensor, " ..."], faces: Int[Tensor, "f 3"], *, wanted: float = 0.0) -> Float[Tensor, " b"]:
    """Edges of one length: the mean of (|v_i - v_j| - wanted)^2 over all edges.

    Shapes: vertices (B, V, 3), faces (F, 3) of vertex numbers -> (B,).
    Paper: Wang et al., 2018 (Pixel2Mesh), arXiv:1804.01654.
    Use so that no vertex flies away.

    >>> edge_length(torch.tensor([[[0.0, 0, 0], [3, 0, 0], [0, 4, 0]]]), torch.tensor([[0, 1, 2]])).round(decimals=3)
    tensor([16.6670])
    """
    edges = mesh_edges(faces)
    v = full(prediction)
    lengths = torch.linalg.vector_norm(v[:, edges[:, 0]] - v[:, edges[:, 1]], dim=2)
    return (lengths - wanted).square().mean(1)


def mesh_laplacian(prediction: Float[Tensor, " ..."], faces: Int[Tensor, "f 3"]) -> Float[Tensor, " b"]:
    """Vertices in the middle of their neighbours: the mean of |mean of neighbours - v|.

    Shapes: vertices (B, V, 3), faces (F, 3) -> (B,). A vertex of no face costs nothing.
    Paper: Nealen et al., 2006, doi:10.1145/1174429.1174494 (uniform weights).
    Use to keep a surface smooth; it shrinks, so not alone.

    >>> mesh_laplacian(torch.zeros(1, 3, 3), torch.tensor([[0, 1, 2]]))
    tensor([0.])
    """
    v, edges = full(prediction), mesh_edges(faces)
    both = torch.cat([edges, edges.flip(1)])
    count = torch.zeros(v.shape[1], device=v.device, dtype=v.dtype).index_add(0, both[:, 0], torch.ones(len(both), device=v.device, dtype=v.dtype))
    middle = torch.zeros_like(v).index_add(1, both[:, 0], v[:, both[:, 1]]) / count.clamp(min=1)[:, None]
    return torch.linalg.vector_norm((middle - v) * (count > 0)[:, None], dim=2).mean(1)


def normal_consistency(prediction: Float[Tensor, " ..."], faces: Int[Tensor, "f 3"]) -> Float[Tensor, " b"]:
    """Neighbouring faces that lie flat: the mean of 1 - cos of their normals over all edges that two faces share.

    Shapes: vertices (B, V, 3), faces (F, 3), all wound the same way -> (B,) in [0, 2]. A mesh without shared edges has 0.
    Paper: Gkioxari et al., 2019 (Mesh R-CNN), arXiv:1906.02739, whose code this term comes from.
    Use to keep a surface from crumpling.

    >>> flat = torch.tensor([[[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]]])
    >>> normal_consistency(flat, torch.tensor([[0, 1, 2], [2, 1, 3]]))
    tensor([0.])
    """
    v = full(prediction)
    corners = v[:, faces]
    normals = unit(torch.linalg.cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0], dim=2))
    pairs = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).sort(1).values
    _, edge = pairs.unique(dim=0, return_inverse=True)
    owner = torch.arange(len(faces), device=faces.device).repeat(3)
    order = edge.argsort(stable=True)
    same = edge[order][1:] == edge[order][:-1]
    first, second = owner[order][:-1][same], owner[order][1:][same]
    bent = 1 - (normals[:, first] * normals[:, second]).sum(2)
    return bent.sum(1) / max(bent.shape[1], 1)


def epipolar(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], fundamental: Float[Tensor, "b 3 3"]) -> Float[Tensor, "b n"]:
    """How far a pair of points is from one ray in space, in squared pixels: (y^T F x)^2 / (|F x|_12^2 + |F^T y|_12^2), Sampson's distance.

    Shapes: points x in the first and y in the second picture (B, N, 2), fundamental matrices (B, 3, 3) -> (B, N).
    Errors: ``ValueError`` when the points' shapes differ.
    Paper: Sampson, 1982, doi:10.1016/0146-664X(82)90101-0.
    Use for relative poses and matches without depth.

    >>> shift = torch.tensor([[[0.0, 0, 0], [0, 0, -1], [0, 1, 0]]])
    >>> epipolar(torch.tensor([[[0.0, 0.0]]]), torch.tensor([[[5.0, 2.0]]]), shift)
    tensor([[2.]])
    """
    same_shape(prediction, target, "epipolar")
    one = torch.ones_like(full(prediction)[..., :1])
    x, y = torch.cat([full(prediction), one], 2), torch.cat([full(target).to(one), one], 2)
    with torch.autocast(x.device.type, enabled=False):
        forth, back = x @ full(fundamental).mT, y @ full(fundamental)
    gap = (y * forth).sum(2)
    return gap.square() / (forth[..., :2].square().sum(2) + back[..., :2].square().sum(2)).clamp(min=1e-12)


def reprojection(
    prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], camera: Float[Tensor, "b 3 4"], *, near: float = 1e-3
) -> Float[Tensor, "b n"]:
    """How far points in space are from where a camera saw them, in pixels: |project(P X) - x|.

    Shapes: points X (B, N, 3), what was seen (B, N, 2) in pixels, cameras P = K [R | t] (B, 3, 4) -> (B, N). Depths below ``near`` are held there, so
    points behind the camera still learn.
    Errors: ``ValueError`` for shapes that do not fit.
    Paper: Hartley and Zisserman, 2004, Multiple View Geometry, chapter 4.

    >>> reprojection(torch.tensor([[[2.0, 4.0, 2.0]]]), torch.tensor([[[1.0, 1.0]]]), torch.eye(3, 4)[None])
    tensor([[1.]])
    """
    if prediction.ndim != 3 or prediction.shape[2] != 3 or target.shape != (*prediction.shape[:2], 2):
        raise ValueError(f"reprojection needs points (B, N, 3) and pixels (B, N, 2); got {tuple(prediction.shape)} and {tuple(target.shape)}.")
    points = full(prediction)
    with torch.autocast(points.device.type, enabled=False):
        seen = torch.cat([points, torch.ones_like(points[..., :1])], 2) @ full(camera).to(points).mT
    pixels = seen[..., :2] / seen[..., 2:].clamp(min=near)
    return torch.linalg.vector_norm(pixels - full(target), dim=2)

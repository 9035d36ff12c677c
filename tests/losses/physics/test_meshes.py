"""Surfaces and cameras by loops over their parts, and by scenes whose answer is known."""

from __future__ import annotations

import pytest
import torch

from weft.losses import edge_length, epipolar, mesh_edges, mesh_laplacian, normal_consistency, reprojection

FACES = torch.tensor([[0, 1, 2], [2, 1, 3], [2, 3, 4]])


def test_terms_by_loops():
    """edge_length, mesh_laplacian and normal_consistency, brute force: edge by edge, neighbour by neighbour, face beside face."""
    v = torch.randn(2, 6, 3, dtype=torch.float64)  # vertex 5 is in no face
    edges = {tuple(sorted((int(f[i]), int(f[(i + 1) % 3])))) for f in FACES for i in range(3)}
    assert {tuple(e) for e in mesh_edges(FACES).tolist()} == edges
    for b in range(2):
        lengths = [float((v[b, i] - v[b, j]).norm()) for i, j in edges]
        assert edge_length(v, FACES, wanted=0.5)[b].item() == pytest.approx(sum((x - 0.5) ** 2 for x in lengths) / len(edges))
        total = 0.0
        for i in range(5):
            others = [j if k == i else k for k, j in edges if i in (k, j)]
            total += float((v[b, others].mean(0) - v[b, i]).norm())
        assert mesh_laplacian(v, FACES)[b].item() == pytest.approx(total / 6)
        normals = [torch.linalg.cross(v[b, f[1]] - v[b, f[0]], v[b, f[2]] - v[b, f[0]]) for f in FACES]
        bent = [1 - float(torch.nn.functional.cosine_similarity(normals[i], normals[j], dim=0)) for i, j in ((0, 1), (1, 2))]
        assert normal_consistency(v, FACES)[b].item() == pytest.approx(sum(bent) / 2)


def test_flat_and_folded():
    """normal_consistency, closed form: a plane costs 0, a right angle 1, a sheet folded flat 2; no motion of the whole changes any term; one face has no neighbour."""
    flat = torch.tensor([[[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]]])
    faces = FACES[:2]
    folded = torch.tensor([[[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0]]])
    corner = torch.tensor([[[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0.5, 0.5, 1]]])
    assert normal_consistency(flat, faces).item() == pytest.approx(0, abs=1e-6)
    assert normal_consistency(folded, faces).item() == pytest.approx(2)
    assert normal_consistency(corner, faces).item() == pytest.approx(1)
    assert normal_consistency(flat, faces[:1]).tolist() == [0]
    turn = torch.linalg.qr(torch.randn(3, 3))[0]
    for loss in (edge_length, mesh_laplacian, normal_consistency):
        torch.testing.assert_close(loss(corner @ turn + 4, faces), loss(corner, faces), rtol=1e-4, atol=1e-4)


def scene():
    """Points in space, two cameras, and what both see."""
    points = torch.rand(2, 9, 3, dtype=torch.float64) * 2 + torch.tensor([0.0, 0.0, 4.0])
    turn = torch.linalg.qr(torch.eye(3, dtype=torch.float64) + 0.05 * torch.randn(3, 3, dtype=torch.float64))[0]
    turn = turn * turn.diagonal().sign()
    shift = torch.tensor([0.5, -0.2, 0.1], dtype=torch.float64)
    cameras = torch.eye(3, 4, dtype=torch.float64), torch.cat([turn, shift[:, None]], 1)
    seen = [(torch.cat([points, torch.ones_like(points[..., :1])], 2) @ c.T) for c in cameras]
    cross = torch.tensor([[0.0, -shift[2], shift[1]], [shift[2], 0.0, -shift[0]], [-shift[1], shift[0], 0.0]], dtype=torch.float64)
    return points, cameras, [s[..., :2] / s[..., 2:] for s in seen], (cross @ turn).expand(2, 3, 3)


def test_true_matches_and_points_cost_nothing():
    """epipolar and reprojection, closed form: what two cameras see of one scene fits their fundamental matrix and projects back; shifted points cost their shift."""
    points, cameras, (first, second), fundamental = scene()
    assert epipolar(first, second, fundamental).abs().max() < 1e-20
    assert epipolar(first, second + 0.1, fundamental).mean() > 1e-4
    for camera, seen in zip(cameras, (first, second), strict=True):
        assert reprojection(points, seen, camera.expand(2, 3, 4)).max() < 1e-12
        moved = reprojection(points, seen + torch.tensor([3.0, 4.0]), camera.expand(2, 3, 4))
        torch.testing.assert_close(moved, torch.full_like(moved, 5.0))


def test_sampson_is_the_distance_to_the_nearest_true_match():
    """epipolar, closed form: for a sideways camera the rays are rows, and two points d rows apart meet in the middle: 2 (d / 2)^2."""
    sideways = torch.tensor([[[0.0, 0, 0], [0, 0, -1], [0, 1, 0]]])
    x, y = torch.tensor([[[7.0, 1.0]]]), torch.tensor([[[3.0, 4.0]]])
    assert epipolar(x, y, sideways).item() == pytest.approx(4.5)


def test_errors_teach_and_points_behind_the_camera_learn():
    """reprojection, property: a point behind the camera has a finite value and gradient."""
    point = torch.tensor([[[1.0, 1.0, -2.0]]], requires_grad=True)
    loss = reprojection(point, torch.zeros(1, 1, 2), torch.eye(3, 4)[None])
    loss.sum().backward()
    assert loss.isfinite().all()
    assert point.grad.isfinite().all()
    with pytest.raises(ValueError, match=r"points \(B, N, 3\) and pixels \(B, N, 2\); got \(1, 1, 3\) and \(1, 2, 2\)"):
        reprojection(point, torch.zeros(1, 2, 2), torch.eye(3, 4)[None])

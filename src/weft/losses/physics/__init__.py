"""Losses that know the world: differential equations, clouds of points, rotations, surfaces, cameras."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "chamfer": "weft.losses.physics.clouds:chamfer",
    "earth_mover": "weft.losses.physics.clouds:earth_mover",
    "rotation_angle": "weft.losses.physics.rotations:rotation_angle",
    "quaternion_distance": "weft.losses.physics.rotations:quaternion_distance",
    "edge_length": "weft.losses.physics.meshes:edge_length",
    "mesh_laplacian": "weft.losses.physics.meshes:mesh_laplacian",
    "normal_consistency": "weft.losses.physics.meshes:normal_consistency",
    "epipolar": "weft.losses.physics.meshes:epipolar",
    "reprojection": "weft.losses.physics.meshes:reprojection",
}
KIND = "loss"
EXTRA = {
    "collocation": "weft.losses.physics.equations:collocation",
    "derivative": "weft.losses.physics.equations:derivative",
    "heat_equation": "weft.losses.physics.equations:heat_equation",
    "mesh_edges": "weft.losses.physics.meshes:mesh_edges",
    "residual": "weft.losses.physics.equations:residual",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """Each loss as (function, prediction, target); faces and cameras are already bound."""
    import torch

    from weft.losses.physics import clouds, meshes, rotations

    cloud, other = torch.randn(6, 5, 3), torch.randn(6, 4, 3)
    turns = torch.linalg.qr(torch.randn(6, 3, 3))[0]
    faces = torch.tensor([[0, 1, 2], [2, 1, 3], [2, 3, 4]])
    fundamental, camera = torch.randn(1, 3, 3), torch.cat([torch.eye(3), torch.tensor([[0.0], [0.0], [9.0]])], 1)[None]

    def matched(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return meshes.epipolar(x, y, fundamental.to(x.dtype).expand(len(x), 3, 3))

    def projected(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return meshes.reprojection(x, y, camera.to(x.dtype).expand(len(x), 3, 4))

    return {
        "chamfer": (clouds.chamfer, cloud, other),
        "earth_mover": (lambda x, y: clouds.earth_mover(x, y, blur=0.5), cloud, other),
        "rotation_angle": (rotations.rotation_angle, torch.randn(6, 3, 3), turns),
        "quaternion_distance": (rotations.quaternion_distance, torch.randn(6, 4), torch.randn(6, 4)),
        "edge_length": (lambda x: meshes.edge_length(x, faces), cloud, None),
        "mesh_laplacian": (lambda x: meshes.mesh_laplacian(x, faces), cloud, None),
        "normal_consistency": (lambda x: meshes.normal_consistency(x, faces), cloud, None),
        "epipolar": (matched, torch.randn(6, 4, 2), torch.randn(6, 4, 2)),
        "reprojection": (projected, cloud, torch.randn(6, 5, 2)),
    }

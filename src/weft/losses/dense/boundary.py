"""How far from the true boundary a prediction puts its region."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from weft.losses.dense.regions import Regions


def boundary(
    prediction: Float[Tensor, " ..."],
    target: Shaped[Tensor, " ..."],
    *,
    distance: Float[Tensor, " ..."] | None = None,
    form: str | None = None,
) -> Float[Tensor, " b"]:
    """The mean over pixels and classes of share times signed distance from the true boundary: negative inside, positive outside.

    Shapes: as for ``dice`` -> (B,), in pixels; it has no fixed least value. ``distance`` (B, C, ...) is what ``signed_distance`` makes of the
    target; without it it is computed here, by scipy on the processor: better once, in the data.
    Errors: ``ValueError`` for shapes that do not fit; ``ImportError`` without scipy and without ``distance``.
    Paper: Kervadec et al., 2018, arXiv:1812.07032.
    Use beside ``dice`` or ``generalised_dice``, with a weight that rises; alone it may empty the region.

    >>> boundary(torch.tensor([[100.0, -100.0, -100.0]]), torch.tensor([[1, 0, 0]]), distance=torch.tensor([[[0.0, 1.0, 2.0]]]))
    tensor([0.])
    """
    regions = Regions(form)
    p, y = regions.read(prediction, target, None, "boundary")
    if distance is None:
        places = target.shape[2:] if regions.form_of(prediction, target) == "multilabel" else target.shape[1:]
        distance = signed_distance(y.view(*y.shape[:2], *places))
    if distance.flatten(2).shape != p.shape:
        raise ValueError(f"boundary needs a distance of (B, C, ...) entries {tuple(p.shape)}; got {tuple(distance.shape)}.")
    return (p * distance.flatten(2).to(p.dtype)).mean((1, 2))


def signed_distance(regions: Shaped[Tensor, "b c ..."]) -> Float[Tensor, "b c ..."]:
    """Each pixel's distance from the region's boundary, by scipy: positive outside, zero or less inside; all 0 for a region that is absent.

    Errors: ``ImportError`` with the remedy where scipy is missing.

    >>> signed_distance(torch.tensor([[[0, 1, 1, 1, 0]]]))
    tensor([[[ 1.,  0., -1.,  0.,  1.]]])
    """
    try:
        from scipy.ndimage import distance_transform_edt
    except ImportError as error:
        raise ImportError("signed_distance needs scipy: pip install scipy, or give boundary the distances.") from error
    inside = (regions > 0).cpu().numpy()
    found = np.zeros(inside.shape, dtype=np.float32)
    for place in np.ndindex(*inside.shape[:2]):
        one = inside[place]
        if one.any():
            out, within = np.asarray(distance_transform_edt(~one)), np.asarray(distance_transform_edt(one))
            found[place] = out - np.where(one, within - 1, 0)
    return torch.from_numpy(found).to(regions.device)

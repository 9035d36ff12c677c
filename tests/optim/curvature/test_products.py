"""Products with second derivatives against the matrices written out."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from weft.optim import FisherProduct, GaussNewtonProduct, HessianProduct
from weft.optim.curvature.products import flat, unflat


def network():
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()


def dense(net, x, y, loss):
    """The Hessian, and the Jacobian of the outputs, of a small network by torch.func."""
    names, shapes = zip(*[(n, p.shape) for n, p in net.named_parameters()], strict=True)
    sizes = [s.numel() for s in shapes]

    def outputs(vector):
        parts = {n: piece.reshape(s) for n, s, piece in zip(names, shapes, vector.split(sizes), strict=True)}
        return torch.func.functional_call(net, parts, (x,))

    point = flat(list(net.parameters()), list(net.parameters())).detach()
    hessian = torch.func.hessian(lambda v: loss(outputs(v), y))(point)
    return hessian, torch.func.jacrev(lambda v: outputs(v).flatten())(point), outputs(point).detach()


def test_the_products_are_those_of_the_matrices():
    """HessianProduct and GaussNewtonProduct, closed form: H v and J^T H_L J v; symmetric; as often as wanted."""
    net, x, y = network(), torch.randn(5, 3, dtype=torch.float64), torch.tensor([0, 1, 1, 0, 1])
    hessian, jacobian, answers = dense(net, x, y, F.cross_entropy)
    outputs = net(x)
    value = F.cross_entropy(outputs, y)
    parameters = list(net.parameters())
    ours, newton = HessianProduct(value, parameters), GaussNewtonProduct(outputs, value, parameters)
    curvature = torch.func.hessian(lambda o: F.cross_entropy(o.reshape(5, 2), y))(answers.flatten())
    for _ in range(3):
        u, v = torch.randn(2, ours.size, dtype=torch.float64)
        torch.testing.assert_close(ours(v), hessian @ v)
        torch.testing.assert_close(newton(v), jacobian.t() @ curvature @ jacobian @ v)
        torch.testing.assert_close(u @ ours(v), v @ ours(u))
    gradient = torch.autograd.grad(value, parameters)
    torch.testing.assert_close(ours.gradient.detach(), flat(gradient, parameters))


def test_the_fisher_of_samples_is_no_squared_mean():
    """FisherProduct, closed form: the mean of outer products, of full rank where the mean gradient's square has rank one."""
    each = torch.randn(6, 4, dtype=torch.float64)
    product = FisherProduct(each)
    matrix = torch.stack([product(row) for row in torch.eye(4, dtype=torch.float64)])
    torch.testing.assert_close(matrix, sum(torch.outer(g, g) for g in each) / 6)
    assert torch.linalg.matrix_rank(matrix) == 4


def test_unused_linear_and_strided_parameters():
    """HessianProduct, closed form: parameters without influence give zeros; a linear loss has no curvature; strides do not matter."""
    a, b = torch.ones(2, 3, dtype=torch.float64).t().requires_grad_(), torch.ones(2, requires_grad=True, dtype=torch.float64)
    assert not a.is_contiguous()
    product = HessianProduct((a**3).sum(), [a, b])
    torch.testing.assert_close(product(torch.ones(8, dtype=torch.float64)), torch.tensor([6.0] * 6 + [0.0] * 2, dtype=torch.float64))
    assert not HessianProduct(b.sum(), [b])(torch.ones(2, dtype=torch.float64)).any()
    out = b * 2
    assert not GaussNewtonProduct(out, out.sum(), [b])(torch.ones(2, dtype=torch.float64)).any()
    assert [t.shape for t in unflat(torch.arange(8.0), [a, b])] == [a.shape, b.shape]


def test_errors_say_what_came():
    w = torch.ones(2, requires_grad=True)
    with pytest.raises(ValueError, match=r"a loss of shape \(2,\)"):
        HessianProduct(w * 2, [w])
    with pytest.raises(ValueError, match=r"a loss of shape \(2,\)"):
        GaussNewtonProduct(w, w * 2, [w])
    with pytest.raises(ValueError, match=r"a flat vector of 2 numbers; got shape \(3,\)"):
        HessianProduct((w**2).sum(), [w])(torch.ones(3))

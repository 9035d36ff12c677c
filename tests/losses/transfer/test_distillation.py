"""Distillation beyond answers: features, attention, relations, several teachers."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from weft.losses import (
    FeatureAdapter,
    Loss,
    attention_transfer,
    cross_entropy,
    feature_distillation,
    kl_distillation,
    multi_teacher,
    relational_angles,
    relational_distances,
    standardised,
)


def test_one_teacher_is_plain_distillation():
    """multi_teacher, closed form: one teacher, or one with all the weight, is kl_distillation; so are several equal ones."""
    student, teachers = torch.randn(5, 4), torch.randn(5, 3, 4)
    alone = kl_distillation(student, teachers[:, 1])
    torch.testing.assert_close(multi_teacher(student, teachers[:, 1:2]), alone)
    torch.testing.assert_close(multi_teacher(student, teachers, weights=[0.0, 7.0, 0.0]), alone)
    torch.testing.assert_close(multi_teacher(student, teachers[:, 1:2].expand(5, 3, 4)), alone)
    torch.testing.assert_close(multi_teacher(student, teachers[:, 1:2], average="logits"), alone)


def test_teachers_are_averaged_as_said():
    """multi_teacher, closed form: weighed softened probabilities, or logits, against torch's KL; a choice for each item; teachers get no gradient."""
    student, teachers, share = torch.randn(5, 4, requires_grad=True), torch.randn(5, 3, 4, requires_grad=True), torch.tensor([1.0, 2.0, 5.0])
    mean = (share[:, None] / 8 * (teachers.detach() / 2).softmax(2)).sum(1)
    hand = 4 * F.kl_div((student / 2).log_softmax(1), mean, reduction="none").sum(1)
    loss = multi_teacher(student, teachers, weights=share, temperature=2.0)
    torch.testing.assert_close(loss, hand)
    mixed = (share[:, None] / 8 * teachers.detach()).sum(1)
    torch.testing.assert_close(multi_teacher(student, teachers, weights=share, average="logits"), kl_distillation(student, mixed))
    choice = F.one_hot(torch.tensor([0, 1, 2, 0, 1]), 3)
    picked = teachers[torch.arange(5), [0, 1, 2, 0, 1]]
    torch.testing.assert_close(multi_teacher(student, teachers, weights=choice), kl_distillation(student, picked))
    loss.sum().backward()
    assert teachers.grad is None
    assert student.grad.any()
    with pytest.raises(ValueError, match="none negative and not all 0"):
        multi_teacher(student, teachers, weights=[0.0, 0.0, 0.0])
    with pytest.raises(ValueError, match=r"teachers' \(B, K, C\); got \(5, 4\) and \(5, 4\)"):
        multi_teacher(student, student)


def test_standardised_logits_forget_scale_and_shift():
    """standardised, closed form: mean 0 and deviation 1 a row; distillation of a student who is three times as loud costs nothing; constants give 0."""
    z = torch.randn(4, 6)
    x = standardised(z)
    torch.testing.assert_close(x.mean(1), torch.zeros(4), rtol=0, atol=1e-6)
    torch.testing.assert_close(x.std(1, unbiased=False), torch.ones(4))
    torch.testing.assert_close(kl_distillation(standardised(3 * z + 2), x), torch.zeros(4), rtol=0, atol=1e-5)
    flat = torch.ones(2, 3, requires_grad=True)
    standardised(flat).sum().backward()
    assert flat.grad.isfinite().all()


def test_gradients_keep_their_size_when_the_temperature_changes():
    """kl_distillation, closed form: T^2 times the slope of order 1 / T^2 tends to (z - v - means) / C, Hinton's equation 4; hard labels are not needed."""
    student, teacher = torch.randn(3, 5, dtype=torch.float64, requires_grad=True), torch.randn(3, 5, dtype=torch.float64)
    (slope,) = torch.autograd.grad(kl_distillation(student, teacher, temperature=1e4).sum(), student)
    gap = (student - teacher).detach()
    torch.testing.assert_close(slope, (gap - gap.mean(1, keepdim=True)) / 5, rtol=1e-3, atol=1e-4)
    labels = torch.tensor([0, 1, 2])
    both = 0.7 * Loss.mean(kl_distillation(student, teacher), name="distill") + 0.3 * Loss.mean(cross_entropy(student, labels), name="class")
    hand = 0.7 * 16 * F.kl_div((student / 4).log_softmax(1), (teacher / 4).softmax(1), reduction="batchmean") + 0.3 * F.cross_entropy(student, labels)
    assert both.value.item() == pytest.approx(hand.item(), rel=1e-6)


def test_features_cost_nothing_when_equal_and_teach_adapters():
    """feature_distillation and FeatureAdapter, closed form: zero for equal features, mean squares and 1 - cos else; adapters and student learn, the teacher does not."""
    a, b = torch.randn(4, 3, 5), torch.randn(4, 3, 5)
    for kind in ("squared", "cosine"):
        torch.testing.assert_close(feature_distillation(a, a, kind=kind), torch.zeros(4), rtol=0, atol=1e-6)
    torch.testing.assert_close(feature_distillation(a, b), (a - b).square().mean((1, 2)))
    torch.testing.assert_close(feature_distillation(a, b, kind="cosine"), 1 - F.cosine_similarity(a.flatten(1), b.flatten(1)))
    student, teacher = torch.randn(2, 4, 6, 6, requires_grad=True), torch.randn(2, 7, 3, 3, requires_grad=True)
    adapter = FeatureAdapter(4, 7, maps=True)
    feature_distillation(adapter(student, size=(3, 3)), teacher).sum().backward()
    assert all(p.grad.any() for p in adapter.parameters())
    assert student.grad.any()
    assert teacher.grad is None
    assert FeatureAdapter(4, 7)(torch.randn(2, 9, 4)).shape == (2, 9, 7)
    with pytest.raises(ValueError, match="made for 4 channels"):
        adapter(teacher)
    with pytest.raises(ValueError, match="Did you mean 'cosine'"):
        feature_distillation(a, b, kind="cosin")


def test_attention_looks_at_places_only():
    """attention_transfer, closed form: unit-length maps of mean squares by hand, across widths; blind to the maps' scale."""
    a, b = torch.randn(3, 4, 5, 5), torch.randn(3, 9, 5, 5)
    maps = [F.normalize(x.square().mean(1).flatten(1), dim=1) for x in (a, b)]
    torch.testing.assert_close(attention_transfer(a, b), (maps[0] - maps[1]).square().sum(1))
    torch.testing.assert_close(attention_transfer(5 * a, b), attention_transfer(a, b))
    with pytest.raises(ValueError, match="Resize one of them"):
        attention_transfer(a, b[:, :, :4])


def test_relations_by_loops():
    """relational_distances and relational_angles, brute force: pairs over their mean distance, triangles by their cosines; neither sees scale nor rotation."""
    a, b = torch.randn(5, 3, dtype=torch.float64), torch.randn(5, 4, dtype=torch.float64)

    def distance_matrix(x):
        d = torch.tensor([[float((p - q).norm()) for q in x] for p in x], dtype=torch.float64)
        return d / (d.sum() / 20)

    hand = F.huber_loss(distance_matrix(a), distance_matrix(b), reduction="none").sum() / 20
    torch.testing.assert_close(relational_distances(a, b).mean(), hand)
    total = 0.0
    for i in range(5):
        for j in range(5):
            for k in range(5):
                if i not in (j, k):
                    cosines = [F.cosine_similarity(x[j] - x[i], x[k] - x[i], dim=0) for x in (a, b)]
                    total += float(F.huber_loss(*cosines)) / 125
    assert relational_angles(a, b).mean().item() == pytest.approx(total)
    turned = 3 * a @ torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64))[0] + 1
    for loss in (relational_distances, relational_angles):
        assert loss(turned, a).abs().max() < 1e-9
        with pytest.raises(ValueError, match="same items"):
            loss(a, b[:4])

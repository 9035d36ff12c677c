"""Preferences by closed forms: the papers' formulas written with sigmoids, and what they are at agreement."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from weft.losses import answer_log_probability, bayesian_ranking, divergence_estimate, dpo, ipo, kto, orpo, simpo


def four():
    return tuple(-5 * torch.rand(4, 8, dtype=torch.float64).unbind()[i] - 0.1 for i in range(4))


def test_log_probability_of_the_answer_alone():
    """answer_log_probability, parity: torch's cross-entropy of the kept tokens, summed and averaged; an empty answer has 0."""
    logits, answer = torch.randn(3, 5, 7), torch.randint(0, 7, (3, 5))
    keep = torch.tensor([[False, True, True, True, False], [True] * 5, [False] * 5])
    each = -F.cross_entropy(logits.movedim(2, 1), answer, reduction="none")
    torch.testing.assert_close(answer_log_probability(logits, answer, keep)[:2], torch.stack([each[0, 1:4].sum(), each[1].sum()]))
    torch.testing.assert_close(answer_log_probability(logits, answer, keep, average=True)[:2], torch.stack([each[0, 1:4].mean(), each[1].mean()]))
    assert answer_log_probability(logits, answer, keep, average=True)[2] == 0
    torch.testing.assert_close(answer_log_probability(logits, answer), each.sum(1))
    torch.testing.assert_close(answer_log_probability(logits, answer, average=True), each.mean(1))


def test_dpo_is_the_papers_formula():
    """dpo, closed form: equation 7 with rewards beta log(p / p_ref), which is Bradley-Terry of them; smoothing mixes both orders; log 2 at agreement."""
    chosen, rejected, ref_c, ref_r = four()
    rewards = 0.3 * (chosen - ref_c), 0.3 * (rejected - ref_r)
    torch.testing.assert_close(dpo(chosen, rejected, (ref_c, ref_r), beta=0.3), -(rewards[0] - rewards[1]).sigmoid().log())
    torch.testing.assert_close(dpo(chosen, rejected, (ref_c, ref_r), beta=0.3), bayesian_ranking(*rewards))
    smoothed = 0.9 * bayesian_ranking(*rewards) + 0.1 * bayesian_ranking(*rewards[::-1])
    torch.testing.assert_close(dpo(chosen, rejected, (ref_c, ref_r), beta=0.3, smoothing=0.1), smoothed)
    assert dpo(chosen, rejected, (chosen, rejected))[0].item() == pytest.approx(math.log(2))
    with pytest.raises(ValueError, match=r"\[0, 0.5\)"):
        dpo(chosen, rejected, (ref_c, ref_r), smoothing=0.5)


def test_dpo_finds_the_policy_that_rewards_call_for():
    """dpo, closed form: over three answers, with preferences drawn from known rewards, descent ends at p = p_ref exp(r / beta) / Z."""
    reward, beta = torch.tensor([0.0, 0.3, 1.0], dtype=torch.float64), 0.5
    reference = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64).log()
    logits = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    i, j = torch.triu_indices(3, 3, 1)
    wins = (reward[i] - reward[j]).sigmoid()
    optimizer = torch.optim.LBFGS([logits], lr=1.0, max_iter=200, tolerance_grad=1e-12, tolerance_change=1e-14)

    def closure():
        optimizer.zero_grad()
        p = logits.log_softmax(0)
        loss = (wins * dpo(p[i], p[j], (reference[i], reference[j]), beta=beta) + (1 - wins) * dpo(p[j], p[i], (reference[j], reference[i]), beta=beta)).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    torch.testing.assert_close(logits.detach().softmax(0), (reference + reward / beta).softmax(0), rtol=1e-4, atol=1e-5)


def test_ipo_stops_at_its_margin():
    """ipo, closed form: (h - 1 / 2 beta)^2, least at h = 1 / 2 beta."""
    chosen, rejected, ref_c, ref_r = four()
    h = (chosen - rejected) - (ref_c - ref_r)
    torch.testing.assert_close(ipo(chosen, rejected, (ref_c, ref_r), beta=0.2), (h - 2.5) ** 2)
    assert not ipo(rejected + 2.5, rejected, (ref_r, ref_r), beta=0.2).abs().gt(1e-12).any()
    with pytest.raises(ValueError, match="beta > 0"):
        ipo(chosen, rejected, (ref_c, ref_r), beta=0.0)


def test_kto_weighs_good_and_bad_beside_the_drift():
    """kto, closed form: the paper's 1 - sigmoid values with weights; the drift is a constant and never below 0; 1/2 where nothing moved."""
    p, ref, _, _ = four()
    good = torch.arange(8) % 3 > 0
    z = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    got = kto(p.requires_grad_(), ref, good, z, beta=0.5, weights=(1.2, 0.7))
    hand = torch.where(good, 1.2 * (1 - (0.5 * (p - ref - 0.4)).sigmoid()), 0.7 * (1 - (0.5 * (0.4 - (p - ref))).sigmoid()))
    torch.testing.assert_close(got, hand)
    got.sum().backward()
    assert z.grad is None
    assert (p.grad[good] < 0).all()
    assert (p.grad[~good] > 0).all()
    torch.testing.assert_close(kto(p, ref, good, -3.0), kto(p, ref, good, 0.0))


def test_orpo_and_simpo_by_hand():
    """orpo and simpo, closed form: odds p / (1 - p) of mean probabilities; average log-probabilities with a margin; finite where an answer is certain."""
    chosen, rejected, _, _ = four()
    odds = [x.exp() / (1 - x.exp()) for x in (chosen, rejected)]
    torch.testing.assert_close(orpo(chosen, rejected, weight=0.4), -chosen - 0.4 * (odds[0] / odds[1]).log().sigmoid().log())
    torch.testing.assert_close(simpo(chosen, rejected, beta=2.5, margin=0.7), -(2.5 * (chosen - rejected) - 0.7).sigmoid().log())
    certain = torch.zeros(2, requires_grad=True)
    orpo(certain, certain - 1).sum().backward()
    assert certain.grad.isfinite().all()


def test_divergence_has_the_right_mean():
    """divergence_estimate, closed form: both kinds, averaged over all answers with the policy's probabilities, are KL; one is never negative."""
    p, q = torch.randn(2, 9, dtype=torch.float64).log_softmax(1)
    kl = F.kl_div(q, p, log_target=True, reduction="sum")
    for kind in ("plain", "low_variance"):
        torch.testing.assert_close((p.exp() * divergence_estimate(p, q, kind=kind)).sum(), kl)
    assert (divergence_estimate(p, q) >= 0).all()
    assert (divergence_estimate(p, q, kind="plain") < 0).any()
    with pytest.raises(ValueError, match="Did you mean 'plain'"):
        divergence_estimate(p, q, kind="plane")

"""The ranking objective: each formula against a plain loop, and what each part promises."""

import math

import numpy as np
import pytest
import ranking_formulas
import torch

from ppaint.trainer import ranking

N = 6


@pytest.fixture
def batch():
    rng = np.random.default_rng(3)
    log_probs = torch.tensor(rng.normal(0, 1.5, (N, 10))).log_softmax(-1)
    elo = torch.tensor(rng.normal(0, 300, N))
    confidence = torch.tensor(rng.uniform(0.2, 1.5, N))
    return log_probs, elo, confidence


def weights(confidence):
    return confidence[None].repeat(N, 1).fill_diagonal_(0)


def reward_of(log_probs, elo, confidence):
    mean, variance = ranking.policy_moments(log_probs)
    order = ranking.token_order(variance, mean, variance)
    agreement = ranking.fidelity(order, ranking.target_order(elo, elo)[:, None, :])
    return ranking.ranking_reward(agreement, weights(confidence))


def test_reward_and_advantage_are_the_formulas_of_the_notes(batch):
    log_probs, elo, confidence = batch
    wanted = ranking_formulas.ranking_reward(log_probs, elo, weights(confidence))
    reward = reward_of(log_probs, elo, confidence)
    np.testing.assert_allclose(reward, wanted, rtol=1e-9)
    baseline = (log_probs.exp().numpy() * wanted).sum(1, keepdims=True)
    got = ranking.advantage(reward, log_probs, confidence)
    np.testing.assert_allclose(got, confidence.numpy()[:, None] * (wanted - baseline), rtol=1e-7, atol=1e-12)


def test_fidelity_loss_is_the_formula_of_the_notes(batch):
    log_probs, elo, confidence = batch
    mean, variance = ranking.policy_moments(log_probs)
    order = ranking.mean_order(mean, variance, mean, variance)
    f = ranking.fidelity(order, ranking.target_order(elo, elo))
    got = ranking.fidelity_loss(f, confidence[:, None] * weights(confidence))
    top, bottom = ranking_formulas.fidelity_loss_parts(log_probs, elo, confidence)
    assert float(got) == pytest.approx(top / bottom, rel=1e-9)


def test_policy_gradient_is_that_of_the_expected_reward(batch):
    """With the reward held constant, - d/d(logits) sum_v pi(v) c (r(v) - b) is the exact policy gradient."""
    log_probs, elo, confidence = batch
    logits = log_probs.clone().requires_grad_()
    now = logits.log_softmax(-1)
    reward = reward_of(now.detach(), elo, confidence)
    ranking.policy_loss(now, ranking.advantage(reward, now, confidence)).sum().backward()
    pi, wanted = log_probs.exp().numpy(), ranking_formulas.ranking_reward(log_probs, elo, weights(confidence))
    baseline = (pi * wanted).sum(-1, keepdims=True)
    expected = torch.tensor(-confidence.numpy()[:, None] * pi * (wanted - baseline))
    torch.testing.assert_close(logits.grad, expected)


def test_policy_loss_is_zero_in_value(batch):
    log_probs, elo, confidence = batch
    reward = reward_of(log_probs, elo, confidence)
    loss = ranking.policy_loss(log_probs, ranking.advantage(reward, log_probs, confidence))
    torch.testing.assert_close(loss, torch.zeros_like(loss))


def test_a_lone_image_gets_no_reward_and_no_gradient():
    log_probs = torch.zeros(1, 10).log_softmax(-1)
    mean, variance = ranking.policy_moments(log_probs)
    agreement = ranking.fidelity(ranking.token_order(variance, mean, variance), torch.tensor(0.5))
    reward = ranking.ranking_reward(agreement, torch.zeros(1, 1))
    assert (reward == 0).all()
    assert (ranking.advantage(reward, log_probs, torch.ones(1)) == 0).all()


def test_blocks_ride_on_leading_axes(batch):
    log_probs, elo, confidence = batch
    both = reward_of(log_probs, elo, confidence)
    turned = reward_of(log_probs.flip(0), elo, confidence)
    stacked = torch.stack([log_probs, log_probs.flip(0)])
    mean, variance = ranking.policy_moments(stacked)
    order = ranking.token_order(variance, mean, variance)
    target = ranking.target_order(elo.expand(2, N), elo.expand(2, N))
    reward = ranking.ranking_reward(ranking.fidelity(order, target[..., None, :]), weights(confidence).expand(2, N, N))
    torch.testing.assert_close(reward, torch.stack([both, turned]))


@pytest.mark.parametrize("sharp", [0.0, 30.0, 80.0])
def test_float32_gradients_stay_finite_at_any_confidence_of_the_policy(sharp):
    logits = (torch.eye(10)[[0, 9, 4]] * sharp).requires_grad_()
    now = logits.log_softmax(-1)
    mean, variance = ranking.policy_moments(now)
    elo = torch.tensor([-3000.0, 3000.0, 0.0])
    f = ranking.fidelity(ranking.mean_order(mean, variance, mean, variance), ranking.target_order(elo, elo))
    (
        ranking.fidelity_loss(f, 1 - torch.eye(3))
        + ranking.kl_divergence(now, torch.zeros(3, 10).log_softmax(-1)).mean()
    ).backward()
    assert torch.isfinite(logits.grad).all()


def test_moments_do_not_lose_digits_in_float32():
    sure = (torch.eye(10)[[9]] * 12).log_softmax(-1)
    probs = sure[0].double().exp().numpy()
    exact = (probs * (np.arange(10) - probs @ np.arange(10)) ** 2).sum()
    _, single = ranking.policy_moments(sure)
    assert float(single) == pytest.approx(exact, rel=1e-4)


def test_kl_is_zero_at_home_and_positive_elsewhere(batch):
    log_probs, _, _ = batch
    assert float(ranking.kl_divergence(log_probs, log_probs).abs().max()) == 0
    elsewhere = ranking.kl_divergence(log_probs, log_probs.flip(-1))
    assert (elsewhere > 0).all()
    np.testing.assert_allclose(elsewhere, ranking_formulas.kl_divergence(log_probs, log_probs.flip(-1)), rtol=1e-9)


def test_judgment_loss_counts_the_judged_pairs_only():
    nan = float("nan")
    mean = torch.tensor([2.0, 0.5, 7.0])
    judged = torch.tensor([[nan, 1.0, nan], [nan, nan, nan], [nan, nan, nan]])
    p = 1 / (1 + math.exp(-1.0))
    wanted = -(p * math.log(1 / (1 + math.exp(-1.5))) + (1 - p) * math.log(1 / (1 + math.exp(1.5))))
    assert float(ranking.judgment_loss(mean, mean, judged)) == pytest.approx(wanted, rel=1e-6)
    assert float(ranking.judgment_loss(mean, mean, torch.full((3, 3), nan))) == 0


def test_soft_labels_have_the_mean_and_spread_that_they_are_laid_on():
    elo = torch.tensor(np.random.default_rng(0).normal(0, 200, 400))
    mean = ranking.soft_labels(elo, torch.tensor(4.5), torch.tensor(1.0)) @ torch.arange(10.0, dtype=torch.float64)
    assert float(mean.mean()) == pytest.approx(4.5, abs=0.02)
    assert float(mean.std()) == pytest.approx(1.0, abs=0.05)

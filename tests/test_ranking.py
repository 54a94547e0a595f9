"""The ranking objective: each formula against a plain loop, and what each part promises."""

import math

import numpy as np
import pytest
import ranking_formulas
import torch

from ppaint.trainer import ranking
from ppaint.trainer.answer_draws import uniform_draws

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


@pytest.mark.parametrize("size", [2, 3])
def test_gradient_over_all_answers_that_might_be_drawn_is_the_exact_one(size, batch):
    """Every pair, and every triple, of answers with its probability: nothing is sampled, so equality is to rounding."""
    log_probs, elo, confidence = batch
    logits = log_probs.clone().requires_grad_()
    now = logits.log_softmax(-1)
    reward = reward_of(now.detach(), elo, confidence)
    exact = ranking.policy_loss(now, ranking.advantage(reward, now, confidence)).sum()
    (wanted,) = torch.autograd.grad(exact, logits, retain_graph=True)
    answers = torch.cartesian_prod(*[torch.arange(10)] * size).T.reshape(1, size, -1).expand(N, size, 10**size)
    every = answers.permute(2, 0, 1)  # (10^G, N, G)
    chance = log_probs.expand(10**size, N, 10).gather(-1, every).sum(-1).exp()
    advantages = ranking.answer_advantage(reward.expand(10**size, N, 10), every, confidence.expand(10**size, N))
    loss = ranking.sampled_policy_loss(now.expand(10**size, N, 10), every, advantages)
    torch.testing.assert_close(loss, torch.zeros_like(loss))
    (got,) = torch.autograd.grad((chance * loss).sum(), logits)
    torch.testing.assert_close(got, wanted)


def test_mean_gradient_of_drawn_answers_is_the_exact_one_within_its_error(batch):
    """Four thousand steps' own draws: in units of its standard error the difference is as large as chance makes it."""
    log_probs, elo, confidence = batch
    reward = reward_of(log_probs, elo, confidence)
    pi, steps, size = log_probs.exp(), 4000, 4
    wanted = -ranking.advantage(reward, log_probs, confidence) * pi  # of the logits
    images = torch.arange(N)
    uniform = torch.cat([uniform_draws(7, step, images, images, dimensions=1, answers=size) for step in range(steps)])
    logits = log_probs.expand(steps, N, 10).clone().requires_grad_()
    now = logits.log_softmax(-1)
    answers = ranking.drawn_answers(now, uniform)
    advantages = ranking.answer_advantage(reward.expand(steps, N, 10), answers, confidence.expand(steps, N))
    ranking.sampled_policy_loss(now, answers, advantages).sum().backward()
    mean, error = logits.grad.mean(0), logits.grad.std(0) / math.sqrt(steps)
    apart = ((mean - wanted) / error).square().mean().sqrt()
    assert 0.5 < float(apart) < 1.5
    short = ((mean * (size - 1) / size - wanted) / error).square().mean().sqrt()  # without G / (G - 1)
    assert float(short) > 3


def test_noise_of_drawn_answers_is_that_of_a_sample_covariance():
    """docs/estimators-of-the-objective.md: all pairs, triples and fours of answers about one image, against the formula."""
    rng = np.random.default_rng(5)
    log_probs, reward = torch.tensor(rng.normal(size=10)).log_softmax(-1), torch.tensor(rng.uniform(size=10))
    pi = log_probs.exp()
    score = torch.eye(10, dtype=torch.float64)[3] - pi[3]  # d log pi(v) / d logit_3, by answer
    r = reward - pi @ reward
    shared, both, alone = pi @ (r * score), pi @ (r**2 * score**2), (pi @ r**2) * (pi @ score**2)
    for size in (2, 3, 4):
        every = torch.cartesian_prod(*[torch.arange(10)] * size)
        chance = log_probs[every].sum(-1).exp()
        one = torch.ones(len(every), dtype=torch.float64)
        advantages = ranking.answer_advantage(reward.expand(len(every), 10), every, one)
        found = (advantages * score[every]).mean(-1)
        variance = chance @ found**2 - (chance @ found) ** 2
        wanted = both / size + (alone - (size - 2) * shared**2) / (size * (size - 1))
        assert float(variance) == pytest.approx(float(wanted), rel=1e-9)


def test_answers_are_drawn_as_often_as_they_are_likely():
    log_probs = torch.tensor([[0.5, 0, 0.2, 0, 0, 0.05, 0, 0, 0, 0.25]]).log()
    evenly = (torch.arange(1000) + 0.5) / 1000
    counts = torch.bincount(ranking.drawn_answers(log_probs, evenly[None])[0], minlength=10)
    assert counts.tolist() == [500, 0, 200, 0, 0, 50, 0, 0, 0, 250]


def test_draws_are_an_images_own_however_a_step_is_laid_out():
    step = torch.tensor([4, 9, 4, 2])
    whole = uniform_draws(1, 6, step, torch.arange(4), dimensions=3, answers=5)
    parts = [uniform_draws(1, 6, step, part, dimensions=3, answers=5) for part in torch.arange(4).split(3)]
    assert torch.equal(torch.cat(parts, dim=1), whole)
    others = [uniform_draws(2, 6, step, torch.arange(4), 3, 5), uniform_draws(1, 7, step, torch.arange(4), 3, 5)]
    numbers = torch.cat([whole.flatten(), *(other.flatten() for other in others)])
    assert len(numbers.unique()) == 3 * 60 and 0 <= float(numbers.min()) and float(numbers.max()) < 1


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

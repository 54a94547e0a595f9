"""The ranking objective, formula by formula (docs: "Ranking optimisation"); pure functions of tensors.

Every function takes leading axes ``...`` (one for each block: a category and a dimension), then ``n`` images, then,
where there are opponents, ``m`` of them, which are the images of the *global* batch: a caller on one of several
processes hands in its own ``n`` and the gathered ``m``. The score tokens are the digits ``v`` = 0 to 9.

The paper names confidence-weighted ranking optimisation (reported as GRPO with a KL term); the fidelity reward is that of
VisualQuality-R1 (arXiv 2505.14460); the sums over the ten tokens in place of samples are ours.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

LOGIT_PER_ELO = math.log(10) / 400
VARIANCE_FLOOR = 1e-3
FIDELITY_FLOOR = 1e-6
N_TOKENS = 10


def token_values(like: Tensor) -> Tensor:
    """The values of the score tokens, 0 to 9, in the dtype and on the device of ``like``; shape (10,)."""
    return torch.arange(N_TOKENS, dtype=like.dtype, device=like.device)


def policy_moments(log_probs: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of the score under the policy.

    Parameters
    ----------
    log_probs : Tensor, shape (..., n, 10)
        Log-probabilities of the ten score tokens, summing to one in probability.

    Returns
    -------
    mean, variance : Tensor, shape (..., n)
        In score tokens.

    Examples
    --------
    >>> mean, variance = policy_moments(torch.full((1, 10), 0.1).log())
    >>> round(float(mean), 4), round(float(variance), 4)
    (4.5, 8.25)
    """
    values, probs = token_values(log_probs), log_probs.exp()
    mean = probs @ values
    # centred before squaring: the difference of two large numbers would lose float32's digits
    variance = (probs * (values - mean[..., None]) ** 2).sum(-1)
    return mean, variance


def group_moments(score: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and (unbiased) variance of the scores that were sampled for each image.

    Parameters
    ----------
    score : Tensor, shape (..., n, G)
        NaN where a completion abstained.

    Returns
    -------
    mean, variance : Tensor, shape (..., n)
        The mean is NaN where all of an image's completions abstained; the variance is 0 where fewer than two answered.

    Examples
    --------
    >>> mean, variance = group_moments(torch.tensor([[1.0, 3.0, torch.nan], [torch.nan] * 3]))
    >>> mean, variance
    (tensor([2., nan]), tensor([2., 0.]))
    """
    answered = (~score.isnan()).sum(-1)
    mean = score.nanmean(-1)
    squares = ((score - mean[..., None]) ** 2).nansum(-1)
    return mean, squares / (answered - 1).clamp_min(1)


def group_size_factor(score: Tensor) -> Tensor:
    """G / (G - 1), with G the completions that answered: what a baseline made of the group itself takes away.

    The reward of a completion stands in its own baseline with weight 1 / G, so that the expected gradient is
    (G - 1) / G of the policy gradient.

    Parameters
    ----------
    score : Tensor, shape (..., n, G)
        NaN where a completion abstained.

    Returns
    -------
    Tensor, shape (..., n)
        1 where fewer than two answered: their advantages are 0.

    Examples
    --------
    >>> group_size_factor(torch.tensor([[1.0, 3.0, 5.0], [1.0, 3.0, torch.nan]]))
    tensor([1.5000, 2.0000])
    """
    answered = (~score.isnan()).sum(-1).to(score.dtype)
    return torch.where(answered > 1, answered / (answered - 1).clamp_min(1), 1.0)


def effective_opponents(weight: Tensor) -> Tensor:
    """(sum_j c_j)^2 / sum_j c_j^2: how many equally weighted opponents an image's opponents are worth.

    Parameters
    ----------
    weight : Tensor, shape (..., n, m)
        c_j where j is an opponent of i, else 0.

    Returns
    -------
    Tensor, shape (..., n)

    Examples
    --------
    >>> effective_opponents(torch.tensor([[0.0, 1.0, 1.0], [3.0, 0.0, 1.0], [0.0, 0.0, 0.0]]))
    tensor([2.0000, 1.6000, 0.0000])
    """
    return weight.sum(-1) ** 2 / (weight**2).sum(-1).clamp_min(torch.finfo(weight.dtype).tiny)


def target_order(elo: Tensor, opponent_elo: Tensor) -> Tensor:
    """t_ij = sigmoid((E_i - E_j) ln 10 / 400): how often image i should be ahead of image j.

    Parameters
    ----------
    elo : Tensor, shape (..., n)
        Pseudo-scores in Elo points.
    opponent_elo : Tensor, shape (..., m)

    Returns
    -------
    Tensor, shape (..., n, m)

    Examples
    --------
    >>> target_order(torch.tensor([400.0]), torch.tensor([0.0, 400.0])).round(decimals=4)
    tensor([[0.9091, 0.5000]])
    """
    return torch.sigmoid((elo[..., :, None] - opponent_elo[..., None, :]) * LOGIT_PER_ELO)


def token_order(variance: Tensor, opponent_mean: Tensor, opponent_variance: Tensor) -> Tensor:
    """p_ij(v) = Phi((v - mu_j) / sqrt(var_i + var_j + 1e-3)): the policy's order if image i is given score v.

    Parameters
    ----------
    variance : Tensor, shape (..., n)
    opponent_mean, opponent_variance : Tensor, shape (..., m)

    Returns
    -------
    Tensor, shape (..., n, 10, m)
    """
    tokens = token_values(variance).expand(*variance.shape, N_TOKENS)
    return score_order(tokens, variance, opponent_mean, opponent_variance)


def score_order(score: Tensor, variance: Tensor, opponent_mean: Tensor, opponent_variance: Tensor) -> Tensor:
    """p_ij(s) = Phi((s - mu_j) / sqrt(var_i + var_j + 1e-3)) for any scores s, such as those of sampled completions.

    Parameters
    ----------
    score : Tensor, shape (..., n, k)
        k scores of each image, in score tokens; NaN (a completion that abstained) stays NaN.
    variance : Tensor, shape (..., n)
    opponent_mean, opponent_variance : Tensor, shape (..., m)

    Returns
    -------
    Tensor, shape (..., n, k, m)

    Examples
    --------
    >>> zero = torch.zeros(1)
    >>> score_order(torch.tensor([[0.0, 9.0]]), zero, zero, zero)
    tensor([[[0.5000],
             [1.0000]]])
    """
    spread = torch.sqrt(variance[..., :, None] + opponent_variance[..., None, :] + VARIANCE_FLOOR)
    ahead = score[..., :, :, None] - opponent_mean[..., None, None, :]
    return torch.special.ndtr(ahead / spread[..., :, None, :])


def mean_order(mean: Tensor, variance: Tensor, opponent_mean: Tensor, opponent_variance: Tensor) -> Tensor:
    """p_ij = Phi((mu_i - mu_j) / sqrt(var_i + var_j + 1e-3)): the policy's order by its means.

    Parameters
    ----------
    mean, variance : Tensor, shape (..., n)
    opponent_mean, opponent_variance : Tensor, shape (..., m)

    Returns
    -------
    Tensor, shape (..., n, m)
    """
    spread = torch.sqrt(variance[..., :, None] + opponent_variance[..., None, :] + VARIANCE_FLOOR)
    return torch.special.ndtr((mean[..., :, None] - opponent_mean[..., None, :]) / spread)


def fidelity(order: Tensor, target: Tensor) -> Tensor:
    """f = sqrt(p t + 1e-6) + sqrt((1 - p)(1 - t) + 1e-6): 1 where two orders agree, towards 0 where they do not.

    Parameters
    ----------
    order, target : Tensor
        Probabilities of any shapes that go together.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> fidelity(torch.tensor([0.7, 1.0]), torch.tensor([0.7, 0.0])).round(decimals=3)
    tensor([1.0000, 0.0020])
    """
    won = torch.sqrt(order * target + FIDELITY_FLOOR)
    return won + torch.sqrt((1 - order) * (1 - target) + FIDELITY_FLOOR)


def ranking_reward(token_fidelity: Tensor, weight: Tensor) -> Tensor:
    """r_i(v) = sum_{j != i} c_j f_ij(v) / sum_{j != i} c_j.

    Parameters
    ----------
    token_fidelity : Tensor, shape (..., n, 10, m)
        f_ij(v); for sampled completions k scores stand in the place of the ten tokens.
    weight : Tensor, shape (..., n, m)
        c_j where j is an opponent of i, else 0 (the image itself, another category).

    Returns
    -------
    Tensor, shape (..., n, 10)
        0 for an image without an opponent.
    """
    total = (token_fidelity * weight[..., :, None, :]).sum(-1)
    return total / weight.sum(-1, keepdim=True).clamp_min(torch.finfo(weight.dtype).tiny)


def advantage(reward: Tensor, log_probs: Tensor, confidence: Tensor) -> Tensor:
    """A_i(v) = c_i (r_i(v) - b_i), with b_i the mean reward under the policy.

    The confidence stands here: on the reward it would be undone by the baseline and by any normalisation.

    Parameters
    ----------
    reward : Tensor, shape (..., n, 10)
    log_probs : Tensor, shape (..., n, 10)
    confidence : Tensor, shape (..., n)

    Returns
    -------
    Tensor, shape (..., n, 10)
        A constant: no gradient passes.
    """
    baseline = (log_probs.exp() * reward).sum(-1, keepdim=True)
    return (confidence[..., None] * (reward - baseline)).detach()


def policy_loss(log_probs: Tensor, advantages: Tensor) -> Tensor:
    """- sum_v pi_i(v) A_i(v): the expectation that sampled completions would estimate.

    Its value is 0 (the baseline sees to that); its gradient is the policy gradient.

    Parameters
    ----------
    log_probs : Tensor, shape (..., n, 10)
    advantages : Tensor, shape (..., n, 10)

    Returns
    -------
    Tensor, shape (..., n)
    """
    return -(log_probs.exp() * advantages).sum(-1)


def drawn_answers(log_probs: Tensor, uniform: Tensor) -> Tensor:
    """Score tokens drawn from the policy at temperature 1, with replacement: its distribution function, inverted.

    Parameters
    ----------
    log_probs : Tensor, shape (..., n, 10)
        Renormalised over the ten tokens.
    uniform : Tensor, shape (..., n, G)
        Uniform on [0, 1): one number for each answer.

    Returns
    -------
    Tensor of int, shape (..., n, G)
        0 to 9; a token of probability 0 is never drawn.

    Examples
    --------
    >>> sure_of_two_or_seven = torch.tensor([[0, 0, 0.5, 0, 0, 0, 0, 0.5, 0, 0]]).log()
    >>> drawn_answers(sure_of_two_or_seven, torch.tensor([[0.0, 0.49, 0.5, 0.99]]))
    tensor([[2, 2, 7, 7]])
    """
    below = log_probs.detach().double().exp().cumsum(-1)
    below = below / below[..., -1:]  # ends at 1, whatever was rounded
    return torch.searchsorted(below.contiguous(), uniform.to(below).contiguous(), right=True)


def answer_advantage(reward: Tensor, answers: Tensor, confidence: Tensor) -> Tensor:
    """A_ik = c_i (r_i(v_k) - b_i) G / (G - 1), with b_i the mean reward of the image's own G answers.

    No division by the group's deviation: its expected gradient is the exact one, that of ``advantage``.

    Parameters
    ----------
    reward : Tensor, shape (..., n, 10)
        r_i(v) of every token.
    answers : Tensor of int, shape (..., n, G)
        The tokens v_k that were drawn.
    confidence : Tensor, shape (..., n)

    Returns
    -------
    Tensor, shape (..., n, G)
        A constant: no gradient passes.

    Examples
    --------
    >>> answer_advantage(torch.arange(10.0)[None], torch.tensor([[2, 6]]), torch.tensor([0.5]))
    tensor([[-2.,  2.]])
    """
    given = reward.gather(-1, answers)
    weight = confidence * group_size_factor(given)
    return (weight[..., None] * (given - given.mean(-1, keepdim=True))).detach()


def sampled_policy_loss(log_probs: Tensor, answers: Tensor, advantages: Tensor) -> Tensor:
    """- mean_k A_ik pi_i(v_k) / stopgrad[pi_i(v_k)]: what ``policy_loss`` is the expectation of.

    Its value is 0 (the group's own baseline sees to that); its gradient is - mean_k A_ik grad log pi_i(v_k).

    Parameters
    ----------
    log_probs : Tensor, shape (..., n, 10)
    answers : Tensor of int, shape (..., n, G)
    advantages : Tensor, shape (..., n, G)

    Returns
    -------
    Tensor, shape (..., n)
    """
    given = log_probs.gather(-1, answers)
    return -(advantages * (given - given.detach()).exp()).mean(-1)


def kl_divergence(log_probs: Tensor, reference_log_probs: Tensor) -> Tensor:
    """KL(pi_i || pi_ref,i) over the ten score tokens.

    Parameters
    ----------
    log_probs, reference_log_probs : Tensor, shape (..., n, 10)

    Returns
    -------
    Tensor, shape (..., n)

    Examples
    --------
    >>> p = torch.full((10,), 0.1).log()
    >>> float(kl_divergence(p, p))
    0.0
    """
    return (log_probs.exp() * (log_probs - reference_log_probs)).sum(-1)


def fidelity_loss(mean_fidelity: Tensor, pair_weight: Tensor) -> Tensor:
    """sum_ij c_i c_j (1 - f_ij) / sum_ij c_i c_j on the means; a gradient passes through both images of a pair.

    Parameters
    ----------
    mean_fidelity : Tensor, shape (..., n, m)
        f_ij of the means' order.
    pair_weight : Tensor, shape (..., n, m)
        c_i c_j where j is an opponent of i, else 0.

    Returns
    -------
    Tensor, scalar
    """
    return (pair_weight * (1 - mean_fidelity)).sum() / pair_weight.sum().clamp_min(torch.finfo(pair_weight.dtype).tiny)


def judgment_loss(mean: Tensor, opponent_mean: Tensor, log_odds: Tensor) -> Tensor:
    """A baseline [ours]: the Bradley-Terry loss on the judgments themselves, without a pool.

    Cross-entropy of sigmoid(mu_i - mu_j) against sigmoid(delta_ij), averaged over the judged pairs.

    Parameters
    ----------
    mean : Tensor, shape (..., n)
        Scores in score tokens; one token is one logit.
    opponent_mean : Tensor, shape (..., m)
    log_odds : Tensor, shape (..., n, m)
        delta_ij, the judge's log-odds that i is better; NaN where it was not asked.

    Returns
    -------
    Tensor, scalar
        0 where no pair was judged.

    Examples
    --------
    >>> nan = float("nan")
    >>> judged = torch.tensor([[nan, 1.0], [-1.0, nan]])
    >>> round(float(judgment_loss(torch.tensor([1.0, 0.0]), torch.tensor([1.0, 0.0]), judged)), 4)
    0.5822
    """
    asked = ~torch.isnan(log_odds)
    margin = mean[..., :, None] - opponent_mean[..., None, :]
    target = torch.sigmoid(torch.nan_to_num(log_odds))  # what was not asked is masked out on the next line
    loss = binary_cross_entropy_with_logits(margin, target, reduction="none") * asked
    return loss.sum() / asked.sum().clamp_min(1)


def soft_label_loss(log_probs: Tensor, soft_labels: Tensor, confidence: Tensor) -> Tensor:
    """A baseline [ours]: confidence-weighted cross-entropy on soft pseudo-scores.

    Parameters
    ----------
    log_probs, soft_labels : Tensor, shape (..., n, 10)
    confidence : Tensor, shape (..., n)

    Returns
    -------
    Tensor, shape (..., n)
    """
    return -confidence * (soft_labels * log_probs).sum(-1)


def soft_labels(elo: Tensor, center: Tensor, spread: Tensor, width: float = 1.0) -> Tensor:
    """A normal on the ten tokens about each standardised pseudo-score, laid on a mean and a spread in score tokens.

    Parameters
    ----------
    elo : Tensor, shape (..., n)
        Pseudo-scores of all training images of a block.
    center, spread : Tensor, shape (...,)
        Mean and standard deviation, in score tokens, that the labels are to have.
    width : float
        Standard deviation of one label, in score tokens.

    Returns
    -------
    Tensor, shape (..., n, 10)

    Examples
    --------
    >>> labels = soft_labels(torch.tensor([-100.0, 100.0]), torch.tensor(4.5), torch.tensor(2.0))
    >>> labels.argmax(-1)
    tensor([3, 6])
    """
    standard = (elo - elo.mean(-1, keepdim=True)) / elo.std(-1, keepdim=True)
    place = center[..., None] + spread[..., None] * standard
    return torch.softmax(-((token_values(elo) - place[..., None]) ** 2) / (2 * width**2), dim=-1)

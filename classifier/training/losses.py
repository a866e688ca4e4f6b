"""The losses of the two heads in torch, masked by what a row's set can name, and what distillation adds to them."""

from torch import Tensor
from torch.nn import functional

from classifier.training.mixture import TOLD


def sentiment_loss(logits: Tensor, nameable: Tensor, allowed: Tensor, smoothing: float) -> Tensor:
    """Return −log P(allowed) / P(nameable) a row [n]; rows that name nothing cost nothing.

    `smoothing` moves that much of the target evenly onto all labels that the set can name (Szegedy et al. 2016, §7).
    """
    silent = ~nameable.any(dim=1)
    nameable, allowed = nameable | silent[:, None], allowed | silent[:, None]
    everything = _log_mass(logits, nameable)
    right = everything - _log_mass(logits, allowed)
    each = (everything[:, None] - logits).masked_fill(~nameable, 0.0).sum(1) / nameable.sum(1)
    several = (nameable.sum(1) == 3).to(logits.dtype)  # where sentiments are told in groups, even is not the aim
    smooth = smoothing * several
    return ((1.0 - smooth) * right + smooth * each).masked_fill(silent, 0.0)


def topic_loss(logits: Tensor, topics: Tensor, weights: Tensor, exclusive: Tensor) -> Tensor:
    """Return the cost of the topics a row [n]: independent sigmoids, and one choice where exactly one topic holds."""
    each = functional.binary_cross_entropy_with_logits(logits, topics, weights, reduction="none").sum(1)
    told = weights > TOLD
    open_ = told | ~told.any(dim=1, keepdim=True)
    choice = _log_mass(logits, open_) - (logits * topics).masked_fill(~told, 0.0).sum(1)
    return 0.5 * (each + choice.masked_fill(~exclusive, 0.0))


def distillation_loss(logits: Tensor, taught: Tensor, known: Tensor) -> Tensor:
    """Return the Kullback-Leibler divergence from a teacher's P(sentiment) [n, 3]; rows it did not judge cost 0."""
    cost = functional.kl_div(logits.log_softmax(1), taught.clamp_min(1e-6), reduction="none").sum(1)
    return cost.masked_fill(~known, 0.0)


def _log_mass(logits: Tensor, among: Tensor) -> Tensor:
    return logits.masked_fill(~among, float("-inf")).logsumexp(1)

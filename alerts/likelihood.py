"""How much likelier a surge makes the counts of a window than an ordinary day does: the detector's one statistic.

Pure functions of numbers, element by element, so that a value never depends on its neighbours in an array. What is
ordinary for a series is learnt in `baseline.py`.
"""

from typing import Final, NamedTuple

import numpy as np
from scipy import special

from alerts.tails import LN10, Floats

MULTIPLIERS: Final = (3.0, 5.0, 10.0)  # extra negatives at the height of a surge, in multiples of the usual
WINDOWS_S: Final = tuple(900 * quarters for quarters in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48))
# A surge builds up over some three quarters of an hour, then fades: its mean height in windows that open with it.
_MEAN_HEIGHT: Final = (0.4, 0.6, 0.75, 0.85, 0.9, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5)
_PRIOR: Final = (0.3, 0.5, 0.8, *(1.0,) * 8)  # weights of the windows, before they are normed
TALK_MULTIPLIERS: Final = (1.0, 2.0, 4.0, 9.0)  # extra votes, of whatever mood, at the height of a surge of talk
_EXTRA, _EXTRA_TALK = (np.array(extra)[:, None, None] for extra in (MULTIPLIERS, TALK_MULTIPLIERS))
RECENT_S: Final = 4 * 3600
VOLUME_CLUMPING: Final = 1.75  # copies and replies come in clumps, so totals say less than as many single voices
LEVEL_SHAPE: Final = 8.0  # the most that is believed about how much is said now, as the shape of a gamma distribution
FEWEST_NEGATIVES: Final = 3.0  # in 4 h: fewer voices are no surge, whatever their odds


class Windows(NamedTuple):
    """The windows in buckets, rising, with the mean height of a surge in each and their prior weights (sum 1)."""

    buckets: tuple[int, ...]
    height: Floats
    prior: Floats
    recent: int  # how many of them lie within 4 h


class Evidence(NamedTuple):
    """Decimal logarithms, 0 where a surge is as likely as none. `total` and `recent`, shape (rows,): of the mixture's
    likelihood ratio, over all windows and over those of up to 4 h. The others, shape (rows, windows): each window's
    part of it, and what the share and the number of votes say for the likeliest multiplier."""

    total: Floats
    recent: Floats
    by_window: Floats
    share: Floats
    votes: Floats


def windows_for(bucket_s: int) -> Windows:
    """15 minutes to 12 hours in buckets of this width; wider buckets have fewer, distinct windows."""
    kept = {max(1, seconds // bucket_s): i for i, seconds in enumerate(WINDOWS_S)}
    prior = np.array([_PRIOR[i] for i in kept.values()])
    recent = sum(buckets * bucket_s <= RECENT_S for buckets in kept)
    return Windows(tuple(kept), np.array([_MEAN_HEIGHT[i] for i in kept.values()]), prior / prior.sum(), max(1, recent))


def evidence(
    windows: Windows,
    negatives: Floats,
    totals: Floats,
    usual_total: Floats,
    share: Floats,
    share_doubt: Floats,
    level: tuple[Floats, Floats],
) -> Evidence:
    """Weighs a surge of negatives against a usual day, mixed over windows and over how large the surge may be.

    All arrays have shape (rows, windows). `usual_total` are the votes expected at a level of 1, `share` the usual share
    of negatives, `share_doubt` how much it wavers (the correlation of two votes), `level` shape and rate of a gamma
    distribution of how much is said now, as known before the window. With extra negatives of m times the usual,
    the negatives' odds rise by 1 + m (the share part: two beta-binomials) and the votes by 1 + m·share (the count part:
    negative binomials, as the level is integrated out, divided by the votes' design effect, Kish 1965). A burst of talk
    with an ordinary share speaks against a surge.
    """
    shape, rate = level
    design = VOLUME_CLUMPING * LN10 * (1.0 + np.maximum(totals - 1.0, 0.0) * share_doubt)
    voices = 1.0 / np.clip(share_doubt, 1e-7, 0.5) - 1.0  # the share is known like from so many votes
    usual = share * voices
    m = _EXTRA * windows.height  # from here on the first axis is the multiplier
    more = m * share
    odds = _log_odds(
        negatives, totals - negatives, np.concatenate([usual[None], usual * (1.0 + m) / (1.0 + more)]), voices
    )
    of_share = (odds[1:] - odds[0]) / LN10
    of_count = special.xlog1py(totals, more)
    of_count -= special.xlog1py(totals + shape, more * usual_total / (rate + usual_total))
    of_count /= design
    both = of_share + of_count
    best = both.argmax(axis=0)[None]
    share_part, count_part = (np.take_along_axis(part, best, axis=0)[0] for part in (of_share, of_count))
    return _mixed(windows, both, share_part, count_part)


def talk_evidence(windows: Windows, totals: Floats, usual_total: Floats, level: tuple[Floats, Floats]) -> Evidence:
    """Weighs a surge of talk against a usual day, by the count part of `evidence` alone; arrays as there."""
    shape, rate = level
    m = _EXTRA_TALK * windows.height
    of_count = special.xlog1py(totals, m) - special.xlog1py(totals + shape, m * usual_total / (rate + usual_total))
    of_count /= VOLUME_CLUMPING * LN10
    return _mixed(windows, of_count, np.zeros(totals.shape), of_count.max(axis=0))


def capped_level(shape: Floats, rate: Floats) -> tuple[Floats, Floats]:
    """The same mean with a shape of at most `LEVEL_SHAPE`: how much is said drifts within hours."""
    scale = np.minimum(1.0, LEVEL_SHAPE / shape)
    return shape * scale, rate * scale


def share_doubt(clumping: Floats, known_from: Floats) -> Floats:
    """The correlation of two votes of a window: from the share's wavering, and as it is known from so many votes."""
    return clumping + 1.0 / known_from


def _mixed(windows: Windows, both: Floats, share_part: Floats, count_part: Floats) -> Evidence:
    """The mixture over multipliers (the first axis of `both`) and windows."""
    likelihood = special.exp10(np.minimum(both, 250.0)).sum(axis=0) * (windows.prior / len(both))
    so_far = np.cumsum(likelihood, axis=1)  # adds one by one: a row's sum never depends on the batch
    recent = so_far[:, windows.recent - 1]
    return Evidence(_log10(so_far[:, -1]), _log10(recent), _log10(likelihood), share_part, count_part)


def _log_odds(negatives: Floats, others: Floats, a: Floats, voices: Floats) -> Floats:
    """ln of a beta-binomial's probability, but for what depends on the sum of its parameters, `voices`, alone."""
    b = voices - a
    odds: Floats = special.gammaln(a + negatives) - special.gammaln(a)
    odds += special.gammaln(b + others) - special.gammaln(b)
    return odds


def _log10(x: Floats) -> Floats:
    result: Floats = special.xlogy(1.0, np.maximum(x, 1e-300)) / LN10
    return result

"""How unlikely it is that a series has nothing to say for so long: the votes expected since it spoke last, by the surge
detector's baseline. Arrays in and out; when that is an alert is `applied`'s business.
"""

from typing import Final

import numpy as np
from scipy import special

from alerts.baseline import Usual
from alerts.likelihood import VOLUME_CLUMPING, capped_level
from alerts.tails import LN10, Floats
from alerts.weigher import SCORE_DECIMALS, Scores

# columns of the state, shape (series, 4): votes expected since the series spoke (at a level of 1), shape and rate of
# the gamma distribution of how much was said then, the first bucket without a post
QUIET, SHAPE, RATE, BEGUN = range(4)
FRESH: Final = np.array([0.0, 1.0, 1.0, 0.0])


def listen(state: Floats, usual: Usual[Floats], bucket: int, heard: Floats) -> Scores:
    """Takes a bucket in which so many posts were `heard` (shape (rows,)) into the rows of `state`, in place.

    The score is −log10 of the chance that no vote came since the series spoke last; how much was being said then stays
    what is expected, as the silence itself says nothing of it. Where a post is heard the score is 0, and the figures of
    the window are those of the silence that ended: 0 votes of so many that were expected.
    """
    spoke = heard > 0.0
    begins = (state[:, QUIET] == 0.0) & ~spoke
    shape, rate = capped_level(usual.level_shape, usual.level_rate)
    for column, value in ((SHAPE, shape), (RATE, rate), (BEGUN, np.full(len(heard), float(bucket)))):
        state[:, column] = np.where(begins, value, state[:, column])
    state[:, QUIET] += np.where(spoke, 0.0, usual.votes)
    quiet, shape, rate, begun = state.T.copy()
    score = np.round(special.xlog1py(shape, quiet / VOLUME_CLUMPING / rate) / LN10, SCORE_DECIMALS)
    score = np.where(spoke, 0.0, score)
    state[:, QUIET] = np.where(spoke, 0.0, state[:, QUIET])
    none, expected = np.zeros(len(heard)), quiet * shape / rate
    return Scores(
        score=score,
        recent=score,
        evidence=score,
        negatives_4h=none,
        totals_4h=none,
        expected=none,
        expected_variance=none,
        usual_share=none,
        window=np.where(spoke, bucket - begun, bucket + 1 - begun).astype(np.int64),
        window_negatives=none,
        window_totals=none,
        window_expected=expected,
        window_variance=VOLUME_CLUMPING * expected + expected * expected / shape,
        window_share=none,
        window_votes=score,
    )

"""The detector of more talk than usual for the hour, whatever its mood: the surge detector's own baseline and windows,
of which only the number of votes is weighed. `groundswell detect --measure volume` has another one (`volume.py`).
"""

from typing import ClassVar, Final

import numpy as np

from alerts import likelihood
from alerts.baseline import State
from alerts.detector import SCORE_DECIMALS, Evaluation, SurgeBank
from alerts.falses import Curve
from alerts.likelihood import LEVEL_SHAPE, VOLUME_CLUMPING
from alerts.tails import Floats

FEWEST_VOTES: Final = 8.0  # in 4 h: three voices where none are usual are rare, and no news


class TalkBank(SurgeBank):
    """A `SurgeBank` whose scores are about votes: `expected` and `window_expected` are votes, with their variances, and
    `negatives_4h` and `window_negatives` count all votes. Negatives teach the usual share and are not weighed."""

    curve: ClassVar[Curve] = Curve(1.35, 0.7, 0.6, 0.8)

    def _evaluate(
        self, state: State, start_s: Floats, negatives: Floats, totals: Floats, elapsed: float | Floats
    ) -> Evaluation:
        found = super()._evaluate(state, start_s, negatives, totals, elapsed)
        count, votes = np.moveaxis(found.running[:, 1:3, self._buckets - 1], 1, 0)
        shape, rate = np.moveaxis(found.history[:, 4:, self._buckets - 1], 1, 0)
        level = likelihood.capped_level(shape, rate)
        supported = found.running[:, 1, self._support - 1] >= FEWEST_VOTES
        evidence = likelihood.talk_evidence(self._windows, count, votes, level)
        score, recent = (
            self._falses.score(state["falses"], np.where(supported, ratio, -np.inf))
            for ratio in (evidence.total, evidence.recent)
        )
        rows, decides = np.arange(len(totals)), evidence.by_window.argmax(axis=1)
        expected = _votes(found.usual.votes, found.usual.level[:, 0], found.usual.level[:, 1])
        window = _votes(votes, *level)
        scores = found.scores._replace(
            score=np.round(score, SCORE_DECIMALS),
            recent=np.round(recent, SCORE_DECIMALS),
            evidence=np.round(evidence.total, SCORE_DECIMALS),
            negatives_4h=found.scores.totals_4h,
            expected=expected[0],
            expected_variance=expected[1],
            window=self._buckets[decides],
            window_negatives=count[rows, decides],
            window_totals=count[rows, decides],
            window_expected=window[0][rows, decides],
            window_variance=window[1][rows, decides],
            window_votes=np.round(evidence.votes[rows, decides], SCORE_DECIMALS),
        )
        return found._replace(scores=scores, supported=supported)


def _votes(votes: Floats, shape: Floats, rate: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of the votes at a level that is gamma-distributed, in clumps."""
    mean = votes * shape / rate
    return mean, VOLUME_CLUMPING * mean + mean * mean / np.minimum(shape, LEVEL_SHAPE)

"""The detector of more talk than usual for the hour, whatever its mood: the surge detector's own baseline and windows,
of which only the number of votes is weighed. `groundswell detect --measure volume` has another one (`volume.py`).
"""

from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from alerts import likelihood
from alerts.baseline import Usual
from alerts.detector import SurgeBank
from alerts.falses import Curve
from alerts.likelihood import LEVEL_SHAPE, VOLUME_CLUMPING, Evidence
from alerts.tails import Floats
from alerts.weigher import Scores, Weighed, Weigher

FEWEST_VOTES: Final = 8.0  # in 4 h: three voices where none are usual are rare, and no news


class TalkWeigher(Weigher):
    """Scores are about votes: `expected` and `window_expected` are votes, with their variances, and `negatives_4h` and
    `window_negatives` count all votes."""

    curve: ClassVar[Curve] = Curve(1.35, 0.7, 0.6, 0.8)

    def scores(self, usual: Usual[Floats], found: Weighed, falses: Floats) -> Scores:
        """See `Weigher.scores`."""
        scores = super().scores(usual, found, falses)
        return scores._replace(negatives_4h=scores.totals_4h, window_negatives=scores.window_totals)

    def supported(self, _negatives_4h: Floats, totals_4h: Floats) -> NDArray[np.bool_]:
        """See `Weigher.supported`."""
        return totals_4h >= FEWEST_VOTES

    def evidence(
        self, _doubt: Floats, _k: Floats, totals: Floats, votes: Floats, _share: Floats, shape: Floats, rate: Floats
    ) -> Evidence:
        """See `likelihood.talk_evidence`."""
        return likelihood.talk_evidence(self.windows, totals, votes, (shape, rate))

    def expected(self, votes: Floats, _share: Floats, shape: Floats, rate: Floats) -> tuple[Floats, Floats]:
        """Mean and variance of the votes at a level that is gamma-distributed, in clumps."""
        mean = votes * shape / rate
        return mean, VOLUME_CLUMPING * mean + mean * mean / np.minimum(shape, LEVEL_SHAPE)


class TalkBank(SurgeBank):
    """A `SurgeBank` whose scores are about votes. Negatives teach the usual share and are not weighed."""

    weigher: ClassVar[type[Weigher]] = TalkWeigher

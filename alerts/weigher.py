"""What the last 12 hours of buckets say for a surge: the evidence of each, and its score.

Histories of buckets in (`past.py`), scores out; what is learnt from them is the bank's business (`detector.py`).
"""

from typing import ClassVar, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerts import likelihood
from alerts.baseline import Usual
from alerts.falses import SURGES, Curve, FalseAlarms
from alerts.likelihood import LEVEL_SHAPE, RECENT_S, VOLUME_CLUMPING, Evidence
from alerts.tails import Floats

SCORE_DECIMALS: Final = 6


class Scores(NamedTuple):
    """What one call found, row by row; every field has shape (rows,). Logarithms are decimal and rounded."""

    score: Floats  # −log10 of the chance that an ordinary quarter of an hour begins an episode as high
    recent: Floats  # the same by the last 4 h alone
    evidence: Floats  # log10 of how much likelier a surge makes the last 12 h than an ordinary day does, or 0
    negatives_4h: Floats
    totals_4h: Floats
    expected: Floats  # negatives expected in this bucket, as much being said as there is
    expected_variance: Floats  # of a negative binomial, for `interval_80`
    usual_share: Floats  # of negatives among all, in [0, 1]
    window: NDArray[np.int64]  # the deciding one, in buckets: that with the largest part of the evidence
    window_negatives: Floats  # in the deciding window, as the five that follow
    window_totals: Floats
    window_expected: Floats  # negatives expected, as much being said as before it
    window_variance: Floats  # of a negative binomial, for `interval_80`
    window_share: Floats  # log10 of what the share of negatives says for a surge
    window_votes: Floats  # what the number of votes says, alike


class Weighed(NamedTuple):
    """Buckets with what came before them, row by row, and what that says for a surge."""

    running: Floats  # (rows, 3, longest): sums of votes from this bucket back
    cells: tuple[Floats, ...]  # (rows, windows): negatives, votes, votes expected, usual share, shape and rate of level
    supported: NDArray[np.bool_]
    evidence: Evidence

    def telling(self) -> Floats:
        """The evidence from which false alarms are counted."""
        return np.where(self.supported, self.evidence.total.round(SCORE_DECIMALS), -np.inf)


class Weigher:
    """Weighs negative voices in buckets of `bucket_s` seconds. What is weighed, another kind may say otherwise."""

    curve: ClassVar[Curve] = SURGES

    def __init__(self, bucket_s: int) -> None:
        self.windows = likelihood.windows_for(bucket_s)
        self.falses = FalseAlarms(bucket_s, self.curve)
        self._buckets = np.array(self.windows.buckets, dtype=np.int64)
        self._support = max(1, RECENT_S // bucket_s)
        self.longest = max(int(self._buckets[-1]), self._support)  # buckets of history, with the latest

    def weigh(self, history: Floats, usual: Usual[Floats]) -> Weighed:
        """The evidence of the supported rows; 0 of the others, which are most of the sparse ones."""
        running = np.cumsum(history[:, :3], axis=2)  # adds one by one, so a row's sum never depends on the batch
        k, n, votes = np.moveaxis(running[:, :, self._buckets - 1], 1, 0)
        share, shape, rate = np.moveaxis(history[:, 3:, self._buckets - 1], 1, 0)
        cells = k, n, votes, share, *likelihood.capped_level(shape, rate)
        supported = self.supported(running[:, 0, self._support - 1], running[:, 1, self._support - 1])
        evidence = Evidence(*np.zeros((2, len(k))), *np.zeros((3, *k.shape)))
        if supported.any():
            doubt = likelihood.share_doubt(usual.waver, usual.known_from)[supported, None]
            weighed = self.evidence(doubt, *(cell[supported] for cell in cells))
            for column, values in zip(evidence, weighed, strict=True):
                column[supported] = values
        return Weighed(running, cells, supported, evidence)

    def scores(self, usual: Usual[Floats], found: Weighed, falses: Floats) -> Scores:
        evidence = found.evidence
        score, recent = (
            self.falses.score(falses, np.where(found.supported, ratio, -np.inf))
            for ratio in (evidence.total, evidence.recent)
        )
        rows, decides = np.arange(len(score)), evidence.by_window.argmax(axis=1)
        k, n, *of_window = (cell[rows, decides] for cell in found.cells)
        expected = self.expected(usual.votes, usual.share, usual.level_shape, usual.level_rate)
        window = self.expected(*of_window)
        return Scores(
            score=np.round(score, SCORE_DECIMALS),
            recent=np.round(recent, SCORE_DECIMALS),
            evidence=np.round(evidence.total, SCORE_DECIMALS),
            negatives_4h=found.running[:, 0, self._support - 1],
            totals_4h=found.running[:, 1, self._support - 1],
            expected=expected[0],
            expected_variance=expected[1],
            usual_share=usual.long_share,
            window=self._buckets[decides],
            window_negatives=k,
            window_totals=n,
            window_expected=window[0],
            window_variance=window[1],
            window_share=np.round(evidence.share[rows, decides], SCORE_DECIMALS),
            window_votes=np.round(evidence.votes[rows, decides], SCORE_DECIMALS),
        )

    def supported(self, negatives_4h: Floats, _totals_4h: Floats) -> NDArray[np.bool_]:
        """Which buckets are weighed at all."""
        return negatives_4h >= likelihood.FEWEST_NEGATIVES

    def evidence(
        self,
        doubt: Floats,
        negatives: Floats,
        totals: Floats,
        votes: Floats,
        share: Floats,
        shape: Floats,
        rate: Floats,
    ) -> Evidence:
        """See `likelihood.evidence`."""
        return likelihood.evidence(self.windows, negatives, totals, votes, share, doubt, (shape, rate))

    def expected(self, votes: Floats, share: Floats, shape: Floats, rate: Floats) -> tuple[Floats, Floats]:
        """Mean and variance of the negatives among `votes` at a level that is gamma-distributed; of the votes' clumping
        a part is left that falls with the share."""
        mean = votes * share * shape / rate
        return mean, (1.0 + (VOLUME_CLUMPING - 1.0) * share) * mean + mean * mean / np.minimum(shape, LEVEL_SHAPE)

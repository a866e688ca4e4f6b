"""What is ordinary for a series and how that is learnt: votes expected by hour and kind of day, how much is said now,
the usual share of negatives, and how far that share wavers. Arrays in and out, element by element; no names, no clock.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerts.calendars import SEASONS, Calendars
from alerts.tails import Floats

DAY_S: Final = 86400

_RATE_HALF_LIFE_S: Final = 7 * DAY_S
_SHARE_HALF_LIFE_S: Final = 28 * DAY_S
_NEAR_HALF_LIFE_S: Final = 8 * 3600  # of the share that an issue of the day carries with it
_LEVEL_HALF_LIFE_S: Final = 4 * 3600
_WAVER_HALF_LIFE_S: Final = 14 * DAY_S
_WAVER_WINDOW_S: Final = 4 * 3600
_SEASON_HALF_LIFE_S: Final = 28 * 3600  # of a season's own time: 28 visits of an hour
_SEASON_SHRINKAGE: Final = 4.0  # a seasonal factor starts as if it had seen this many ordinary buckets
_LEVEL_PRIOR: Final = 4.0  # a level of 1, believed like so many votes
_SHARE_PRIOR: Final = np.array([1.0, 4.0])  # negatives, totals
_WAVER_PRIOR: Final = 0.01  # correlation of two votes of a window, known as from 4 h windows of 800 days at a doubt of
_WAVER_PRIOR_DOUBT: Final = 0.01  # so much (one standard deviation)
_LEAST_WAVER: Final = 0.002
_NEAR_CAUTION: Final = 3.0  # the near share moves three times as slowly as an optimal filter of the wavering would
_NEAR_LEAST: Final = 10.0
_LIMIT_SD: Final = 4.0  # winsorising: a surge teaches no more than so many standard deviations
_NEAR_LIMIT_SD: Final = 2.0
_WAVER_LIMIT: Final = 9.0  # squared standard deviations
_LEAST_EXPECTED: Final = 1e-4

FRESH: Final[dict[str, NDArray[Any]]] = {
    "calendar": np.array(0, dtype=np.int16),  # its number
    "rate": np.array([1.0, 1.0]),  # decayed sums: votes, seasonal exposure in buckets
    "season": np.zeros((2, SEASONS)),  # decayed sums: votes, votes that the rate alone expected
    "level": np.array([_LEVEL_PRIOR, _LEVEL_PRIOR]),  # decayed sums: votes, votes expected, each from its prior on
    "share": np.zeros(2),  # decayed sums: negatives, votes
    "near": np.zeros(2),  # the same with a short memory
    "waver": np.zeros((2, 2)),  # decayed sums, numerator and denominator, of the near and of the long share's wavering
}
State = dict[str, NDArray[Any]]


class Usual(NamedTuple):
    """What was ordinary just before a bucket, row by row (shape (rows,))."""

    season: NDArray[np.intp]
    rate: Floats  # votes a bucket
    factor: Floats  # of this season: an hour of a kind of day
    votes: Floats  # expected in this bucket at a level of 1
    level: Floats  # shape (rows, 2): shape and rate of a gamma distribution of how much is said now
    share: Floats  # of negatives, the near one
    long_share: Floats
    known_from: Floats  # votes that the long share rests on
    waver: Floats  # correlation of two votes of a window, given the near share


class Baseline:
    """The learning of a bucket width (seconds): decay factors a bucket, and the updates. Of a series, the state holds
    the number of its calendar among `calendars`."""

    def __init__(self, bucket_s: int, calendars: Calendars) -> None:
        def keep(half_life_s: float) -> float:
            return float(0.5 ** (bucket_s / half_life_s))

        self.bucket_s, self.calendars = bucket_s, calendars
        self.waver_buckets = max(1, _WAVER_WINDOW_S // bucket_s)
        self._rate, self._share, self._near = keep(_RATE_HALF_LIFE_S), keep(_SHARE_HALF_LIFE_S), keep(_NEAR_HALF_LIFE_S)
        self._level, self._waver = keep(_LEVEL_HALF_LIFE_S), keep(_WAVER_HALF_LIFE_S)
        self._season = keep(_SEASON_HALF_LIFE_S)
        self._waver_prior = 2.0 / _WAVER_PRIOR_DOUBT**2 * self.waver_buckets

    def usual(self, state: State, start_s: Floats) -> Usual:
        """What is ordinary for a bucket that starts at `start_s`; `state` holds the rows in question."""
        season = self.calendars.season_of(state["calendar"], start_s)
        rate = state["rate"][:, 0] / state["rate"][:, 1]
        sums = np.take_along_axis(state["season"], season[:, None, None], axis=2)[:, :, 0]
        prior = _SEASON_SHRINKAGE * rate
        factor = (sums[:, 0] + prior) / (sums[:, 1] + prior)
        share = state["share"] + _SHARE_PRIOR
        long_share = share[:, 0] / share[:, 1]
        waver = self._wavering(state["waver"])
        weight = np.maximum(_NEAR_CAUTION / waver[:, 1], _NEAR_LEAST)
        near = (weight * long_share + state["near"][:, 0]) / (weight + state["near"][:, 1])
        votes = np.maximum(rate * factor, _LEAST_EXPECTED)
        return Usual(season, rate, factor, votes, state["level"], near, long_share, share[:, 1], waver[:, 0])

    def learn(
        self,
        state: State,
        usual: Usual,
        negatives: Floats,
        totals: Floats,
        window: tuple[Floats, Floats],
        window_share: Floats,
        whole: NDArray[np.bool_],
    ) -> None:
        """Updates the rows of `state` in place with a bucket. `window` are negatives and totals of the 4 h that end
        with it, `window_share` the near share as it was before them; where not `whole`, there were no 4 h yet."""
        self._learn_waver(state, usual, window, window_share, whole)
        self._learn_votes(state, usual, totals)
        for name, share, keep, limit, slack in (
            ("share", usual.long_share, self._share, _LIMIT_SD, 1.0),
            ("near", usual.share, self._near, _NEAR_LIMIT_SD, 0.5),
        ):
            expected = totals * share
            spread = np.sqrt(expected * (1.0 - share) + 0.1)
            counted = np.minimum(negatives, expected + limit * spread + slack)
            voices = np.maximum(totals - (negatives - counted), counted)
            state[name][:] = state[name] * keep + np.stack([counted, voices], axis=1)

    def skip(self, state: State, buckets: Floats) -> None:
        """Ages the rows of `state` by so many empty buckets (shape (rows,)), seasons taken at their mean of 1."""
        keep = self._rate**buckets
        state["rate"][:, 0] *= keep
        state["rate"][:, 1] = state["rate"][:, 1] * keep + (1.0 - keep) / (1.0 - self._rate)
        rate = (state["rate"][:, 0] / state["rate"][:, 1])[:, None]
        visits = buckets[:, None] / 24 * self.calendars.visits(state["calendar"])
        keep_season = self._season**visits
        state["season"] *= keep_season[:, None, :]
        state["season"][:, 1] += rate * (1.0 - keep_season) / (1.0 - self._season)
        keep = self._level**buckets
        gained = (1.0 - keep)[:, None] * (_LEVEL_PRIOR + rate / (1.0 - self._level) * np.array([0.0, 1.0]))
        state["level"][:] = state["level"] * keep[:, None] + gained
        state["share"] *= (self._share**buckets)[:, None]
        state["near"] *= (self._near**buckets)[:, None]
        state["waver"] *= (self._waver**buckets)[:, None, None]

    def _wavering(self, waver: Floats) -> Floats:
        estimate = (waver[:, 0] + _WAVER_PRIOR * self._waver_prior) / (waver[:, 1] + self._waver_prior)
        return np.maximum(estimate, _LEAST_WAVER)

    def _learn_waver(
        self,
        state: State,
        usual: Usual,
        window: tuple[Floats, Floats],
        window_share: Floats,
        whole: NDArray[np.bool_],
    ) -> None:
        """Beta-binomial moments (Kleinman 1973), weighted by what a window can tell and limited against surges."""
        negatives, totals = window[0][:, None], window[1][:, None]
        share = np.stack([window_share, usual.long_share], axis=1)
        pairs, doubt = np.maximum(totals - 1.0, 0.0), 1.0 / usual.known_from[:, None]
        design = 1.0 + pairs * (self._wavering(state["waver"]) + doubt)
        squared = (negatives - totals * share) ** 2 / np.maximum(totals * share * (1.0 - share), 0.05)
        surprise = np.minimum(squared, _WAVER_LIMIT * design) - 1.0 - pairs * doubt
        gained = (
            np.stack([surprise * pairs, np.repeat(pairs * pairs, 2, axis=1)], axis=1) / (design * design)[:, None, :]
        )
        new = state["waver"] * self._waver + gained
        new[:, 0] = np.maximum(new[:, 0], -0.9 * _WAVER_PRIOR * self._waver_prior)
        state["waver"][:] = np.where(whole[:, None, None], new, state["waver"])

    def _learn_votes(self, state: State, usual: Usual, totals: Floats) -> None:
        lively = usual.level[:, 0] / usual.level[:, 1] * usual.votes
        counted = np.minimum(totals, lively + _LIMIT_SD * np.sqrt(1.5 * lively) + 1.0)
        gained = np.stack([counted, usual.votes], axis=1) + (1.0 - self._level) * _LEVEL_PRIOR
        state["level"][:] = state["level"] * self._level + gained
        counted = np.minimum(totals, usual.votes + _LIMIT_SD * np.sqrt(3.0 * usual.votes) + 1.0)
        state["rate"][:] = state["rate"] * self._rate + np.stack([counted, usual.factor], axis=1)
        rows = np.arange(len(totals))
        kept = state["season"][rows, :, usual.season] * self._season
        state["season"][rows, :, usual.season] = kept + np.stack([counted, usual.rate], axis=1)

"""What is ordinary for a series and how that is learnt: votes expected by hour and kind of day, how much is said now,
the usual share of negatives, and how far that share wavers. Arrays in and out, element by element; no names, no clock.
"""

from array import array
from typing import Any, Final, Generic, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerts.calendars import SEASONS, Calendars
from alerts.maths import MANY, ONE, Maths, N
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
_SHARE_PRIOR: Final = (1.0, 4.0)  # negatives, totals
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
Seasons = NDArray[np.intp]


class Sums(NamedTuple, Generic[N]):
    """What was learnt of a series, as in `FRESH`; of the seasons the one in question."""

    rate: tuple[N, N]
    season: tuple[N, N]
    level: tuple[N, N]
    share: tuple[N, N]
    near: tuple[N, N]
    near_waver: tuple[N, N]
    long_waver: tuple[N, N]


class Usual(NamedTuple, Generic[N]):
    """What was ordinary just before a bucket, of one series or row by row (shape (rows,))."""

    rate: N  # votes a bucket
    factor: N  # of this season: an hour of a kind of day
    votes: N  # expected in this bucket at a level of 1
    level_shape: N  # of a gamma distribution of how much is said now
    level_rate: N
    share: N  # of negatives, the near one
    long_share: N
    known_from: N  # votes that the long share rests on
    waver: N  # correlation of two votes of a window, given the near share


class Bucket(NamedTuple, Generic[N]):
    """What was counted in a bucket, and in the 4 h that end with it, with the near share as it was before these;
    where not `whole`, there were no 4 h yet."""

    negatives: N
    totals: N
    window_negatives: N
    window_totals: N
    window_share: N
    whole: NDArray[np.bool_] | bool


class Run(NamedTuple):
    """Consecutive buckets of one series, in order; counts of each and of the 4 h that end with it."""

    season: list[int]
    negatives: list[float]
    totals: list[float]
    window_negatives: list[float]
    window_totals: list[float]


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

    def season(self, state: State, start_s: Floats) -> Seasons:
        """The seasons of buckets that start then, by the calendar of each row of `state`; of one row for them all."""
        return self.calendars.season_of(np.broadcast_to(state["calendar"], start_s.shape), start_s)

    def usual(self, state: State, season: Seasons) -> Usual[Floats]:
        """What is ordinary for a bucket of these seasons; `state` holds the rows in question."""
        return self._usual(MANY, _sums(state, season))

    def learn(self, state: State, season: Seasons, usual: Usual[Floats], bucket: Bucket[Floats]) -> None:
        """Updates the rows of `state` in place with a bucket of these seasons."""
        _put(state, season, self._learnt(MANY, _sums(state, season), usual, bucket))

    def follow(self, state: State, run: Run, closed: float, past_shares: Floats) -> Usual[Floats]:
        """Learns from consecutive buckets of the one series whose row `state` is, in place and to the same bits as
        `learn`; returns what was usual before each (shape (buckets,)). `closed` buckets came before these, and
        `past_shares` are their near shares, the latest first."""
        ago = self.waver_buckets - 1
        shares = array("f", past_shares[:ago][::-1])  # in 4 bytes as they are kept
        season_votes, season_expected = state["season"][0].tolist()
        sums = Sums(*((float(first[0]), float(second[0])) for first, second in _sums(state, np.zeros(1, np.intp))))
        before: list[Usual[float]] = []
        for i, (season, negatives, totals, of_4h, all_4h) in enumerate(zip(*run, strict=True)):
            sums = sums._replace(season=(season_votes[season], season_expected[season]))
            usual = self._usual(ONE, sums)
            shares.append(usual.share)
            share_before = shares[i] if ago else usual.share
            bucket = Bucket(negatives, totals, of_4h, all_4h, share_before, closed + i > ago)
            sums = self._learnt(ONE, sums, usual, bucket)
            season_votes[season], season_expected[season] = sums.season
            before.append(usual)
        state["season"][0] = season_votes, season_expected
        _put(state, np.array(run.season[-1:]), Sums(*((np.array([a]), np.array([b])) for a, b in sums)))
        return Usual(*np.array(before).T)

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

    def _usual(self, maths: Maths[N], sums: Sums[N]) -> Usual[N]:
        rate = sums.rate[0] / sums.rate[1]
        prior = _SEASON_SHRINKAGE * rate
        factor = (sums.season[0] + prior) / (sums.season[1] + prior)
        known_from = sums.share[1] + _SHARE_PRIOR[1]
        long_share = (sums.share[0] + _SHARE_PRIOR[0]) / known_from
        weight = maths.most(_NEAR_CAUTION / self._wavering(maths, sums.long_waver), _NEAR_LEAST)
        share = (weight * long_share + sums.near[0]) / (weight + sums.near[1])
        votes = maths.most(rate * factor, _LEAST_EXPECTED)
        waver = self._wavering(maths, sums.near_waver)
        return Usual(rate, factor, votes, *sums.level, share, long_share, known_from, waver)

    def _learnt(self, maths: Maths[N], sums: Sums[N], usual: Usual[N], bucket: Bucket[N]) -> Sums[N]:
        lively = usual.level_shape / usual.level_rate * usual.votes
        told = maths.least(bucket.totals, lively + _LIMIT_SD * maths.root(1.5 * lively) + 1.0)
        counted = maths.least(bucket.totals, usual.votes + _LIMIT_SD * maths.root(3.0 * usual.votes) + 1.0)
        prior = (1.0 - self._level) * _LEVEL_PRIOR
        return Sums(
            rate=_decayed(sums.rate, self._rate, counted, usual.factor),
            season=_decayed(sums.season, self._season, counted, usual.rate),
            level=_decayed(sums.level, self._level, told + prior, usual.votes + prior),
            share=_decayed(sums.share, self._share, *_voices(maths, bucket, usual.long_share, _LIMIT_SD, 1.0)),
            near=_decayed(sums.near, self._near, *_voices(maths, bucket, usual.share, _NEAR_LIMIT_SD, 0.5)),
            near_waver=self._wavered(maths, sums.near_waver, bucket, bucket.window_share, usual.known_from),
            long_waver=self._wavered(maths, sums.long_waver, bucket, usual.long_share, usual.known_from),
        )

    def _wavering(self, maths: Maths[N], waver: tuple[N, N]) -> N:
        estimate = (waver[0] + _WAVER_PRIOR * self._waver_prior) / (waver[1] + self._waver_prior)
        return maths.most(estimate, _LEAST_WAVER)

    def _wavered(self, maths: Maths[N], waver: tuple[N, N], bucket: Bucket[N], share: N, known_from: N) -> tuple[N, N]:
        """Beta-binomial moments (Kleinman 1973), weighted by what a window can tell and limited against surges."""
        totals, expected = bucket.window_totals, bucket.window_totals * share
        pairs, doubt = maths.most(totals - 1.0, 0.0), 1.0 / known_from
        design = 1.0 + pairs * (self._wavering(maths, waver) + doubt)
        error = bucket.window_negatives - expected
        squared = error * error / maths.most(expected * (1.0 - share), 0.05)
        surprise = maths.least(squared, _WAVER_LIMIT * design) - 1.0 - pairs * doubt
        weight = design * design
        gained = _decayed(waver, self._waver, surprise * pairs / weight, pairs * pairs / weight)
        least = -0.9 * _WAVER_PRIOR * self._waver_prior
        return (
            maths.where(bucket.whole, maths.most(gained[0], least), waver[0]),
            maths.where(bucket.whole, gained[1], waver[1]),
        )


def _decayed(sums: tuple[N, N], keep: float, first: N, second: N) -> tuple[N, N]:
    return sums[0] * keep + first, sums[1] * keep + second


def _voices(maths: Maths[N], bucket: Bucket[N], share: N, limit_sd: float, slack: float) -> tuple[N, N]:
    """Negatives and votes of a bucket that are believed, at this usual share."""
    expected = bucket.totals * share
    spread = maths.root(expected * (1.0 - share) + 0.1)
    counted = maths.least(bucket.negatives, expected + limit_sd * spread + slack)
    return counted, maths.most(bucket.totals - (bucket.negatives - counted), counted)


def _sums(state: State, season: Seasons) -> Sums[Floats]:
    def columns(of: Floats) -> tuple[Floats, Floats]:
        return of[:, 0], of[:, 1]

    rows = np.arange(len(season))
    return Sums(
        rate=columns(state["rate"]),
        season=columns(state["season"][rows, :, season]),
        level=columns(state["level"]),
        share=columns(state["share"]),
        near=columns(state["near"]),
        near_waver=columns(state["waver"][:, :, 0]),
        long_waver=columns(state["waver"][:, :, 1]),
    )


def _put(state: State, season: Seasons, sums: Sums[Floats]) -> None:
    rows = np.arange(len(season))
    for i in range(2):
        for name in ("rate", "level", "share", "near"):
            state[name][:, i] = getattr(sums, name)[i]
        state["season"][rows, i, season] = sums.season[i]
        state["waver"][:, i, 0], state["waver"][:, i, 1] = sums.near_waver[i], sums.long_waver[i]

"""Temperatures: what turns an encoder's logits into probabilities that can be believed, by language and kind of text.

They are found on dev rows that may tune (`training/export.py`); Guo et al. 2017, "On Calibration of Modern Neural
Networks", §4.2.
"""

import msgspec

NEWS_KINDS = frozenset({"news", "filing", "research"})


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Divisors of logits. `sentiment` by "language/register", register `news` or `social`, and "language" for texts of
    unknown kind; `topics` by language; a topic is named from `topic_threshold` on.
    """

    sentiment: dict[str, float] = {}
    topics: dict[str, float] = {}
    topic_threshold: float = 0.5

    def of_sentiment(self, language: str, kind: str | None) -> float:
        """Return the divisor for a text of a post's `kind` judged by the encoder of `language`."""
        register = "" if kind is None else "/news" if kind in NEWS_KINDS else "/social"
        return self.sentiment.get(language + register, self.sentiment.get(language, 1.0))

    def of_topics(self, language: str) -> float:
        """Return the divisor of topic logits."""
        return self.topics.get(language, 1.0)

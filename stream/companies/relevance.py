"""How much a post is about an issuer, in [0, 1]: named in the headline, how early, and its share of all mentions."""

import re
from collections import Counter
from collections.abc import Sequence

TAGGED = 0.5  # a source's tag, and no company named
CANDIDATE = 0.1
HEADLINE, EARLY, SHARE = 0.45, 0.2, 0.35

_SENTENCE = re.compile(r"[。！？!?\n]|\.\s")


def of(text: str, mentions: Sequence[tuple[str, int]]) -> dict[str, float]:
    """Relevance by issuer, from (issuer, offset) of all mentions; offsets below 0 lie in the title.

    The headline is the title, or the first sentence where no company stands in the title.
    """
    if not mentions:
        return {}
    counts = Counter(issuer for issuer, _ in mentions)
    first: dict[str, int] = {}
    for issuer, start in mentions:
        first[issuer] = min(start, first.get(issuer, start))
    if any(start < 0 for start in first.values()):
        limit = 0
    else:
        sentence = _SENTENCE.search(text)
        limit = sentence.end() if sentence else len(text)
    length = max(1, len(text))
    return {
        issuer: round(
            HEADLINE * (start < limit) + EARLY * (1 - max(0, start) / length) + SHARE * counts[issuer] / len(mentions),
            3,
        )
        for issuer, start in first.items()
    }

"""Which companies a post is about, which of them are judged for themselves, and how each fares. Finding them is
`stream/companies`' business, judging the classifier's.
"""

import re
from collections.abc import Mapping, Sequence

from classifier.judgements import Judgement
from stream.linking import COUNTS_FROM, Link, Linker
from stream.records import Entity, EntitySentiment, Post, label_of
from stream.times import DAY_MS, parse_ms

MAX_ISSUERS = 20  # a post that lists more companies is about none of them
MOST_JUDGED = 4  # of one text; where more are named it is a list

# Cashtags that stand beside the text and not in a sentence of it: one after the other, in front of a dash, at the end.
_TAG = r"\$[A-Za-z][A-Za-z.]{0,7}"
_BESIDE = re.compile(rf"{_TAG}(?:[\s,/&]*{_TAG})+|^\s*{_TAG}\s*[-:–—|]|{_TAG}(?=(?:[\s.]|#\w+|https?://\S*|@\w+)*$)")


def links_of(post: Post, linker: Linker) -> list[Link]:
    """The links of a post, by the names that companies bore when it was published."""
    day = parse_ms(post.published_at) // DAY_MS
    return linker.link(post.text, post.symbols, post.targets, title=post.title, day=day)


def asked_of(post: Post, links: Sequence[Link]) -> dict[int, str]:
    """The places of the links that are judged for themselves, each with the words that it stands in: the targets and,
    where sentences name several companies, each of those. One alone fares as its text does, and so do all of a list."""
    asked = {place: one.name for place, one in enumerate(links) if one.reason == "target" and one.name}
    named = [
        (place, one.start, one.end)
        for place, one in enumerate(links)
        if one.start is not None and one.confidence >= COUNTS_FROM and place not in asked
    ]
    if len(named) > 1:
        beside = [found.span() for found in _BESIDE.finditer(post.text)] if "$" in post.text else []
        named = [row for row in named if not any(start <= row[1] < end for start, end in beside)]
        if 2 <= len(named) <= MOST_JUDGED:
            asked |= {place: post.text[start:end] for place, start, end in named}
    return asked


def entities_of(links: Sequence[Link], asked: Mapping[int, str], judgement: Judgement) -> tuple[Entity, ...]:
    """Each link with its sentiment: its own where it was asked for, else the text's."""
    own = dict(zip(asked, judgement.targets, strict=True))
    entities = []
    for place, one in enumerate(links):
        label, score = own.get(place, (judgement.label, judgement.score))
        entities.append(Entity(*one[:-1], sentiment=EntitySentiment(label_of(label), score), relevance=one.relevance))
    return tuple(entities)

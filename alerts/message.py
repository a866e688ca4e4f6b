"""An alert in words, English or Chinese, as plain text and HTML. Pure: names of topics are handed in, nothing is looked
up. How words reach people is the channels' business; incidents in a list are `describe`'s.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple
from urllib.parse import quote

import jinja2
import msgspec

from alerts import words
from alerts.events import Alert, Driver, Evidence, Measured
from alerts.plain import cut, plain
from alerts.words import Words

Language = Literal["en", "zh"]

EVIDENCE = 5
EXCERPT_CHARACTERS = 200
SUBJECT_CHARACTERS = 160
DRIVERS = 3
MEMBERS = 8
LEAST_USUAL = 0.05  # what rounds to nothing is said to be so much, where it is divided by


class Message(msgspec.Struct, frozen=True):
    """What people read. `subject` is one line; `text` begins with it; no part holds control characters but line feeds.

    All that strangers wrote is stripped and cut in `text` and escaped in `html` besides.
    """

    subject: str
    text: str
    html: str


class _Post(NamedTuple):
    """One evidence post, ready to show: `url` only where a browser may open it."""

    head: str
    text: str
    why: str
    url: str | None


def render(
    alert: Alert,
    language: Language = "en",
    desk_url: str | None = None,
    topic_names: Mapping[str, str] | None = None,
) -> Message:
    """The message of one event. `topic_names` maps topic ids to names in that language; an unknown id is shown as is.

    What happened with numbers and their 80 % interval, what drove it, up to five posts of different stories, and a link
    to the incident on the desk where `desk_url` is given.
    """
    speak, names = words.WORDS[language], topic_names or {}
    subject = cut(heading(alert, language, names), SUBJECT_CHARACTERS)
    facts = [sentence(alert, language), *_members(alert, speak), *_drivers(alert, speak, names)]
    # of a story that breaks out each source's post is shown
    shown = alert.evidence if alert.measured.key == "breakout" else _of_different_stories(alert.evidence)
    posts = [_post(rank, post, speak) for rank, post in enumerate(shown[:EVIDENCE], start=1)]
    link = f"{desk_url.rstrip('/')}/#incident-{quote(alert.incident, safe='')}" if desk_url else None
    lines = [subject, "", *facts, *([""] if posts else [])]
    for post in posts:
        lines += [f"{post.head}  {post.text}", f"   {post.why}" + (f" · {post.url}" if post.url else "")]
    if link:
        lines += ["", f"{speak.desk}: {link}"]
    html = _HTML.render(language=speak.tag, subject=subject, facts=facts, posts=posts, link=link, desk=speak.desk)
    return Message(subject, "\n".join(lines) + "\n", html)


def heading(alert: Alert, language: Language = "en", topic_names: Mapping[str, str] | None = None) -> str:
    """Who, what and how grave, on one line: `002594.SZ / 1211.HK · negative surge · critical`."""
    speak = words.WORDS[language]
    if alert.event == "resolved":
        how = speak.resolved
    elif alert.event == "escalated":
        how = speak.escalated.format(severity=speak.severity[alert.severity])
    else:
        how = speak.severity[alert.severity]
    return f"{subject_of(alert, language, topic_names or {})} · {speak.measure[alert.measured.key]} · {how}"


def subject_of(alert: Alert, language: Language, topic_names: Mapping[str, str]) -> str:
    """The series in words: an issuer's listings (and the topic, for `SYMBOL|topic`), a topic's name, the market."""
    series = alert.series
    if series.kind == "issuer" and series.listings:
        return " / ".join(plain(listing) for listing in series.listings)
    if series.kind == "market":
        return words.WORDS[language].market
    if series.kind == "issuer_topic":
        symbol, _, topic = series.key.partition("|")
        return plain(f"{symbol}, {topic_names.get(topic, topic)}")
    return plain(topic_names.get(series.key, series.key))


def sentence(alert: Alert, language: Language = "en") -> str:
    """What happened in the terms of its measure, in one or two sentences with every number beside its usual value."""
    speak, found = words.WORDS[language], alert.measured
    stale = speak.stale(found.stale) if found.stale and found.key != "lag" else ""
    back = speak.back.get(found.key) if alert.event == "resolved" else None
    told = (back or speak.told[found.key]).format(
        lead=speak.lead[alert.event].format(severity=speak.severity[alert.severity]),
        prefix=speak.prefix[alert.event].format(severity=speak.severity[alert.severity]),
        asked=f"{found.threshold:.0f}",
        window=speak.window(found.window_minutes),
        span=speak.span(found.window_minutes),
        until=clock(alert.evaluated_at),
        voices=_voices(found, speak),
        usual=usual(found.expected),
        low=found.expected_low,
        high=found.expected_high,
        times=usual(found.total / max(found.expected, LEAST_USUAL)),
        share=percent(found.share, speak),
        usual_share=percent(found.usual_share, speak),
    )
    return told + stale


def _voices(found: Measured, speak: Words) -> str:
    counted = found.total if found.key == "volume" else found.negatives
    return speak.voices[found.key].format(
        negatives=found.negatives,
        total=found.total,
        posts=found.posts,
        score=f"{found.score:.0f}",
        s="" if counted == 1 else "s",
    )


def usual(expected: float) -> str:
    """An expected count to one decimal, without a decimal that says nothing: `6`, `6.4`."""
    return f"{expected:.1f}".removesuffix(".0")


def figures(found: Measured) -> str:
    """What was counted and what is usual, for a line: `47/66 (6, 2–11)`, negative voices of all (expected, interval);
    `66 (6, 2–11)` where their mood says nothing; `9 (5)`, sources of a story (asked for)."""
    if found.key == "breakout":
        return f"{found.score:.0f} ({found.threshold:.0f})"
    number = f"{found.total}" if found.key in ("volume", "silence") else f"{found.negatives}/{found.total}"
    return f"{number} ({usual(found.expected)}, {found.expected_low}–{found.expected_high})"


def percent(share: float, speak: Words) -> str:
    """A share in [0, 1] in whole percent; what is there but rounds to nothing is `<1 %`."""
    whole = round(share * 100)
    return f"{'<1' if share > 0 and whole == 0 else whole}{speak.percent}"


def clock(at: str) -> str:
    """`2026-01-05 13:00 UTC` of a canonical time."""
    return f"{at[:10]} {at[11:16]} UTC"


def _members(alert: Alert, speak: Words) -> Iterator[str]:
    """The companies of a market incident, the first by name."""
    if alert.members:
        shown = [cut(plain(member.key), 60) for member in alert.members[:MEMBERS]]
        rest = max(len(alert.members), alert.measured.negatives) - len(shown)
        named = [*shown, *([speak.more.format(number=rest)] if rest else [])]
        yield speak.line.format(label=speak.members, rest=speak.comma.join(named))


def _drivers(alert: Alert, speak: Words, names: Mapping[str, str]) -> Iterator[str]:
    for label, drivers in ((speak.topics, alert.drivers.topics), (speak.sources, alert.drivers.sources)):
        if drivers:
            yield speak.line.format(label=label, rest=speak.comma.join(_shares(drivers, speak, names)))


def _shares(drivers: Sequence[Driver], speak: Words, names: Mapping[str, str]) -> Iterator[str]:
    """The three largest by name, all others as one."""
    shown = [driver for driver in drivers if driver.id != "other"][:DRIVERS]
    rest = sum(driver.share for driver in drivers) - sum(driver.share for driver in shown)
    for driver in shown:
        yield f"{cut(plain(names.get(driver.id, driver.id)), 60)} {percent(driver.share, speak)}"
    if rest > 0.005:
        yield f"{speak.other} {percent(rest, speak)}"


def _of_different_stories(evidence: Sequence[Evidence]) -> list[Evidence]:
    first: dict[str, Evidence] = {}
    for post in evidence:
        first.setdefault(post.story, post)
    return list(first.values())


def _post(rank: int, post: Evidence, speak: Words) -> _Post:
    """`score` is P(positive) - P(negative), so it is shown with its sign (U+2212 for minus)."""
    score = f"{post.score:+.2f}".replace("-", "\N{MINUS SIGN}")
    url = plain(post.url or "")
    return _Post(
        head=f"{speak.marks[rank - 1]} {clock(post.published_at)} {cut(plain(post.source), 60)}",
        text=speak.quote.format(text=cut(plain(post.text), EXCERPT_CHARACTERS)),
        why=f"{speak.why(plain(post.why))}{speak.comma}{speak.score} {score}",
        url=url if url.startswith(("https://", "http://")) and " " not in url else None,
    )


_HTML = jinja2.Environment(
    autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
).from_string(
    """<!doctype html>
<html lang="{{ language }}">
<head><meta charset="utf-8"><title>{{ subject }}</title></head>
<body style="font-family: system-ui, sans-serif; line-height: 1.5; max-width: 42em">
<h1 style="font-size: 1.15em">{{ subject }}</h1>
{% for fact in facts %}
<p>{{ fact }}</p>
{% endfor %}
{% for post in posts %}
<p><strong>{{ post.head }}</strong><br>{{ post.text }}<br>
<small>{{ post.why }}
{%- if post.url %} · <a href="{{ post.url }}" rel="noopener noreferrer">{{ post.url }}</a>{% endif %}
</small></p>
{% endfor %}
{% if link %}
<p><a href="{{ link }}">{{ desk }}</a></p>
{% endif %}
</body>
</html>
"""
)

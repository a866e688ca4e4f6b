"""Invented reports as they spread: retold with prefixes, suffixes, cuts, other order, retweet marks and small edits,
and beside them reports that only look alike, being of another company or with another number. The truth comes along, so
that finding stories can be measured. Pure: the same arguments give the same tellings.
"""

import random
import re
from collections.abc import Callable
from typing import NamedTuple

from stream.sample.phrases import Lang
from stream.sample.reports import Report, reports
from stream.times import DAY_MS, HOUR_MS

_Change = Callable[[random.Random, str, Lang], str]


class Telling(NamedTuple):
    """One text, received at `received_ms` after the start. `event` is what it truly tells; `symbol` is its company, as
    linking would find it, or None where linking fails."""

    post: str
    received_ms: int
    text: str
    symbol: str | None
    event: int


def syndicate(seed: int = 1, events: int = 160, unlinked: float = 0.05) -> list[Telling]:
    """Tellings in order of time over a week: half of the reports are retold, three times on average, most within hours;
    two in five have a double with another number or of another company, which is retold as well."""
    rng = random.Random(f"syndication {seed}")
    told: list[Telling] = []
    event = 0
    for report in reports(rng, events):
        start_ms = rng.randrange(DAY_MS)
        for version in (report, *_doubles(rng, report)):
            for nth, text in enumerate(_tellings(rng, version)):
                after_ms = round(rng.expovariate(1 / (5 * HOUR_MS))) if nth else 0
                after_ms += rng.randrange(5 * DAY_MS) if nth and rng.random() < 0.1 else 0
                symbol = version.company.symbol if rng.random() >= unlinked else None
                told.append(Telling("", start_ms + after_ms, text, symbol, event))
            event += 1
    told.sort(key=lambda telling: (telling.received_ms, telling.event))
    return [telling._replace(post=f"{seed}-{nth}") for nth, telling in enumerate(told)]


def _doubles(rng: random.Random, report: Report) -> list[Report]:
    """Reports that differ only in what makes another story."""
    doubles = []
    if report.numbers and rng.random() < 0.3:
        number = rng.choice(report.numbers)
        other = re.sub(r"\d", lambda digit: str((int(digit[0]) + rng.randint(1, 8)) % 9 + 1), number)
        # whole numbers only: 12 is no part of 120 or 12.5
        found = re.compile(rf"(?<![\d.,]){re.escape(number)}(?![\d]|[.,]\d)")
        doubles.append(report._replace(sentences=tuple(found.sub(other, sentence) for sentence in report.sentences)))
    if rng.random() < 0.2:
        company, rival = report.company, report.rival
        name, other = (company.en, rival.en) if report.lang == "en" else (company.zh, rival.zh)
        sentences = tuple(sentence.replace(name, other) for sentence in report.sentences)
        doubles.append(report._replace(company=rival, sentences=sentences))
    return doubles


def _tellings(rng: random.Random, report: Report) -> list[str]:
    """The report itself, and in half of the cases others that retell it."""
    told = [_joined(report.sentences, report.lang)]
    while rng.random() < (0.5 if len(told) == 1 else 0.75):
        sentences = list(report.sentences)
        if len(sentences) > 1 and rng.random() < 0.3:
            rng.shuffle(sentences)
        text = _joined(tuple(sentences), report.lang)
        chosen = rng.sample(range(len(_CHANGES)), rng.randint(1, 3))
        for change in sorted(chosen):
            text = _CHANGES[change](rng, text, report.lang)
        told.append(text)
    return told


def _joined(sentences: tuple[str, ...], lang: Lang) -> str:
    if lang == "zh":
        return "。".join(sentences) + "。"
    return ". ".join(sentence[0].upper() + sentence[1:] for sentence in sentences) + "."


_PREFIXES: dict[Lang, tuple[str, ...]] = {
    "en": ("UPDATE 1-", "BREAKING: ", "Company news: ", "Just in - ", "Market brief | ", "PORT ALDER, May 5 - "),
    "zh": ("快讯：", "【公司新闻】", "突发！", "刚刚，", "南霖5月6日讯，", "盘后消息："),
}
_SUFFIXES: dict[Lang, tuple[str, ...]] = {
    "en": (
        " (Reporting by A. Brenk)",
        " - Harbour Wire",
        " https://wire.example/x1",
        " #stocks #news",
        " via Quay News",
    ),
    "zh": ("（来源：港湾财经）", " https://wire.example/x1", "（编辑：林朔）", "#股市#", " 更多详情请关注本报"),
}
_SWAPS: dict[Lang, tuple[tuple[str, str], ...]] = {
    "en": (("company", "group"), ("says", "said"), ("after", "following"), ("workers", "staff"), ("sales", "revenue")),
    "zh": (("公司", "集团"), ("表示", "称"), ("宣布", "决定"), ("此前", "之前"), ("问题", "事宜")),
}


def _prefix(rng: random.Random, text: str, lang: Lang) -> str:
    return rng.choice(_PREFIXES[lang]) + text


def _suffix(rng: random.Random, text: str, lang: Lang) -> str:
    return text + rng.choice(_SUFFIXES[lang])


def _cut(rng: random.Random, text: str, lang: Lang) -> str:
    """As a feed shows it: the first half or more, with an ellipsis; in English a word is not cut in two."""
    end = max(round(len(text) * rng.uniform(0.55, 0.95)), 16)
    return (text[:end] if lang == "zh" else text[: text.rfind(" ", 0, end)]) + "…"


def _retweet(rng: random.Random, text: str, lang: Lang) -> str:
    comment = rng.choice(("", "", "wow. ", "not good ") if lang == "en" else ("", "", "注意 ", "不妙 "))
    return f"{comment}RT @desk{rng.randint(1, 99)}: {text}"


def _edit(rng: random.Random, text: str, lang: Lang) -> str:
    """One or two words changed for others, or a word without a number left out."""
    for word, other in rng.sample(_SWAPS[lang], 2):
        text = text.replace(word, other, 1)
    if lang == "en" and rng.random() < 0.5:
        words = text.split(" ")
        plain = [at for at, word in enumerate(words) if word.isalpha() and word.islower()]
        if plain:
            del words[rng.choice(plain)]
        text = " ".join(words)
    return text


def _restyle(rng: random.Random, text: str, lang: Lang) -> str:
    if lang == "en":
        return rng.choice((text.upper(), text.lower(), text.replace(" ", "  "), text.replace(". ", "! ")))
    return rng.choice((text.replace("，", " "), text.replace("。", "！"), text.replace("，", ",")))


_CHANGES: tuple[_Change, ...] = (_edit, _restyle, _cut, _suffix, _prefix, _retweet)  # in the order they happen

"""Parts of a set that say where a model fails: by length, emoji, negation, figures, bare tickers, questions, irony.

A slice is a named test of a text and its language; words are lists of our own. Language and set are not slices but
groups: figures are given for every set, every language, and over all.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from classifier.evaluate.answers import Answers, Bools, part
from classifier.evaluate.scores import per_label, summary
from classifier.labels import language_index

Members = dict[str, Bools]  # slice -> which rows belong to it
FEWEST = 20  # rows below which a slice's figures would mislead
TOO_FEW = "too few"

_URL = re.compile(r"https?://\S+")
_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2b1b\u2b1c\u2b50\u2b55\u203c\u2049]"  # pictures and dingbats
    r"|\[(?:大笑|微笑|笑哭|笑|哭|大哭|流泪|捂脸|狗头|doge|赞|强|鼓掌|加油|怒|发怒|胜利|玫瑰|献花|吐血|滴汗|可怜)\]"
    r"|(?<!\w)[:;=][-']?[()DPp](?!\w)"
)
_NEGATION = (
    re.compile(
        r"\b(?:no|not|never|none|nothing|nobody|neither|nor|without|cannot|hardly|barely|scarcely"
        r"|(?:do|does|did|is|are|was|were|has|have|had|ca|could|wo|would|should|might|must|need|ai)n['’]?t)\b",
        re.IGNORECASE,
    ),
    # The signs of negation, less the common words in which they negate nothing.
    re.compile(
        r"不(?!断|超|仅|但|只|过|错|少|同|久|动产|锈|管|论|愧)|没(?!收|落|入)|(?<![从尚])未(?!来)|无(?!锡|人机|人驾驶|线|疑|论|限|形)"
        r"|[并绝决毫]非|(?<![分个区差识辨判特级性类告])别(?!的|人|墅|名|称)|勿|难以|从未|尚未"
    ),
)
_NUMBER = re.compile(r"\d|[一二两三四五六七八九十百千万]+(?:成|倍|亿|万|%|个百分点)|百分之|翻[一两]?番|腰斩")
_CODE = re.compile(
    r"\$[^$\s()（）]{1,20}[(（](?:SH|SZ|BJ|HK)?\d{5,6}[)）]\$"  # Xueqiu: $name(SH600519)$
    r"|\$[A-Z]{1,6}(?:[.\-][A-Z]{1,2})?(?!\w)"
    r"|(?<!\w)(?:NYSE|NASDAQ|AMEX|LSE|HKEX|SSE|SZSE)\s*[:：]\s*[A-Z0-9.]{1,6}(?!\w)"
    r"|(?<!\w)(?:SH|SZ|BJ|HK)[.:]?\d{5,6}(?!\d)"
    r"|(?<![\w.,])\d{4,6}\.(?:SH|SZ|SS|BJ|HK)(?!\w)"
    r"|(?<![\w.,])\d{5,6}(?![\w%％]|[.,]\d)",
    re.IGNORECASE,
)
_PRICE = re.compile(
    r"(?:US|HK|A|C)?[$€£¥￥]?\d[\d,]*(?:\.\d+)?\s*"
    r"(?:%|％|USD|EUR|GBP|HKD|CNY|RMB|港元|美元|元|块|点|亿|万|[kmb]n?\b)?",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"[?？]|吗(?=$|[\s,，.。!！~…])|([是会能要该可好])不\1|有没有|为什么|为啥|怎么[办看样]|什么时候"
    r"|(?:多少|哪[个只])(?=$|[\s,，.。!！])"
)
_IRONY = (
    re.compile(
        r"(?<!\w)/s(?!\w)|\byeah,? (?:right|sure)\b|\b(?:oh|just|how) (?:great|lovely|wonderful|brilliant)\b"
        r"|\bwhat could (?:possibly )?go wrong\b|\bgood luck with that\b|\b(?:great|nice|good) job\b|\bslow clap\b"
        r"|\bthanks (?:a lot|for nothing)\b|\bcolou?r me (?:shocked|surprised)\b|\bshocker\b|\bso much for\b"
        r"|[🤡🙃🙄]",
        re.IGNORECASE,
    ),
    re.compile(
        r"呵呵|厉害了|真(?:棒|行|牛|会玩)|好(?:样的|一个)|良心|活雷锋|大善人|笑死|绝了|我[真算]?服了|恭喜.{0,6}(?:套牢|接盘|站岗)"
        r"|感谢(?:主力|庄家|证监会|国家队)|\[?狗头\]?|[🤡🙃🙄🐶]"
    ),
)


class Slice(NamedTuple):
    """A name and the test that a text, written in a language, belongs to it."""

    name: str
    holds: Callable[[str, str], bool]


def negated(text: str, language: str) -> bool:
    """Say whether a word of the language's negation list stands in the text."""
    return bool(_NEGATION[language_index(language)].search(text))


def ironic(text: str, language: str) -> bool:
    """Say whether the text holds a turn that is mostly meant the other way round."""
    return bool(_IRONY[language_index(language)].search(text))


def asks(text: str, _language: str) -> bool:
    """Say whether the text asks something; the question mark of a URL does not count."""
    return bool(_QUESTION.search(_URL.sub(" ", text)))


def only_tickers(text: str, _language: str) -> bool:
    """Say whether nothing is left of the text when cashtags, codes and prices are taken out; and one was in it."""
    rest, codes = _CODE.subn(" ", _URL.sub(" ", text))
    rest = _PRICE.sub(" ", rest)
    return codes > 0 and not _EMOJI.search(rest) and not re.search(r"\w", rest)


SLICES = (
    Slice("under 40 characters", lambda text, _: len(text) < 40),
    Slice("40 to 120 characters", lambda text, _: 40 <= len(text) <= 120),
    Slice("over 120 characters", lambda text, _: len(text) > 120),
    Slice("emoji", lambda text, _: bool(_EMOJI.search(text))),
    Slice("negation", negated),
    Slice("numbers", lambda text, _: bool(_NUMBER.search(_URL.sub(" ", text)))),
    Slice("tickers only", only_tickers),
    Slice("question", asks),
    Slice("irony", ironic),
)


def membership(texts: Sequence[str], language: str) -> Members:
    """Return for each slice which of the texts belong to it."""
    return {one.name: np.array([one.holds(text, language) for text in texts], dtype=np.bool_) for one in SLICES}


def slice_scores(found: Answers, members: Members) -> dict[str, dict[str, Any]]:
    """Return n, accuracy, macro-F1 and figures by label of each slice; below FEWEST rows, n and a word instead."""
    return {name: _scores(found, chosen) for name, chosen in members.items()}


def _scores(found: Answers, chosen: Bools) -> dict[str, Any]:
    n = int(chosen.sum())
    if n < FEWEST:
        return {"n": n, "note": TOO_FEW}
    own = part(found, chosen)
    return {**summary(own), "per_label": per_label(own)}

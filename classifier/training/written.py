"""Invented, labelled sentences about companies that do not exist, for training alone: grammar that the collected sets
show too rarely (figures that speak without a verb, expectations, irony, negation, turns), both ways in like words.
"""

import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from classifier.training import written_en, written_zh

SHARES = {"negative": 0.35, "neutral": 0.30, "positive": 0.35}
_HERE = Path(__file__).parent
_SIGNS = {"-": "negative", "=": "neutral", "+": "positive"}
_PATIENCE = 40  # drawings without a new sentence after which a phenomenon is taken as used up
_ALIKE = 3  # sentences that differ in names and figures alone
_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_NAME = re.compile(r"(?:ticker|co|bank|pharma|miner|person|city|broker)\d?")
_SLOT = re.compile(r"\{(\w+)(?:=(\w+))?(#?)\}")


class Written(NamedTuple):
    """One invented sentence."""

    text: str
    language: str
    sentiment: str


class _Phenomenon(NamedTuple):
    social: bool
    patterns: dict[str, list[str]]


class _Language(NamedTuple):
    phenomena: list[_Phenomenon]
    words: dict[str, str]
    clauses: tuple[tuple[str, str], ...]
    figures: Callable[[random.Random], dict[str, str]]
    finish: Callable[[str, random.Random, bool], str]


def written(count: int, seed: int) -> list[Written]:
    """Return about `count` distinct sentences of each language, the same ones for the same seed."""
    sentences: list[Written] = []
    for name, module in (("en", written_en), ("zh", written_zh)):
        rng = random.Random(f"{seed}:{name}")
        language = _Language(_patterns(name), module.WORDS, module.CLAUSES, module.figures, module.finish)
        seen: set[str] = set()
        for sentiment, share in SHARES.items():
            texts = _draw(language, sentiment, round(count * share), seen, rng)
            sentences += [Written(text, name, sentiment) for text in texts]
    random.Random(seed).shuffle(sentences)
    return sentences


def _draw(language: _Language, sentiment: str, count: int, seen: set[str], rng: random.Random) -> list[str]:
    """Take one sentence of each phenomenon in turn, and its patterns in turn, until there are enough."""
    queues = [
        (phenomenon.social, rng.sample(patterns, len(patterns)))
        for phenomenon in language.phenomena
        if (patterns := phenomenon.patterns.get(sentiment))
    ]
    texts: list[str] = []
    alike: Counter[str] = Counter()
    while queues and len(texts) < count:
        alive = []
        rng.shuffle(queues)
        for social, patterns in queues:
            for _ in range(_PATIENCE):
                patterns.append(patterns.pop(0))
                plain, wording = _expand(patterns, social, language, rng)
                text = language.finish(plain, rng, social)
                if (key := re.sub(r"\W", "", text).lower()) in seen or alike[wording] == _ALIKE:
                    continue
                seen.add(key)
                alike[wording] += 1
                texts.append(text)
                alive.append((social, patterns))
                break
        queues = alive
    return texts[:count]


def _patterns(language: str) -> list[_Phenomenon]:
    phenomena: list[_Phenomenon] = []
    for line in (_HERE / f"written_{language}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            phenomena.append(_Phenomenon(line.endswith("~"), {}))
        else:
            phenomena[-1].patterns.setdefault(_SIGNS[line[0]], []).append(line[2:])
    return phenomena


def _expand(patterns: list[str], social: bool, language: _Language, rng: random.Random) -> tuple[str, str]:
    """Fill the last of the patterns, at times in a frame of plain facts or, in the social register, with another.

    The second text returned is the wording: the sentence without its names and figures.
    """
    memo = language.figures(rng)
    # Two clauses of one sentence must not speak of the same thing.
    (memo["goodc"], _), (_, memo["badc"]) = (
        (fill(good, memo, language.words, rng), fill(bad, memo, language.words, rng))
        for good, bad in rng.sample(language.clauses, 2)
    )
    pattern, other = patterns[-1], rng.choice(patterns)
    if social and pattern != other and rng.random() < 0.25 and not ("c}" in pattern and "c}" in other):
        pattern += "{join}" + other
    text = fill(pattern, memo, language.words, rng)
    if not social and text.startswith(memo.get("co", "\n")) and (frame := rng.random()) < 0.35:
        lead, tail = ("{lead}", "") if frame < 0.17 else ("", "{tail}")
        text = fill(lead, memo, language.words, rng) + text + fill(tail, memo, language.words, rng)
    wording = re.sub(r"[\d,.]+", "0", text)
    for name in sorted(filter(_NAME.fullmatch, memo), key=lambda name: -len(memo[name])):
        wording = wording.replace(memo[name], "#")
    return text, wording


def fill(pattern: str, memo: dict[str, str], words: dict[str, str], rng: random.Random) -> str:
    """Return the pattern with choices made and slots filled, from what `memo` already holds or else from `words`.

    A slot keeps its value within the sentence, unless it is written `{name#}`; `{noun=good}` draws from the words
    `good` for every `{noun}` to come; `{co2}` is drawn as `{co}` is, but differs from it.
    """

    def draw(name: str) -> str:
        return fill(words[name.rstrip("0123456789")], memo, words, rng)

    def slot(found: re.Match[str]) -> str:
        name, source, fresh = found.groups()
        if source:
            memo[name] = memo[source] if source in memo and source not in words else draw(source)
            return ""
        if fresh:
            return draw(name)
        if name not in memo:
            value = draw(name)
            while name[-1].isdigit() and value == memo.get(name.rstrip("0123456789")):
                value = draw(name)
            memo[name] = value
        return memo[name]

    while _CHOICE.search(pattern):
        pattern = _CHOICE.sub(lambda found: rng.choice(found[1].split("|")), pattern)
    return _SLOT.sub(slot, pattern)

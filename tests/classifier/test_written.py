import re
from collections import Counter

import pytest

from classifier.training.written import SHARES, Written, written

# "operating profit was EUR 2.9 mn, compared with EUR 4.2 mn a year earlier": no verb tells the direction.
COMPARATIVES = {
    "en": re.compile(
        r"(?P<noun>profit|revenue|turnover|intake|EBIT|backlog|net debt|net loss|operating loss|cash burn|expense) "
        r"(?:was|totalled|amounted to|came (?:in at|to)|stood at|of) (?P<now>\D*?[\d,.]+)[^;]*, "
        r"(?:compared with|compared to|against|versus|following) (?P<was>\D*[\d,.]+)",
        re.IGNORECASE,
    ),
    "zh": re.compile(
        r"(?P<noun>净利润|收入|营收|利润总额|毛利|净亏损|财务费用|利息支出|有息负债|减值损失|退货金额)为?(?P<now>\D{0,4}[\d,.]+)"
        r"\D{1,4}[，, ]而?(?:上年|去年|\d{4}年)同期则?[为是](?P<was>\D{0,4}[\d,.]+)"
    ),
}
BURDENS = {"net debt", "net loss", "operating loss", "cash burn", "expense"} | {
    "净亏损", "财务费用", "利息支出", "有息负债", "减值损失", "退货金额",
}  # fmt: skip


@pytest.fixture(scope="module")
def sentences() -> list[Written]:
    return written(3000, seed=5)


def test_same_seed_gives_the_same_sentences() -> None:
    assert written(300, seed=5) == written(300, seed=5) != written(300, seed=6)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_language_has_its_count_in_the_right_shares(sentences: list[Written], language: str) -> None:
    counts = Counter(sentence.sentiment for sentence in sentences if sentence.language == language)
    assert {sentiment: counts[sentiment] / 3000 for sentiment in counts} == pytest.approx(SHARES, abs=0.01)


def test_sentences_are_distinct_whole_and_short(sentences: list[Written]) -> None:
    texts = [sentence.text for sentence in sentences]
    assert len(set(texts)) == len(texts)
    assert all(text.strip() and len(text) < 400 for text in texts)
    assert not [text for text in texts if re.search(r"[\[\]{}|]", text)], "a pattern was left unfilled"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_comparatives_agree_with_their_numbers(sentences: list[Written], language: str) -> None:
    told = Counter[str]()
    for text, _, sentiment in (sentence for sentence in sentences if sentence.language == language):
        if found := COMPARATIVES[language].search(text):
            now, was = (_number(found[name]) for name in ("now", "was"))
            better = (now > was) - (now < was)
            if found["noun"].lower() in BURDENS:
                better = -better
            assert sentiment == ("neutral", "positive", "negative")[better], text
            told[sentiment] += 1
    assert told["positive"] > 5
    assert told["negative"] > 5


def _number(text: str) -> float:
    return float(re.sub(r"[^\d.]", "", text).strip("."))

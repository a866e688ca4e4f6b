"""Claims about what people read, in both languages, and about what strangers cannot do through it."""

import re
import unicodedata
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alerts.describe import describe, describe_line
from alerts.events import Alert, Driver, Drivers, EventKind, Member, SeriesRef
from alerts.incidents import apply
from alerts.message import EVIDENCE, EXCERPT_CHARACTERS, Language, render
from alerts.plain import plain
from tests.alerts.examples import TOPICS_EN, TOPICS_ZH, alert, episode, measured, post

HOSTILE = "a<script>alert(1)</script>\r\nBcc: x@y.example\x1b[31m\x1b]0;t\x07\u202e\x00\u2028<img src=x onerror=y>"


class Tags(HTMLParser):
    """All elements and attributes of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]


def market(event: EventKind = "fired") -> Alert:
    """Thirty of three hundred companies within an hour."""
    figures = {"negatives": 30, "total": 300, "expected": 0.446, "expected_low": 0, "expected_high": 1}
    members = tuple(Member(f"C{n}", f"inc-{n}") for n in range(30))
    strongest = msgspec.structs.replace(post(1), why="strongest negative story of 600519.SH, told by 12 posts")
    return msgspec.structs.replace(
        measured(alert(event, evidence=(strongest,)), key="companies", **figures),
        series=SeriesRef("market", "all"),
        members=members,
    )


def test_a_market_incident_says_how_many_companies_and_names_the_first() -> None:
    lines = render(market(), "en").text.splitlines()
    assert lines[0] == "Whole market · many companies at once · critical"
    assert lines[2] == (
        "In the past hour (to 2026-01-05 13:00 UTC) 30 out of 300 companies came under fire, usually about 0.4 "
        "(80 % interval 0–1). 3 old posts arrived late and did not count."
    )
    assert lines[3] == "Who: C0, C1, C2, C3, C4, C5, C6, C7, 22 more."
    assert "strongest negative story of 600519.SH, told by 12 posts" in render(market(), "en").text


def test_a_market_incident_in_chinese() -> None:
    lines = render(market("resolved"), "zh").text.splitlines()
    assert lines[0] == "全市场 · 多家公司同时告急 · 已恢复"
    assert lines[3] == "涉及公司：C0，C1，C2，C3，C4，C5，C6，C7，另 22 家。"
    assert "600519.SH 的最强负面事件，共 12 帖" in render(market(), "zh").text
    assert "负面占比" not in render(market(), "zh").text


def test_english_says_what_how_much_why_and_shows_the_posts() -> None:
    message = render(alert(), "en", "http://desk.example/", TOPICS_EN)
    assert message.subject == "002594.SZ / 1211.HK · negative surge · critical"
    assert message.text.splitlines()[:7] == [
        message.subject,
        "",
        "In the past hour (to 2026-01-05 13:00 UTC) 47 independent negative voices out of 66, "
        "usually about 6 (80 % interval 2–11). Negative share 71 %, usually 24 %. "
        "3 old posts arrived late and did not count.",
        "Why: Recall 62 %, Battery supply 21 %, other 17 %.",
        "Where: snowball 50 %, wire 30 %, forum 20 %.",
        "",
        "① 2026-01-05 12:01 UTC snowball  “Northlake recalls its cars, brakes fail”",
    ]
    assert "strongest negative story, told by 12 posts, score −0.93 · https://news.example/1" in message.text
    assert message.text.endswith("Open the desk: http://desk.example/#incident-inc-1\n")


def test_chinese_says_the_same() -> None:
    message = render(alert(), "zh", "http://desk.example", TOPICS_ZH)
    assert message.subject == "002594.SZ / 1211.HK · 负面舆情激增 · 严重"
    assert message.text.splitlines()[2:5] == [
        "过去 1 小时（截至 2026-01-05 13:00 UTC）47 条独立负面声音（共 66 条），平时这个时段约 6（80% 区间 2–11）；"
        "负面占比 71%，平时 24%。另有 3 条迟到的旧帖，不计入。",
        "起因：召回传闻 62%，电池供应 21%，其他 17%。",
        "来源：snowball 50%，wire 30%，forum 20%。",
    ]
    assert "最强负面事件，共 12 帖，情绪分 −0.93" in message.text


@pytest.mark.parametrize(
    ("language", "escalated", "resolved"),
    [
        ("en", ("escalated to critical", "Now critical: in the past hour"), ("resolved", "Back to usual: in the past")),
        ("zh", ("升级为严重", "已升级为严重：过去 1 小时"), ("已恢复", "已回落至平时水平：过去 1 小时")),
    ],
)
def test_escalated_and_resolved_have_sentences_of_their_own(
    language: Language, escalated: tuple[str, str], resolved: tuple[str, str]
) -> None:
    for one, (head, sentence) in zip(episode()[1:], (escalated, resolved), strict=True):
        message = render(one, language)
        assert message.subject.endswith(head)
        assert sentence in message.text


def test_an_expected_count_has_one_decimal_where_it_says_something() -> None:
    assert "about 6.4 (" in render(measured(alert(), expected=6.37)).text
    assert "about 0.3 (" in render(measured(alert(), expected=0.26)).text
    assert "about 6 (" in render(measured(alert(), expected=5.98)).text


def test_windows_and_single_voices_are_said_as_people_say_them() -> None:
    one = measured(alert(), negatives=1, total=5, stale=0, window_minutes=15)
    assert "In the past 15 minutes" in render(one).text
    assert "1 independent negative voice out of 5" in render(one).text
    assert "old post" not in render(one).text
    assert "过去 15 分钟" in render(one, "zh").text
    assert "In the past 4 hours" in render(measured(one, window_minutes=240)).text


def test_more_than_three_drivers_are_summed_as_other() -> None:
    many = tuple(Driver(name, share) for name, share in zip("abcde", (0.4, 0.3, 0.2, 0.06, 0.04), strict=True))
    message = render(msgspec.structs.replace(alert(), drivers=Drivers(many, (), ())))
    assert "Why: a 40 %, b 30 %, c 20 %, other 10 %." in message.text
    assert "Where" not in message.text


def test_a_story_is_shown_once_and_at_most_five_posts_are() -> None:
    same = (post(1), post(2, story="story-1"), *(post(n) for n in range(3, 9)))
    text = render(alert(evidence=same)).text
    assert "https://news.example/1" in text
    assert "https://news.example/2" not in text
    assert len(re.findall(r"^[①-⑳]", text, re.MULTILINE)) == EVIDENCE


def test_long_texts_are_cut_by_characters() -> None:
    text = render(alert(evidence=(post(1, "亏" * 5000),))).text
    assert f"“{'亏' * (EXCERPT_CHARACTERS - 1)}…”" in text


def test_topics_and_the_market_are_named() -> None:
    topic = msgspec.structs.replace(alert(), series=SeriesRef("topic", "recall"))
    assert render(topic, "zh", topic_names=TOPICS_ZH).subject.startswith("召回传闻 · ")
    both = msgspec.structs.replace(alert(), series=SeriesRef("issuer_topic", "002594.SZ|recall"))
    assert render(both, topic_names=TOPICS_EN).subject.startswith("002594.SZ, Recall · ")
    market = msgspec.structs.replace(alert(), series=SeriesRef("market", "all"))
    assert render(market).subject.startswith("Whole market · ")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_hostile_text_is_inert_wherever_it_stands(language: Language) -> None:
    evil = msgspec.structs.replace(
        alert(),
        incident=HOSTILE,
        series=SeriesRef("issuer", HOSTILE, (HOSTILE,)),
        evidence=(
            msgspec.structs.replace(post(1, HOSTILE), source=HOSTILE, why=HOSTILE, url=HOSTILE),
            msgspec.structs.replace(post(2), url="javascript:alert(1)"),
            msgspec.structs.replace(post(3), url='https://x.example/"onclick="y'),
        ),
        drivers=Drivers((Driver(HOSTILE, 1.0),), (Driver(HOSTILE, 1.0),), ()),
    )
    message = render(evil, language, "http://desk.example")
    found = Tags(message.html)
    assert not found.tags & {"script", "img"}
    assert found.attributes <= {"lang", "charset", "style", "href", "rel"}
    assert all(link.startswith(("https://x.example/", "http://desk.example/")) for link in found.links)
    assert len(message.subject.splitlines()) == 1
    assert not re.search(r"^Bcc", message.text, re.MULTILINE)
    for text in (message.subject, message.text, message.html):
        assert not [c for c in text if c != "\n" and unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]


@given(st.text(alphabet=st.characters(), max_size=200))
@example("0\r\x7f\r0")
def test_plain_text_is_one_line_without_controls(text: str) -> None:
    made = plain(text)
    assert plain(made) == made
    assert len(made.splitlines()) <= 1
    assert not [c for c in made if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]


def test_plain_leaves_ordinary_text_alone() -> None:
    assert plain("比亚迪 −0.9% “召回” 🙂 é") == "比亚迪 −0.9% “召回” 🙂 é"


def test_an_escape_that_does_not_end_hides_nothing() -> None:
    assert plain("before \x1b]0; " + "after " * 100).endswith("after after")


def test_a_line_and_a_full_page_describe_an_incident() -> None:
    incident = None
    for one in episode():
        incident = apply(incident, one)
    assert incident is not None
    line = describe_line(incident)
    assert line.startswith("2026-01-05 13:00 UTC  resolved      critical  002594.SZ / 1211.HK · negative surge")
    assert line.endswith("47/66 (6, 2–11)  inc-1")
    page = describe(incident, "en", None, TOPICS_EN)
    assert "Now critical" in page  # what raised it; that it is over stands in the timeline
    assert page.count("detector\n") == 3
    assert "  2026-01-05 13:15 UTC  escalated     critical  detector\n" in page

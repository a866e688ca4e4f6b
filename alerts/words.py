"""The words of messages in each language, and nothing else: a new language is one more `Words`."""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from alerts.events import EventKind, MeasureKey, Severity


class Words(NamedTuple):
    """All that `message` says in one language; fields in braces are filled in there."""

    tag: str
    percent: str
    comma: str
    quote: str
    line: str
    marks: tuple[str, ...]
    severity: Mapping[Severity, str]
    measure: Mapping[MeasureKey, str]
    lead: Mapping[EventKind, str]
    prefix: Mapping[EventKind, str]
    resolved: str
    escalated: str
    told: Mapping[MeasureKey, str]
    back: Mapping[MeasureKey, str]
    members: str
    more: str
    topics: str
    sources: str
    other: str
    market: str
    score: str
    desk: str
    window: Callable[[int], str]
    span: Callable[[int], str]
    voices: Mapping[MeasureKey, str]
    stale: Callable[[int], str]
    why: Callable[[str], str]


def _window_en(minutes: int) -> str:
    if minutes % 60:
        return f"{minutes} minutes" if minutes < 180 else f"{minutes // 60} hours {minutes % 60} minutes"
    return "hour" if minutes == 60 else f"{minutes // 60} hours"


def _span_en(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return " ".join([*([f"{hours} h"] if hours else []), *([f"{rest} min"] if rest or not hours else [])])


def _window_zh(minutes: int) -> str:
    if minutes % 60:
        return f"{minutes} 分钟" if minutes < 180 else f"{minutes // 60} 小时 {minutes % 60} 分钟"
    return f"{minutes // 60} 小时"


def _stale_en(stale: int) -> str:
    return f" {stale} old post{'' if stale == 1 else 's'} arrived late and did not count."


def _stale_zh(stale: int) -> str:
    return f"另有 {stale} 条迟到的旧帖，不计入。"


def _why_zh(why: str) -> str:
    """The watch gives its reasons in English; those that it has are said in Chinese, any other is left as it is."""
    why = re.sub(r"strongest negative story of (\S+?)(?=,|$)", r"\1 的最强负面事件", why)
    why = why.replace("strongest negative story", "最强负面事件").replace("most told story", "转述最多的事件")
    why = re.sub(r"negative story ranked (\d+)", r"负面强度第 \1", why)
    why = re.sub(r"^source (\d+) to tell it", r"第 \1 个来源", why.replace("first told here", "最先报道"))
    why = re.sub(r"^story ranked (\d+)", r"转述量第 \1", why)
    return re.sub(r", told by (\d+) posts", r"，共 \1 帖", why)


_MARKS = ("①", "②", "③", "④", "⑤")

_IN_EN = "{lead} the past {window} (to {until}) {voices}, "
_IN_ZH = "{lead}过去 {window}（截至 {until}）{voices}，"
_USUAL_EN = "usually about {usual} (80 % interval {low}–{high})."
_USUAL_ZH = "平时这个时段约 {usual}（80% 区间 {low}–{high}）"
_SHARES_EN = " Negative share {share}, usually {usual_share}."
_OF_ALL_EN = "a share of {share} against {usual_share} as usual."
_OF_ALL_ZH = "占 {share}，平时 {usual_share}。"
_SHARES_ZH = "；负面占比 {share}，平时 {usual_share}。"

WORDS: Mapping[str, Words] = {
    "en": Words(
        tag="en",
        percent=" %",
        comma=", ",
        quote="“{text}”",
        line="{label}: {rest}.",
        marks=_MARKS,
        severity={"warning": "warning", "major": "major", "critical": "critical"},
        measure={
            "negative_share": "negative surge",
            "volume": "volume surge",
            "silence": "silence",
            "lag": "source lag",
            "mix": "shift of topics",
            "breakout": "story breakout",
            "companies": "many companies at once",
        },
        lead={"fired": "In", "escalated": "Now {severity}: in", "resolved": "Back to usual: in"},
        prefix={"fired": "", "escalated": "Now {severity}: ", "resolved": ""},
        resolved="resolved",
        escalated="escalated to {severity}",
        told={
            "negative_share": _IN_EN + _USUAL_EN + _SHARES_EN,
            "volume": _IN_EN + "{times} times the usual {usual} (80 % interval {low}–{high})." + _SHARES_EN,
            "silence": "{lead} the past {window} (to {until}) {voices}, where about {usual} were expected "
            "(80 % interval {low}–{high}).",
            "breakout": "{prefix}{voices} within {span} (to {until}), {share} of them negative; "
            "the rule asks for {asked} sources.",
            "mix": _IN_EN + _OF_ALL_EN,
            "lag": _IN_EN + _OF_ALL_EN,
            "companies": _IN_EN + _USUAL_EN,
        },
        back={
            "breakout": "No longer told by {asked} sources (to {until}): {voices} within {span}, "
            "{share} of them negative.",
            "silence": "Heard again (to {until}) after {span} without a post, where about {usual} were expected.",
        },
        members="Who",
        more="{number} more",
        topics="Why",
        sources="Where",
        other="other",
        market="Whole market",
        score="score",
        desk="Open the desk",
        window=_window_en,
        span=_span_en,
        voices={
            "negative_share": "{negatives} independent negative voice{s} out of {total}",
            "volume": "{total} independent voice{s}",
            "silence": "no post came",
            "lag": "{negatives} out of {total} posts came late",
            "mix": "{negatives} out of {total} independent voices about the company spoke of this topic",
            "breakout": "{score} independent sources told one story, in {posts} posts",
            "companies": "{negatives} out of {total} companies came under fire",
        },
        stale=_stale_en,
        why=str,
    ),
    "zh": Words(
        tag="zh",
        percent="%",
        comma="，",
        quote="“{text}”",
        line="{label}：{rest}。",
        marks=_MARKS,
        severity={"warning": "注意", "major": "较重", "critical": "严重"},
        measure={
            "negative_share": "负面舆情激增",
            "volume": "讨论量激增",
            "silence": "静默",
            "lag": "来源延迟",
            "mix": "主题转移",
            "breakout": "事件扩散",
            "companies": "多家公司同时告急",
        },
        lead={"fired": "", "escalated": "已升级为{severity}：", "resolved": "已回落至平时水平："},
        prefix={"fired": "", "escalated": "已升级为{severity}：", "resolved": ""},
        resolved="已恢复",
        escalated="升级为{severity}",
        told={
            "negative_share": _IN_ZH + _USUAL_ZH + _SHARES_ZH,
            "volume": _IN_ZH + "是平时这个时段 {usual} 条（80% 区间 {low}–{high}）的 {times} 倍" + _SHARES_ZH,
            "silence": _IN_ZH + "平时应有约 {usual} 条（80% 区间 {low}–{high}）。",
            "breakout": "{prefix}{window} 内（截至 {until}）{voices}，其中负面 {share}；规则要求 {asked} 个来源。",
            "mix": _IN_ZH + _OF_ALL_ZH,
            "lag": _IN_ZH + _OF_ALL_ZH,
            "companies": _IN_ZH + _USUAL_ZH + "。",
        },
        back={
            "breakout": "已不再有 {asked} 个来源转述（截至 {until}）：{window} 内{voices}，其中负面 {share}。",
            "silence": "已恢复发帖（截至 {until}），此前 {window} 没有任何帖子，平时应有约 {usual} 条。",
        },
        members="涉及公司",
        more="另 {number} 家",
        topics="起因",
        sources="来源",
        other="其他",
        market="全市场",
        score="情绪分",
        desk="打开看板",
        window=_window_zh,
        span=_window_zh,
        voices={
            "negative_share": "{negatives} 条独立负面声音（共 {total} 条）",
            "volume": "{total} 条独立声音",
            "silence": "没有任何帖子",
            "lag": "{total} 帖中有 {negatives} 帖迟到",
            "mix": "该公司 {total} 条独立声音中有 {negatives} 条谈及此主题",
            "breakout": "{score} 个独立来源转述同一事件，共 {posts} 帖",
            "companies": "{negatives} 家公司同时出现负面激增（共 {total} 家）",
        },
        stale=_stale_zh,
        why=_why_zh,
    ),
}

"""How sure a name is where it stands: what speaks for a company and what speaks for the word that it also is."""

import re

from stream.companies.table import Sort

BASE = {"sure": 0.9, "ticker": 0.6, "brand": 0.5, "word": 0.2}
NEAR = 40  # characters on each side that may speak for or against
MOST = 0.9

_ZH_AFTER = re.compile(
    r"(?:[A-Z]股|股份|公司|集团|控股|股东|大股东|股价|涨停|跌停|公告|净利|营收|业绩|减持|增持|拟|[一二三]?季报|年报|半年报|中报|上市|"
    r"董事|高管|子公司|实控人|实际控制人|回购|定增|重组|停牌|复牌|质押|分红|中标|预增|预亏|扭亏|亏损|盈利|发布|宣布|推出|回应|"
    r"CEO|总裁|创始人|起诉|收购|遭|被|获|市值|财报|概念|[0-9一二三四五六七八九十]+连板|大涨|大跌|涨|跌|领涨|领跌|跳水|封板|"
    r"手机|[：:(（]|\d{4}年|\d{1,2}(?:-\d{1,2})?月|[一二三四上下前]+(?:季度|半年)|20\d\d|签|与|将|旗下|去年|今年|近期|区间|今日|早盘|午后|盘中|开盘|收盘)"
)
_ZH_BEFORE = re.compile(
    r"(?:股东|收购|入股|买入|看好|加仓|持有|抛售|减持|增持|龙头|包括|其中|满仓|重仓|割肉|建仓|清仓|上市公司|股票|个股|起诉|【|"
    r"^\W*)$"
)
# Characters between words. A word behind any other is the tail of a longer name: 某某机器人, 普普文化.
_ZH_JOINS = frozenset("的和与及或跟对被由将向在是为了从到买卖持有于给让把当称家像而就还都也说看")
_ZH_LIST = re.compile(r"^[、,，]|[、]$")
_EN_AFTER = re.compile(
    r"(?:['’]s?)?,?\s+(?:Inc|Corp|Co|Ltd|LLC|plc|PLC|Group|Holdings|shares?|stocks?|earnings|revenues?|profits?|results|"
    r"CEO|CFO|chief|reports?|reported|posts|posted|beats?|misses|missed|says|said|unveils?|launch\w*|announce[sd]?|"
    r"sues|sued|plans?|cuts|raises|hires|fires|recalls?|acquires?|buys|sells|agrees|files|wins|loses|falls?|rises?|"
    r"jumps?|drops?|plunges?|surges?|soars?|tumbles?|slides?|gains?|climbs?|sinks?|slips?|dividend|guidance|outlook|"
    r"upgraded|downgraded|price target|store|stores|Q[1-4]|IPO|"
    r"to (?:buy|sell|cut|launch|acquire|pay|invest|close|open))\b"
    r"|\s*\((?:NYSE|NASDAQ|Nasdaq|[A-Z]{1,5}\))|\s*[:,]?\s*\$[A-Z]"
)
_EN_BEFORE = re.compile(
    r"(?:shares of|stock of|stake in|bought|buy|sell|short|long|upgrades|downgrades|acquires?|acquire|acquisition of|"
    r"sues|suing|owns?|like|and|at|from|by|of|with|CEO of|for|in|vs\.?|versus|tech giant|retailer|"
    r"\$[A-Z]{1,5})[\s:-]*$",
    re.IGNORECASE,
)
_EN_CUES = re.compile(
    r"\b(?:shares?|stocks?|earnings|revenue|profit|sales|CEO|CFO|Q[1-4]|quarter(?:ly)?|guidance|upgrad\w+|downgrad\w+|"
    r"analysts?|price target|dividend|buyback|IPO|market cap|invest\w*|acqui\w+|merger|lawsuit|layoffs?|billion|bn|"
    r"million|NYSE|Nasdaq|Wall Street|traders?|trading|calls|puts|bullish|bearish)\b|\$[A-Z]|\d%"
)
# A bank or broker that speaks about others, as analysts do, is not what the post is about.
_EN_SPEAKER_AFTER = re.compile(
    r"(?:['’]s)?\s+(?:analysts?|economists?|strategists?|(?:up|down)grades?|initiates?|starts|reiterates|maintains|"
    r"(?:ups|raises?|raised|cuts?|lowers?|boosts?|hikes?|trims?|sets?|keeps)\b.{0,36}\b(?:target|rating|PT|estimates?))\b",
    re.IGNORECASE,
)
_EN_SPEAKER_BEFORE = re.compile(
    r"(?:(?:analysts?|economists?|strategists?) (?:at|from)|(?:rating|coverage|price target|note) (?:\S+ )?"
    r"(?:from|by|at)|"
    r"(?:up|down)graded (?:to \S+ |\S+ )?(?:by|at)|(?:reiterated|initiated|cut|raised|lowered) (?:by|at)|"
    r"according to)\s*$",
    re.IGNORECASE,
)
_ZH_SPEAKER_AFTER = re.compile(
    r"(?:(?:证券|国际|银行)?[：:](?!.{0,12}(?:净利|营收|公告|拟)).{0,24}"
    r"(?:评级|目标价|看好|建议|预计|料|维持|上调|下调|认为|有望|或将|关注|投资)|"
    r"(?:首席|分析师|经济学家|策略师|研报|研究报告|研究员|团队|发表报告|报告指|认为|指出)|"
    r"(?:将|上调|下调|维持|予|给予|重申|首予|对).{0,24}(?:评级|目标价))"
)

_PRODUCTS = re.compile(r"iPhone|iPad|iOS|Macs?\b|Watch|AWS|Prime|Kindle|Alexa|Android", re.IGNORECASE)
_LETTERS = re.compile(r"[A-Za-z]")


def speaks_of_others(text: str, start: int, end: int) -> bool:
    """Say whether a bank or broker named at text[start:end] is there as an analyst of others."""
    before, after = text[max(0, start - NEAR) : start], text[end : end + 2 * NEAR]
    if _LETTERS.match(text[start]):
        return bool(_EN_SPEAKER_AFTER.match(after) or _EN_SPEAKER_BEFORE.search(before))
    return bool(_ZH_SPEAKER_AFTER.match(after))


def confidence(text: str, start: int, end: int, sort: Sort, against: tuple[str, ...], listed: bool) -> float:
    """Return how sure it is that text[start:end] means the company. `listed`: other companies are surely named."""
    base = BASE[sort]
    before, after = text[max(0, start - NEAR) : start], text[end : end + NEAR]
    latin = bool(_LETTERS.match(text[start]))
    if against and _speaks_against(before, text[start:end], after, against):
        base -= 0.5
    if sort == "sure":
        return base
    speaks = _english(text, before, after, start, end, sort) if latin else _chinese(before, after, sort, listed)
    return round(min(MOST, max(0.05, base + speaks)), 2)


def _speaks_against(before: str, seen: str, after: str, against: tuple[str, ...]) -> bool:
    if not _LETTERS.match(seen):
        near = before[-10:] + seen + after[:10]  # with the name: 吃苹果, 微博通报
        return any(word in near for word in against)
    words = set(re.findall(r"[\w-]+", (before[-24:] + " | " + after[:24]).lower()))
    return any(word.lower() in words for word in against)


def _chinese(before: str, after: str, sort: Sort, listed: bool) -> float:
    speaks = 0.0
    if _ZH_AFTER.match(after):
        speaks += 0.4
    if _ZH_BEFORE.search(before[-6:]):
        speaks += 0.15
    elif sort == "word" and before[-1:] >= "\u4e00" and before[-1] <= "\u9fff" and before[-1] not in _ZH_JOINS:
        speaks -= 0.4
    if listed and (_ZH_LIST.match(after) or before.endswith("、")):
        speaks += 0.4
    return speaks


def _english(text: str, before: str, after: str, start: int, end: int, sort: Sort) -> float:
    speaks = 0.0
    mixed = not text[:200].isupper()
    if _EN_AFTER.match(after):
        speaks += 0.35
    if _EN_BEFORE.search(before) and before[:1]:
        speaks += 0.1
    if _EN_CUES.search(before) or _EN_CUES.search(after) or _PRODUCTS.search(after):
        speaks += 0.15 if sort in ("brand", "ticker") else 0.05
    if not mixed or (sort == "ticker" and _capitals_around(before, after)):
        speaks -= 0.2
    if sort == "ticker" and end - start <= 3:
        speaks -= 0.15
    if sort in ("brand", "word") and end - start > 3 and text[start:end].isupper():
        speaks -= 0.2  # TARGET, SNAP: shouted words
    return speaks


def _capitals_around(before: str, after: str) -> bool:
    """A word in capitals says nothing where its neighbours are in capitals too."""
    around = [*before.split()[-2:], *after.split()[:2]]
    letters = [word for word in around if _LETTERS.match(word)]
    return bool(letters) and all(word.isupper() for word in letters)

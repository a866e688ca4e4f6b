"""Invented reports as a wire would write them, in English and Chinese: a headline, two sentences, all with slots. Two
reports from one mould differ in company, numbers or event. How they are retold: `syndication`.
"""

import random
from typing import NamedTuple

from stream.sample.phrases import SLOTS, Lang
from stream.sample.world import COMPANIES, Company

# {n} company, {t} its product, {k} {m} numbers, {p} a percentage, {city} {firm} {q} as in `phrases`, {name} a person
_Moulds = dict[Lang, tuple[str, ...]]

_LEADS: _Moulds = {
    "en": (
        "{n} recalls {k} {t} after a fault was found in {city}",
        "{n} reports {q} loss of {m} million dollars as sales of {t} slump {p} percent",
        "regulator in {city} fines {n} {m} million dollars over {t}",
        "{n} names {name} chief executive after a turbulent {q}",
        "{n} to buy a {p} percent stake in {firm} for {m} million dollars",
        "fire at the {city} plant of {n} halts production of {t}",
        "{firm} sues {n} over patents behind {t}, seeks {m} million dollars",
        "{n} wins an order from {city} for {k} {t}",
        "{n} to close its {city} site and dismiss {k} workers",
        "hackers stole records of {k} customers from {n}, company says",
        "{n} raises {q} forecast on demand for {t}",
        "{n} delays the launch of {t} to {q} after tests in {city} fail",
        "workers of {n} in {city} begin a strike over pay",
        "{n} sells its {city} unit to {firm} for {m} million dollars",
        "{name} resigns as finance chief of {n} amid an accounting review",
        "court in {city} dismisses the case of {firm} against {n}",
    ),
    "zh": (
        "{n}因发现隐患宣布召回{k}件{t}，涉及{city}批次",
        "{n}{q}净亏损{m}亿元，{t}销量同比下滑{p}%",
        "{city}监管部门因{t}问题对{n}处以{m}万元罚款",
        "{n}任命{name}为总经理，此前管理层经历{q}动荡",
        "{n}拟以{m}亿元收购{firm}{p}%股权",
        "{n}{city}工厂发生火灾，{t}生产线全部停产",
        "{firm}起诉{n}，称{t}侵犯专利并索赔{m}亿元",
        "{n}中标{city}项目，将供应{k}件{t}",
        "{n}将关闭{city}基地，裁员{k}人",
        "{n}称遭黑客攻击，{k}名客户资料外泄",
        "{n}上调{q}业绩预期，称{t}需求旺盛",
        "{n}{t}在{city}测试未通过，发布推迟至{q}",
        "{n}{city}员工因薪酬问题开始罢工",
        "{n}以{m}亿元向{firm}出售{city}子公司",
        "{n}财务总监{name}辞职，公司正接受会计审查",
        "{city}法院驳回{firm}对{n}的诉讼请求",
    ),
}
_DETAILS: _Moulds = {
    "en": (
        "the company informed the exchange after trading ended and gave no further details",
        "{name}, an analyst at {firm}, called the step overdue",
        "a spokesman for the company in {city} declined to say what it would cost",
        "the matter had been under review since spring, two people familiar with it said",
        "customers of {t} will be told by letter within the month",
        "the supervisory board met in {city} on short notice",
        "suppliers around {city} fear for orders worth {m} million dollars",
        "it is the second such announcement since the merger with {firm}",
        "deliveries of {t} go on for now, according to the management",
        "the shares had been among the weakest of the sector since winter",
        "investors had expected the news, though not its scale",
        "the union wants talks with {name} before the summer break",
    ),
    "zh": (
        "公司在收盘后向交易所报告，未披露更多细节",
        "{firm}分析师{name}表示，这一步早该迈出",
        "公司{city}发言人拒绝透露相关成本",
        "两位知情人士称，此事自春季以来一直在审查之中",
        "{t}用户将在本月内收到书面通知",
        "董事会在{city}召开了临时会议",
        "{city}周边供应商担心价值{m}亿元的订单受影响",
        "这是与{firm}合并以来第二次发布此类公告",
        "管理层称目前{t}交付照常进行",
        "自冬季以来该股一直是板块中表现最弱的之一",
        "投资者对此已有预期，但规模超出想象",
        "工会希望在夏休之前与{name}会谈",
    ),
}
_NAMES: _Moulds = {
    "en": (
        "Ada Brenk",
        "Tomas Ilver",
        "Mira Doss",
        "Joon Halvek",
        "Petra Sorn",
        "Ivo Castell",
        "Lena Okur",
        "Rafe Timm",
    ),
    "zh": ("林朔", "周以宁", "何清越", "陆承安", "苏佩文", "高见深", "秦若川", "方怀谷"),
}


class Report(NamedTuple):
    """One report: sentences without a full stop about `company`, and the numbers that stand in them. `rival` is a
    company of which no other report tells the same kind of event."""

    company: Company
    rival: Company
    lang: Lang
    sentences: tuple[str, ...]
    numbers: tuple[str, ...]


def reports(rng: random.Random, most: int) -> list[Report]:
    """Up to `most` reports, each of another event: no company has the same kind of event twice in a language."""
    events = []
    for lang, leads in _LEADS.items():
        for lead in leads:
            companies = rng.sample(COMPANIES, len(COMPANIES))
            pairs = zip(companies[::2], companies[1::2], strict=False)
            events += [(lang, lead, company, rival) for company, rival in pairs]
    rng.shuffle(events)
    return [_report(rng, *event) for event in events[:most]]


def _report(rng: random.Random, lang: Lang, lead: str, company: Company, rival: Company) -> Report:
    slots = SLOTS[lang]
    numbers = {
        "k": f"{rng.randint(12, 990) * 100:,}",
        "m": str(rng.randint(12, 990)),
        "p": str(rng.randint(11, 89) / 10),
    }
    words = {
        "n": company.en if lang == "en" else company.zh,
        "t": rng.choice(company.things_en if lang == "en" else company.things_zh),
        "city": rng.choice(slots["city"]),
        "firm": rng.choice(slots["firm"]),
        "q": rng.choice(slots["q"]),
        "name": rng.choice(_NAMES[lang]),
    }
    moulds = (lead, *rng.sample(_DETAILS[lang], rng.randint(0, 2)))
    sentences = tuple(mould.format(**words, **numbers) for mould in moulds)
    used = tuple(numbers[slot] for slot in "kmp" if any(f"{{{slot}}}" in mould for mould in moulds))
    return Report(company, rival, lang, sentences, used)

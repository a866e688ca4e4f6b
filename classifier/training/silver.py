"""Rules of our own that stand in for labels which no data set gives: topics of one language that only the other
names, and the mood of news in plain words. Used in training alone (mood at a low weight); never at inference.
"""

import re
import unicodedata
from functools import lru_cache

from classifier.labels import topic_ids

# A topic is here only where no set of that language can name it.
_TOPIC_RULES: dict[str, dict[str, str]] = {
    "en": {
        "industry": r"\b(?:industry|sector|(?:chip|car|auto|drug|steel|plane|toy)s?[ -]?makers|automakers|"
        r"(?:airline|cruise|bank|tech|retail|energy|chip|auto|ev|solar|cannabis) stocks)\b",
        "policy": r"\b(?:stimulus|subsid(?:y|ies)|tariffs?|sanctions?|legislation|executive order|export controls?|"
        r"infrastructure bill|tax (?:cuts?|credits?|plan|reform|bill|break)|relief bill|price cap)\b",
        "public_health": r"\b(?:covid(?:-19)?|coronavirus|pandemic|vaccin\w+|omicron|monkeypox|outbreak|epidemic|"
        r"public health|infections?)\b",
        "commodities": r"\b(?:commodit(?:y|ies)|wheat|corn|soy(?:a|bean)s?|coffee|cocoa|sugar|cotton|grains?|lumber|"
        r"cattle|hogs?|palm oil|fertilizers?|rice)\b",
        "real_estate": r"\b(?:real estate|housing|mortgages?|reits?|home (?:sales|prices|builders?|loans?|buyers?)|"
        r"homebuilders?|property (?:market|prices|developers?)|landlords?|realtors?|office space)\b",
        "crypto": r"\b(?:crypto\w*|bitcoin|btc|ethereum|ether|dogecoin|stablecoins?|blockchain|nfts?|coinbase)\b",
    },
    "zh": {
        "analyst_update": r"评级|目标价|研报|首次覆盖|(?:维持|给予|重申).{0,4}(?:买入|增持|推荐|中性|减持)",
        "central_banks": r"央行|降准|降息|加息|逆回购|美联储|欧洲中央银行|货币政策|准备金率|mlf|lpr",
        "dividend": r"分红|派息|派现|股息|送转|除权|除息|每\d+股派|红利",
        "earnings": r"净利|营收|业绩|年报|季报|中报|半年报|财报|预增|预亏|预减|扭亏|每股收益|由盈转亏|营业收入",
        "financials": r"银行|券商|信托|保险|险企|险资|证券(?!时报|日报|报|网|之星)|不良贷款|网贷|p2p",
        "metals": r"黄金|白银|金价|银价|铜|铝|锌|镍|稀土|钢|铁矿|锂|钴|钨|有色金属",
        "ipo": r"ipo|首发|新股|上市申请|招股|打新|过会|中签|申购|挂牌上市|赴港上市|首次公开",
        "legal_regulation": r"证监会|立案|处罚|罚款|罚单|诉讼|起诉|判决|监管函|问询函|关注函|警示函|违规|反垄断|"
        r"仲裁|法院|涉嫌|被调查|信披|侵权",
        "mergers": r"收购|并购|重组|入股|增资|股权转让|转让.{0,8}股权|控股权|要约|吸收合并|借壳|战略投资",
        "personnel": r"辞职|辞任|离任|聘任|聘请.{0,6}(?:总|长|官)|任命|出任|接任|换届|卸任|离职|新任|"
        r"选举.{0,8}(?:董事|监事)|变更(?:董事长|总经理|法定代表人)",
        "stock_commentary": r"加仓|减仓|补仓|满仓|空仓|抄底|割肉|套牢|被套|解套|庄家|主力|散户|洗盘|出货|建仓|持股|"
        r"支撑位|压力位|短线|后市",
        "stock_movement": r"涨停|跌停|异动|(?:股价|盘中|早盘|午后).{0,10}[涨跌]|[涨跌](?:超|逾|近|幅)|大涨|大跌|"
        r"暴涨|暴跌|封板|跳水|拉升|闪崩",
    },
}

# What any reader of financial news takes as bad or good, whatever stands around it.
_BAD = {
    "en": r"\b(?:fin(?:es|ed) .{0,40}(?:for|over)|bankruptcy|fraud\w*|money laundering|indict\w+|defaults? on|layoffs?|"
    r"lays? off|recalls?|data breach|plung\w+|tumbl\w+|slump\w*|misses (?:estimates|expectations)|profit warning|"
    r"cuts (?:its )?(?:forecast|outlook|guidance)|downgraded|delist\w*|accounting scandal|"
    r"resigns amid|steps down amid|under investigation|probe into|sued (?:by|for|over))\b",
    "zh": r"处罚|罚款|罚单|立案|违约|爆雷|暴跌|跌停|亏损|由盈转亏|下滑|造假|破产|召回|退市|停产|警示函|减持|欺诈|"
    r"冻结|爆炸|坍塌|事故|贪污|不良(?:贷款)?率上升|大跌|重挫|跌超|跌近|跌幅扩大|涉嫌|失败|预亏|预减|裁员|评级被下调|下调评级",
}
_GOOD = {
    "en": r"\b(?:soar\w*|surg(?:es|ed|ing)|rall(?:y|ies|ied)|record (?:profit|revenue|sales|high)|upgraded|"
    r"beats (?:estimates|expectations)|raises (?:its )?(?:forecast|outlook|guidance|dividend))\b",
    "zh": r"涨停|大涨|暴涨|大增|预增|增长|创(?:历史)?新高|中标|获批|超(?:出)?(?:市场)?预期|扭亏|增持|回购|上调评级|"
    r"涨超|涨近|涨幅扩大|翻倍|获得.{0,6}订单|签订.{0,8}合同|利好",
}

# Any of these makes a Chinese news line more than a plain report, for better or worse.
_MOOD = re.compile(
    r"[涨跌升降增减亏盈赢输优劣强弱违罚诉查处警危崩爆裁疑死伤亡冻贪骗欺怒怕忧喜赞佳差好坏新退损失败落困难险停缺跃热冷火牛熊高低破]|"
    r"利空|利润|收益|机会|看|突破|领先|成功|获|奖|创|支持|改善|恢复|复苏|压力|矛盾|冲突|战|疫|病|确诊|问题|投诉|召回|质疑|争议|"
    r"曝光|丑|拖欠|欠|逃|案|严重|大力|积极|加快|加大|推动|促进|繁荣|稳|超"
)


def ruled(language: str) -> tuple[int, ...]:
    """Return positions in `topic_ids()` of the topics that rules decide in this language."""
    return tuple(position for position, _ in _compiled(language))


def topics(text: str, language: str) -> tuple[int, ...]:
    """Return positions of the topics whose rule speaks for the text."""
    plain = unicodedata.normalize("NFKC", text).lower()
    return tuple(position for position, rule in _compiled(language) if rule.search(plain))


def mood(text: str, language: str) -> str | None:
    """Return the sentiment of a news text that has words of one kind only; a Chinese one without any is neutral."""
    plain = unicodedata.normalize("NFKC", text).lower()
    bad, good = bool(re.search(_BAD[language], plain)), bool(re.search(_GOOD[language], plain))
    if bad != good:
        return "negative" if bad else "positive"
    return "neutral" if language == "zh" and not bad and _MOOD.search(plain) is None else None


@lru_cache(maxsize=4)
def _compiled(language: str) -> tuple[tuple[int, re.Pattern[str]], ...]:
    rules = _TOPIC_RULES.get(language, {})
    return tuple((topic_ids().index(name), re.compile(rule)) for name, rule in rules.items())

"""Eleven broad sectors, read off an industry's or a company's name by its words. Rough, and said to be so."""

import re

_SECTORS = {
    "financials": r"bank|insur|financ|savings|credit serv|asset manag|invest|brokerage|capital|"
    r"银行|证券|保险|信托|期货|金控|资本",
    "health_care": r"health|pharm|biotech|drug|medic|therap|hospital|药|医|生物|健康",
    "information_technology": r"software|semicond|technolog|comput|electronic|internet|information|软件|半导体|芯|微电|"
    r"电子|信息|数据|网络|光电|智能|科技|通信",
    "communication_services": r"communicat|telecom|media|entertain|broadcast|publish|"
    r"传媒|出版|影视|广电|文化|电信|联通|移动",
    "energy": r"oil|gas drill|petrol|energy|coal|石油|石化|煤|油服|油气",
    "utilities": r"utilit|electric util|water util|power|电力|水务|燃气|热电|环保|环境|水电|核电",
    "real_estate": r"reit|real estate|property|properties|地产|置业|物业|房产|城建|置地",
    "materials": r"chemical|metal|steel|gold|mining|paper|material|silver|"
    r"钢|铜|铝|锌|稀土|化工|化学|水泥|材料|矿|纸|黄金|新材|玻璃",
    "consumer_staples": r"food|beverage|tobacco|cigarette|grocer|staples|酒|食品|乳业|牧业|农业|种业|饮料|粮|糖",
    "consumer_discretionary": r"retail|apparel|restaurant|auto|hotel|leisure|consumer|specialty|home|"
    r"汽车|电器|家居|服饰|旅游|酒店|百货|商业|家电|珠宝",
    "industrials": r"industr|machin|aero|airline|ship|rail|truck|constru|transport|business serv|conglomer|"
    r"重工|机械|航空|航天|船舶|港|高速|铁路|物流|建设|建筑|工程|电气|装备|机场|快递",
}
_WORDS = {sector: re.compile(words, re.IGNORECASE) for sector, words in _SECTORS.items()}


def sector_of(words: str) -> str | None:
    """The first sector that the words name, or None."""
    return next((sector for sector, pattern in _WORDS.items() if pattern.search(words)), None)

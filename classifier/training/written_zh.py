"""Chinese words and figures for `written`: every name is invented, every pair of figures agrees.

The sentence patterns are in written_zh.txt, in the form told in written_en.py.
"""

import random
import re

_NAMES = (
    "汐屿", "砚禾", "骁澜", "珀川", "岑泽", "霁原", "栎森", "沅炽", "瀚栎", "逸岑", "澄砚", "朔溪",
    "黛湖", "珩岳", "璟洲", "昱棠", "澍野", "桓沁", "绮川", "屿鸣", "翎安", "槐序", "乔栎", "漠岚",
    "鲸屿", "墨枫", "禾渡", "苒星", "棠越", "砺江",
)  # fmt: skip
_MONEY = (
    "{}亿元", "{}亿元", "{}万元", "{}万元", "{}亿港元", "{}亿美元", "人民币{}亿元", "{}百万港元",
    "{}万美元", "RMB{}亿元",
)  # fmt: skip
_PERCENT = ("{:.2f}%", "{:.2f}%", "{:.1f}%", "{:.1f}%", "{:.0f}%")


def figures(rng: random.Random) -> dict[str, str]:
    """Return the figures of one sentence: each `..hi` is above its `..lo`, and differences are worked out."""
    money, percent = rng.choice(_MONEY), rng.choice(_PERCENT)
    sizes = ((9000, 2), (9000, 0), (900, 1)) if "万" in money else ((9, 2), (60, 2), (400, 1))
    size, digits = rng.choice(sizes)
    comma = rng.choice(("", ",")) if size == 9000 else ""
    high = round(rng.uniform(size / 5, size), digits)
    low = round(high * rng.uniform(0.45, 0.95), digits)
    share_high = rng.randrange(12, 260) / 100
    share_low = round(share_high * rng.uniform(0.4, 0.92), 2)
    price_high = rng.randrange(400, 12000) / 100
    price_low = round(price_high * rng.uniform(0.6, 0.95), 2)
    rate_high = rng.randrange(300, 1600) / 100
    rate_gap = rng.randrange(30, 280) / 100
    level_high = rng.randrange(620, 975) / 10
    count_high = rng.randrange(120, 9000) / 100
    step_low = rng.randrange(20, 100) / 10
    year = rng.randrange(2012, 2026)
    amounts = {"hi": high, "lo": low, "diff": high - low}
    values = {name: money.format(f"{value:{comma}.{digits}f}") for name, value in amounts.items()} | {
        "ehi": f"{share_high:.2f}元", "elo": f"{share_low:.2f}元",
        "phi": f"{price_high:.2f}元", "plo": f"{price_low:.2f}元",
        "rhi": f"{rate_high:.2f}%", "rlo": f"{rate_high - rate_gap:.2f}%", "pts": f"{rate_gap:.2f}个百分点",
        "bps": f"{round(rate_gap * 100)}个基点", "lhi": f"{level_high:.1f}%",
        "llo": f"{level_high - rng.randrange(8, 90) / 10:.1f}%",
        "chi": f"{count_high:.2f}万", "clo": f"{count_high * rng.uniform(0.6, 0.95):.2f}万",
        "n": str(rng.randrange(3, 30)), "year": str(year), "prev": str(year - 1),
        "next": str(year + rng.randrange(1, 4)),
        "date": f"{rng.randrange(1, 13)}月{rng.randrange(1, 29)}日",
        "clock": f"{rng.choice((9, 10, 14, 15))}:{rng.choice(('00', '30'))}",
        "staff": f"{rng.choice((80, 120, 260, 400, 650, 1200, 2300, 4800))}人",
        "big": f"{rng.choice((rng.randrange(11, 480) / 10, rng.randrange(2, 30)))}亿元",
        "shares": rng.choice((f"{rng.randrange(300, 9800)}万股", f"{rng.randrange(110, 1900) / 100:.2f}亿股")),
    }  # fmt: skip
    shares = {"pu": (high - low) / low * 100, "pd": (high - low) / high * 100, "move": rng.randrange(20, 98) / 10}
    shares |= {"xlo": step_low, "xhi": step_low + rng.randrange(20, 300) / 10}
    return values | {name: percent.format(value) for name, value in shares.items()}


def finish(text: str, rng: random.Random, social: bool) -> str:
    """Mend the punctuation, and vary the dress of the text without regard to what it says."""
    text = re.sub(r"[，、](?=[，。；？！])", "", text).strip("， ")
    text = re.sub(r"。(?=[。，；？！])|(?<=[？！])[，。！]", "", text)
    dress = rng.random()
    if dress < 0.12 and not text.endswith("。"):
        return re.sub(r"[，：；]", " ", text)
    if dress < 0.18:
        return text.replace("，", ",")
    if social and dress < 0.35:
        return text.rstrip("。") + ("" if text[-1] in "？！" else rng.choice(("…", "！", "～", "。。。")))
    if dress > 0.9:
        return text.removesuffix("。")
    return text


WORDS = {
    "stem": "[" + "|".join(_NAMES) + "]",
    "co": "{stem#}[科技|股份|集团|控股|实业|电子|材料|智能|重工|能源|食品|环保|精工|国际]",
    "bank": "{stem#}[银行|农商行]",
    "broker": "{stem#}证券",
    "pharma": "{stem#}[医药|生物|药业|制药]",
    "miner": "{stem#}[矿业|锂业|铜业|黄金]",
    "estate": "{stem#}[地产|置业]",
    "person": "[沈|顾|陆|程|方|纪|骆|温|祁][砚秋|景和|予安|书砚|明屿|知远|若棠|承泽]",
    "city": "[澜州|江岬|云堤|南汐|北砚|鹿滨|青岬|栎城]",
    "say": "[||||，{co}表示|，公司公告称]",
    "per": "[{year}年[一季度|上半年|前三季度|三季度|全年|度]|一季度|上半年|前三季度|三季度|报告期内|{year}年1—[3|6|"
    "9]月]",
    "then": "[上年同期|上年同期|去年同期|{prev}年同期]",
    "good": "[净利润|归母净利润|归属于上市公司股东的净利润|扣非净利润|营业收入|营收|主营业务收入|利润总额|"
    "经营活动现金流净额|"
    "毛利|新签订单额|合同销售额|出口收入|云业务收入|息税前利润]",
    "bad": "[净亏损|财务费用|信用减值损失|资产减值损失|存货跌价损失|逾期债务|利息支出|"
    "商誉减值准备|"
    "坏账准备|违约金支出|原材料成本|有息负债|诉讼赔偿支出|停工损失|退货金额|经营亏损|账龄一年以上的应收账款]",
    "grate": "[毛利率|净利率|净资产收益率|市场占有率|综合毛利率|现金分红率|销售净利率|投资收益率]",
    "brate": "[客户流失率|退货率|空置率|次品率|退订率|坏账率|核心员工流失率|应收账款逾期率]",
    "bgood": "[净利息收入|手续费及佣金净收入|归母净利润|拨备前利润|存款余额|零售贷款余额|中间业务收入]",
    "bbad": "[不良贷款余额|逾期贷款余额|信用减值损失|关注类贷款余额|核销贷款金额|违约贷款余额]",
    "bgrate": "[净息差|核心一级资本充足率|净资产收益率|资本充足率]",
    "bbrate": "[不良贷款率|逾期贷款率|关注类贷款占比|信用卡坏账率]",
    "glevel": "[产能利用率|出租率|客座率|续费率|良品率|准时交付率|入住率|开工率]",
    "blevel": "[资产负债率|综合成本率|成本收入比|控股股东质押比例|赔付率|净负债率]",
    "gcount": "[付费会员数|新增开户数|新车交付量|月活用户数|签约客户数|日均订单量|装机台数|到店客流]",
    "bcount": "[投诉量|退订用户数|退货件数|逾期户数|取消航班数|延误订单数|解约客户数|流失客户数]",
    "lead": "[【快讯】|{date}公告，|{city}{date}讯，|据公告，|公告速递：|{clock} |记者获悉，]",
    "tail": "[。公司主要从事{goods}业务。|。公司总部位于{city}，现有员工{staff}。|。截至发稿，公司未作进一步说明。|"
    "。相关公告于{date}披露。|。{co}主要产品为{goods}和{goods2}，客户包括{client}。]",
    "btail": "[。截至发稿，该行未作进一步说明。|。相关公告于{date}披露。|。该行总部位于{city}，现有员工{staff}。]",
    "join": "[。|，|！| ]",
    "rise": "["
    "{co}{per}{noun}{hi}，同比[增长|增加|上升]{pu}[。|]|"
    "{co}：{per}{noun}同比[增|增长|上升|多出]{pu}|"
    "{co}公告，{per}{noun}为{hi}，[较{then}|同比]增加{diff}。|"
    "{co}披露[年报|业绩快报|定期报告]，{noun}由{then}的{lo}[增至|升至|增加到]{hi}。|"
    "{per}，{co}的{noun}较{then}[增长|上升]{pu}，[达到|为]{hi}。|"
    "{co}[一季报|年报|中报|三季报]出炉，{noun}同比[增|上升|增加]{pu}|"
    "{noun}{hi}，[同比+|YoY +]{pu}（{co}，{per}）|"
    "{co}{noun}连续{n}个季度[上升|增加]，{per}为{hi}]",
    "drop": "["
    "{co}{per}{noun}{lo}，同比[下降|减少|下滑]{pd}[。|]|"
    "{co}：{per}{noun}同比[降|下降|下滑|少了]{pd}|"
    "{co}公告，{per}{noun}为{lo}，[较{then}|同比]减少{diff}。|"
    "{co}披露[年报|业绩快报|定期报告]，{noun}由{then}的{hi}[减至|降至|减少到]{lo}。|"
    "{per}，{co}的{noun}较{then}[下降|下滑]{pd}，[仅|]为{lo}。|"
    "{co}[一季报|年报|中报|三季报]出炉，{noun}同比[降|下滑|减少]{pd}|"
    "{noun}{lo}，[同比-|YoY -]{pd}（{co}，{per}）|"
    "{co}{noun}连续{n}个季度[下降|减少]，{per}为{lo}]",
    "bare": "["
    "{co}{per}{noun}{now}，{then}为{was}[。|]|"
    "{co}{noun}：本期{now}，上[年同|]期{was}|"
    "{then}{co}{noun}为{was}，今年同期为{now}。|"
    "{co}披露年报，{year}年{noun}{now}（{prev}年：{was}）。|"
    "{co}：{per}{noun}{now}，而{then}是{was}|"
    "根据[财报|定期报告]，{co}{noun}为{now}，{then}则为{was}。|"
    "[去年|上年]这个时候{co}的{noun}还是{was}，如今是{now}]",
    "goods": "[光伏支架|锂电隔膜|工业机器人|医用导管|车载芯片|特种钢材|充电桩|乳制品|风电叶片|数控机床|仓储软件|"
    "信号系统|调味品]",
    "client": "[某大型车企|{city}市政府|某省电网公司|一家海外运营商|{co2}|某三甲医院|某头部电商|海外客户|{bank}]",
    "drug": "[降糖药|哮喘吸入剂|抗癌新药|流感疫苗|痛风药|眼科注射液|湿疹软膏]",
    "it": "[{co}|{co}|这票|这股|${co}$|它|这只]",
}  # fmt: skip
# A clause of good news, and the like of it in bad.
CLAUSES = (
    ("[销量|收入][涨了|增长]{move}", "[销量|收入][掉了|下滑]{move}"),
    ("毛利率[回升|提高]了", "毛利率[回落|下降]了"),
    ("[在手订单饱满|订单排到了明年]", "[在手订单见底|订单只够做到下个月]"),
    ("成本降下来了", "成本又上去了"),
    ("[账上现金充裕|资产负债表很健康]", "[账上现金吃紧|资产负债表很难看]"),
    ("现金流转正", "现金流转负"),
    ("[老客户都回来了|客户续约率很高]", "[老客户在流失|客户续约率很低]"),
    ("负债少了一半", "负债翻了一倍"),
    ("新产线提前投产", "新产线一拖再拖"),
    ("业绩指引上调了", "业绩指引下调了"),
    ("分红提高了", "分红取消了"),
    ("[官司赢了|诉讼被驳回]", "[官司输了|诉讼败诉]"),
    ("[主业在扩张|主业份额在提升]", "[主业在萎缩|主业份额在丢失]"),
    ("亏损在收窄", "亏损在扩大"),
    ("[大股东在增持|高管在买入]", "[大股东在减持|高管在卖出]"),
    ("[需求恢复得比想象快|下游开始补库存]", "[需求下滑得比想象快|下游还在去库存]"),
    ("机构[上调|提高]了目标价", "机构[下调|调低]了目标价"),
    ("审计给了标准意见", "审计给了保留意见"),
)  # fmt: skip

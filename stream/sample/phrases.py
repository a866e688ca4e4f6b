"""What the sample stream says: phrases of one mood each, with slots, in English and Chinese, all of it invented. A post
is an opener, a core and a closer; how they are drawn and filled lives in `writing`.

Slots: {n} the company, {t} one of its products, {p} a percentage, {d} a price, {q} a quarter, {k} a number of people,
{day} a weekday, {city} a place, {firm} an invented broker.
"""

from typing import Literal

Lang = Literal["en", "zh"]
Kind = Literal["news", "social"]
Mood = Literal["negative", "neutral", "positive"]
Pool = tuple[Lang, Kind, Mood]  # the language and kind of the outlet, and the mood
Pools = dict[Pool, tuple[str, ...]]

CORES: Pools = {
    ("en", "social", "negative"): (
        "{n} is bleeding again, down {p}% and no buyers in sight",
        "sold {n} at a loss of {p}%, stock keeps falling and {q} was weak",
        "{n} looks weak, margins falling and shares drop again",
        "{n} bag holders are getting crushed, this drops to {d}",
        "{n} falls under {d}, bearish, losses on {t} keep growing",
        "short {n}, weak {q} and sales of {t} are falling",
        "worst trade of my year was buying {n}, down {p}% since",
        "{n} dumping hard, I am out before it crashes below {d}",
        "weak print from {n}, sales of {t} fell {p}%",
        "{n} falls again, weak demand for {t} and losses up {p}%",
        "{n} drops after they lost another customer for {t}, shares weak",
        "puts on {n}, weak guidance and falling sales of {t}",
    ),
    ("en", "news", "negative"): (
        "{n} shares fall {p}% after {q} profit misses estimates",
        "{n} cut to sell at {firm} on weak demand for {t}",
        "{n} warns of a loss as orders for {t} slump {p}%",
        "{n} to cut {k} jobs after sales of {t} decline",
        "{n} stock drops {p}% as {q} revenue falls short",
        "{firm} downgrades {n}, citing falling margins on {t}",
        "{n} lowers its outlook, blames weak sales of {t} in {city}",
        "{n} slides to {d} as losses at {t} widen",
    ),
    ("en", "social", "neutral"): (
        "does anyone know when {n} reports {q} numbers?",
        "{n} trades near {d}, volume about average for a {day}",
        "what is the usual ex-dividend day of {n}?",
        "when is the {n} call for {q}, {day}?",
        "where can I find the {q} filing of {n}?",
        "where does {n} list its figures for {t}?",
        "{n} at {d} on {day}, same range as last week",
        "who asked about {t} on the {n} call for {q}?",
        "reading the {n} annual report this {day}, chapter on {t}",
        "{n} moves its office for {t} to {city}",
        "is {n} part of the {city} index this {q}?",
        "{n} holds its investor day in {city} next {day}",
    ),
    ("en", "news", "neutral"): (
        "{n} to report {q} results on {day}",
        "{n} sets its annual meeting for {day} in {city}",
        "{n} to present {t} at a conference in {city}",
        "{n} names the date of its {q} call: {day}",
        "{n} files its {q} report",
        "{n} to speak at the {firm} conference on {day}",
        "{n} publishes the agenda of its investor day in {city}",
        "{n} schedules its {q} webcast for {day}",
    ),
    ("en", "social", "positive"): (
        "{n} looking strong, up {p}% and breaking out over {d}",
        "adding to {n}, demand for {t} keeps growing",
        "{n} beat on every line, {t} sales up {p}%, bullish",
        "love this {n} chart, next stop {d}",
        "{n} to the moon, {t} is a winner",
        "great quarter from {n}, record margins and strong growth",
        "long {n}, {t} orders are growing {p}% a year",
        "{n} is my best holding, up {p}% since {q}",
        "buying more {n} on strength, breakout over {d} confirmed",
        "bullish on {n}, strong guidance and record orders for {t}",
        "{n} rallies again, happy to hold for {d}",
        "calls on {n} paid well, up {p}% today",
    ),
    ("en", "news", "positive"): (
        "{n} shares rise {p}% after {q} profit beats estimates",
        "{n} raised to buy at {firm} on strong demand for {t}",
        "{n} lifts its outlook as orders for {t} jump {p}%",
        "{n} wins a large order for {t} from {city}",
        "{n} stock gains {p}% as {q} revenue tops forecasts",
        "{firm} upgrades {n}, citing rising margins on {t}",
        "{n} posts record {q} profit, {t} sales up {p}%",
        "{n} climbs to {d} on strong growth of {t}",
    ),
    ("zh", "social", "negative"): (
        "{n}又大跌{p}%，根本没人接盘，彻底失望",
        "{n}亏损割肉出局，{t}的故事讲不下去了",
        "{n}就是垃圾股，业绩下滑还天天减持",
        "{n}跌破{d}，套牢盘太多，还要继续跌",
        "买{n}亏了{p}%，这管理层太坑人了",
        "{n}主力出货，散户被套，赶紧跑吧",
        "{n}{q}业绩太差，{t}销量下降{p}%",
        "{n}利空不断，{t}又丢了大客户，要跌到{d}",
        "{n}阴跌不止，看空，{d}都守不住",
        "被{n}坑惨了，{t}卖不动，股价天天跌",
        "{n}破位下跌，垃圾公司，割肉{p}%走人",
        "{n}又是跌停的节奏，亏得想哭，别再碰了",
    ),
    ("zh", "news", "negative"): (
        "{n}{q}净利润同比下降{p}%，{t}业务亏损扩大",
        "{n}股价大跌{p}%，{q}业绩不及预期",
        "{firm}下调{n}评级至卖出，{t}需求下滑致业绩亏损",
        "{n}预计{q}亏损，{t}订单下滑{p}%",
        "{n}股东拟减持{p}%股份，股价下跌至{d}元",
        "{n}{t}销售持续下滑，{q}亏损，裁员{k}人",
        "{n}收到监管警示函，{t}业务违规被处罚",
        "{n}{t}项目停工，计提减值致{q}亏损",
    ),
    ("zh", "social", "neutral"): (
        "请问{n}{q}报告什么时候公布？",
        "{n}现价{d}，今天成交量和{day}差不多",
        "{n}股东大会是{day}开吗，在{city}？",
        "{n}{day}公布{t}数据吗，几点？",
        "{n}的{t}参加{city}展会，{day}开始",
        "请问{n}{q}的公告在哪里看？",
        "{n}{day}收在{d}附近，横盘",
        "请问{n}{day}的交流会能网上看吗，会讲{t}吗？",
        "{n}的股权登记日是{day}还是下{day}？",
        "请问{n}年报里{t}在哪一页？",
        "{n}现在{d}，{t}的说明书有人有吗",
        "{n}是哪一年上市的，请问{t}是主业吗？",
    ),
    ("zh", "news", "neutral"): (
        "{n}将于{day}披露{q}报告",
        "{n}定于{day}在{city}召开{q}股东大会",
        "{n}将携{t}参加{city}行业展会",
        "{n}公告{q}报告预约披露日为{day}",
        "{n}公告：{day}举行{q}业绩说明会",
        "{n}将于{day}在{city}举行{t}发布会",
        "{n}将于{day}召开董事会，审议{q}报告",
        "{n}将参加{firm}在{city}举办的策略会",
    ),
    ("zh", "social", "positive"): (
        "{n}太强了，大涨{p}%，突破{d}继续拿着",
        "加仓{n}，{t}需求越来越旺，看好",
        "{n}{q}业绩超预期，{t}增长{p}%，利好",
        "{n}涨停可期，目标{d}",
        "拿着{n}赚了{p}%，优质好公司",
        "{n}龙头地位稳固，{t}订单爆满，看多",
        "{n}主力吸筹，放量上涨，要冲{d}",
        "恭喜{n}股东，{t}中标大单，明天大涨",
        "{n}稳步上涨，长期看好{t}的前景",
        "{n}强势上攻，牛股，{d}指日可待",
        "{n}利好来了，{t}销量大增{p}%",
        "看好{n}，业绩高增长，值得长期持有",
    ),
    ("zh", "news", "positive"): (
        "{n}{q}净利润同比增长{p}%，{t}业务创新高",
        "{n}股价上涨{p}%，{q}业绩超预期",
        "{firm}上调{n}评级至买入，看好{t}需求",
        "{n}中标{city}{t}大单，业绩有望大增",
        "{n}拟回购股份，彰显信心，股价涨至{d}元",
        "{n}{t}获得重大突破，订单增长{p}%",
        "{n}预计{q}盈利大增{p}%，{t}产销两旺",
        "{n}与{city}签署{t}战略合作，业绩有望大增",
    ),
}

# What the surge is about: most of it a recall, some of it what follows from one.
SURGE_CORES: dict[tuple[Lang, Kind], tuple[str, ...]] = {
    ("en", "social"): (
        "{n} recall of {t} is a disaster, stock down {p}% and falling",
        "two hurt in {city}, {n} drops as the defect in {t} was hidden for months",
        "{n} crashing on the recall of {k} units of {t}, shares fall hard",
        "defect in {t} will hurt {n}, stock falls to {d} and lower",
        "{n} lied about {t}, shares fall and lawsuits are coming",
        "{n} shares drop, {t} failed in {city} and losses are coming",
        "{n} plunges {p}%, the recall is worse than they admit",
        "out of {n} with a loss of {p}%, the recall kills demand for {t}",
        "{n} falls again as customers in {city} cancel {t}, weak",
        "{n} stock drops under {d} after the fire in {city}, weak and falling",
        "class action against {n} over {t}, this stock is going down",
        "{n} knew about faulty {t}, stock plunges and lawsuits pile up",
    ),
    ("en", "news"): (
        "{n} shares plunge {p}% after recall of {t}",
        "{n} recalls {k} units over a defect in {t}, stock falls",
        "{n} falls as regulator in {city} opens probe over faulty {t}",
        "{firm} downgrades {n} to sell after the recall of {t}",
        "{n} falls as it is sued in {city} over injuries linked to {t}",
        "{n} halts deliveries of {t} after a fire in {city}, shares drop {p}%",
    ),
    ("zh", "social"): (
        "{n}召回{t}，股价暴跌{p}%，太坑了赶紧跑",
        "{city}的{t}起火伤人，{n}还想隐瞒，垃圾公司",
        "{n}{t}缺陷曝光，明天又要跌停，割肉走人",
        "{n}欺骗消费者，{t}质量太差，等着被罚吧",
        "{n}出大事了，{t}召回{k}件，损失惨重，暴跌",
        "家里的{t}坏了，{n}售后推卸责任，垃圾，看空",
        "{n}跌破{d}，召回风波没完，恐慌性抛售",
        "{city}客户退货{t}，{n}这次利空太大，快跑",
        "{n}被套{p}%，{t}出事还不公告，亏惨了",
        "{n}涉嫌隐瞒{t}缺陷，要被立案调查，大跌",
        "{n}的{t}又出事故，股价跌到{d}都没人要，失望",
        "踩雷{n}，{t}质量问题严重，亏损{p}%割肉",
    ),
    ("zh", "news"): (
        "{n}召回{k}件{t}，股价大跌{p}%",
        "{city}监管部门对{n}{t}质量问题立案调查",
        "{n}{t}起火致人受伤，遭{city}处罚，股价大跌",
        "{firm}下调{n}评级至卖出，称召回{t}将致巨额亏损",
        "{n}因{t}缺陷停产，股价跌停",
        "{n}{t}质量缺陷被通报处罚，客户取消订单致亏损",
    ),
}

WIRE: dict[Lang, str] = {
    "en": "{n} falls {p}% after {firm} says a supplier of {t} filed for bankruptcy, putting {q} deliveries at risk",
    "zh": "{firm}称{n}的{t}供应商申请破产，{q}交付面临风险，公司股价下跌{p}%",
}

OPENERS = {
    ("en", "social"): (
        *("", "", "", "fwiw ", "my take: ", "morning all, ", "just saying, ", "note to self: ", "so ", "well, "),
        *("desk chat: ", "for the thread: ", "again: ", "quick one: ", "as of now ", "honestly "),
    ),
    ("en", "news"): ("", "", "", "Update: ", "Brief: ", "Company news: ", "Stocks: ", "Correction: "),
    ("zh", "social"): (
        *("", "", "", "说一句，", "个人看法：", "早上好，", "随便聊聊，", "记录一下：", "刚看到，", "讲真，"),
        *("各位，", "盘中：", "收盘看，", "老股民说，", "楼上的，", "话说"),
    ),
    ("zh", "news"): ("", "", "", "快讯：", "公司动态：", "【简讯】", "最新：", "盘面："),
}

CLOSERS: Pools = {
    ("en", "social", "negative"): (
        *("", "", ". More downside ahead", ". Staying away", ". Painful", ". Sell", ", ugly chart", ". Avoid"),
        *(". Lost patience", ". It gets worse", ". Bad sign", ". Weak", ". Not touching this", ". Red again"),
    ),
    ("en", "social", "neutral"): (
        *("", "", "", ". No position", ". Link in the filing", ". Asking for a friend", ". Thanks", " (see calendar)"),
        *(". For the notes", ". Page two", ". Will post the table", ". Source: company site"),
    ),
    ("en", "social", "positive"): (
        *("", "", ". Adding more", ". Bullish", ". Great team", ". Strong hold", ", lovely chart", ". Buy"),
        *(". More upside ahead", ". Well done", ". Good sign", ". Strong", ". Happy holder", ". Green again"),
    ),
    ("en", "news", "negative"): (
        "",
        "",
        ", analysts turn cautious",
        ", shares weaker",
        ", outlook cut",
        ", stock lower",
    ),
    ("en", "news", "neutral"): ("", "", ", filing shows", ", company says", ", statement", ", notice"),
    ("en", "news", "positive"): (
        "",
        "",
        ", analysts turn upbeat",
        ", shares higher",
        ", outlook raised",
        ", stock gains",
    ),
    ("zh", "social", "negative"): (
        *("", "", "，还要跌", "，别碰", "，心累", "，卖了", "，图形难看", "，远离"),
        *("，没耐心了", "，越来越差", "，不是好兆头", "，太弱了", "，亏麻了", "，又是绿的"),
    ),
    ("zh", "social", "neutral"): (
        *("", "", "", "，先记一下", "，公告里有", "，帮朋友问", "，谢谢", "，见日历"),
        *("，备查", "，第二页", "，回头发表格", "，来源官网"),
    ),
    ("zh", "social", "positive"): (
        *("", "", "，继续加仓", "，看多", "，团队优秀", "，坚定持有", "，图形漂亮", "，买入"),
        *("，还会涨", "，干得好", "，好兆头", "，真强", "，开心持股", "，又红了"),
    ),
    ("zh", "news", "negative"): ("", "", "，机构转向谨慎", "，股价走弱", "，预期下调", "，盘中下跌"),
    ("zh", "news", "neutral"): ("", "", "，公告显示", "，公司表示", "，详见公告", "，特此公告"),
    ("zh", "news", "positive"): ("", "", "，机构态度乐观", "，股价走强", "，预期上调", "，盘中上涨"),
}

MARKET_CORES = {
    "en": (
        "quiet {day} on the market, index near {d}",
        "futures flat before the {q} calendar",
        "which sectors report on {day}?",
        "index closes at {d}, turnover about average",
    ),
    "zh": (
        "大盘{day}横盘，指数{d}点附近",
        "{q}财报日历已更新",
        "请问{day}有哪些板块公布数据",
        "指数收于{d}点，成交额持平",
    ),
}

SLOTS = {
    "en": {
        "q": ("Q1", "Q2", "Q3", "Q4", "first-half", "full-year"),
        "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"),
        "city": ("Port Alder", "Westmere", "Calder Bay", "Orsa Hills", "Nanlin", "Fort Wren"),
        "firm": ("Pell & Marrow", "Northquay Securities", "Attwell Brook", "Sable Street Capital"),
    },
    "zh": {
        "q": ("一季度", "二季度", "三季度", "四季度", "上半年", "全年"),
        "day": ("周一", "周二", "周三", "周四", "周五"),
        "city": ("南霖", "西渡", "青汀", "望海湾", "柳桥埠", "安栖"),
        "firm": ("磐石桥证券", "江渚资本", "星槎研究", "白塔街证券"),
    },
}

"""The invented world of the sample stream: companies, outlets and the rhythm of its days. Every name and symbol is made
up; the symbols lie outside the ranges that exchanges hand out. What is said lives in `phrases`.
"""

from typing import Literal, NamedTuple

from stream.sample.phrases import Kind, Lang

Region = Literal["us", "cn"]


class Company(NamedTuple):
    """An invented company. `posts_per_day` is the usual number on a working day, `english` the share in English,
    `price` what a share costs, in its own currency."""

    symbol: str
    en: str
    zh: str
    region: Region
    posts_per_day: int
    english: float
    price: float
    things_en: tuple[str, ...]
    things_zh: tuple[str, ...]


class Outlet(NamedTuple):
    """An invented source."""

    name: str
    kind: Kind
    lang: Lang
    weight: float


COMPANIES = (
    Company(
        "ORBQ",
        "Orbiq Robotics",
        "欧比机器人",
        "us",
        420,
        0.8,
        31.5,
        ("warehouse robots", "the Orbiq arm", "pick-and-place units", "fleet software"),
        ("仓储机器人", "机械臂", "分拣设备", "调度软件"),
    ),
    Company(
        "ZVLX",
        "Zevalux Energy",
        "泽瓦能源",
        "us",
        340,
        0.8,
        18.2,
        ("grid batteries", "solar inverters", "the Dune Ridge plant", "storage contracts"),
        ("储能电池", "逆变器", "沙脊电站", "储能订单"),
    ),
    Company(
        "LMQL",
        "Lumaquill Software",
        "鹿墨软件",
        "us",
        220,
        0.85,
        64.0,
        ("the Quill suite", "cloud seats", "the ledger module", "annual licences"),
        ("云端席位", "账本模块", "年度授权", "办公套件"),
    ),
    Company(
        "HVXA",
        "Halvexa Air",
        "哈维航空",
        "us",
        160,
        0.85,
        12.4,
        ("summer routes", "the new cabin", "cargo flights", "loyalty miles"),
        ("夏季航线", "新客舱", "货运航班", "会员里程"),
    ),
    Company(
        "TQRB",
        "Tarqua Bank",
        "塔夸银行",
        "us",
        60,
        0.9,
        27.8,
        ("small business loans", "card deposits", "the mortgage book", "branch services"),
        ("小微贷款", "银行卡存款", "按揭业务", "网点服务"),
    ),
    Company(
        "699101.SH",
        "Lanche Battery",
        "岚澈电池",
        "cn",
        400,
        0.25,
        58.6,
        ("sodium cells", "the L3 pack", "cathode sheets", "the Ningtan line"),
        ("钠电芯", "L3电池包", "正极材料", "宁滩产线"),
    ),
    Company(
        "699238.SH",
        "Yanhai Micro",
        "砚海微电",
        "cn",
        300,
        0.25,
        43.1,
        ("power chips", "sensor wafers", "the Y7 controller", "packaging lines"),
        ("功率芯片", "传感晶圆", "Y7主控", "封装产线"),
    ),
    Company(
        "308417.SZ",
        "Tangyu Biotech",
        "棠屿生物",
        "cn",
        180,
        0.2,
        22.7,
        ("insulin pens", "the TY-12 trial", "test kits", "the vaccine line"),
        ("胰岛素笔", "TY-12临床", "检测试剂", "疫苗产线"),
    ),
    Company(
        "308652.SZ",
        "Boling Logistics",
        "泊岭物流",
        "cn",
        50,
        0.2,
        9.6,
        ("cold chain trucks", "the river depot", "parcel lockers", "export lanes"),
        ("冷链车队", "江港仓库", "快递柜", "出口专线"),
    ),
    Company(
        "99071.HK",
        "Chengwan Motors",
        "澄湾汽车",
        "cn",
        360,
        0.35,
        36.9,
        ("the C5 sedan", "city vans", "charging docks", "the Bay plant"),
        ("C5轿车", "城市货车", "充电桩", "海湾工厂"),
    ),
)

OUTLETS = (
    Outlet("Quayside Wire", "news", "en", 1.0),
    Outlet("Ledgerline", "news", "en", 0.8),
    Outlet("Tickerhall", "social", "en", 4.0),
    Outlet("Pitside", "social", "en", 2.5),
    Outlet("Marginalia", "social", "en", 1.0),
    Outlet("海岬财讯", "news", "zh", 1.0),
    Outlet("砚台快报", "news", "zh", 0.8),
    Outlet("牛栏论坛", "social", "zh", 4.0),
    Outlet("茶桌股谈", "social", "zh", 2.5),
    Outlet("盘后闲话", "social", "zh", 1.0),
)

# How busy each UTC hour of a working day is, beside the day's mean; nights are quiet and the market's session is loud.
HOURS = {
    "us": (
        *(0.55, 0.40, 0.28, 0.20, 0.16, 0.15, 0.16, 0.20, 0.30, 0.45, 0.65, 0.95),
        *(1.30, 1.70, 2.30, 2.20, 1.90, 1.70, 1.75, 1.95, 2.10, 1.30, 0.90, 0.70),
    ),
    "cn": (
        *(1.30, 2.20, 2.40, 1.90, 1.30, 2.00, 2.20, 1.70, 1.25, 1.05, 0.95, 1.00),
        *(1.05, 0.95, 0.75, 0.55, 0.35, 0.22, 0.16, 0.14, 0.16, 0.25, 0.50, 0.90),
    ),
}
WEEKEND = 0.35

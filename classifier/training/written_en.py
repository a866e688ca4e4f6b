"""English words and figures for `written`: every name is invented, every pair of figures agrees.

In written_en.txt a `#` line opens a phenomenon (`~` for the social register); `+ - =` give the label of one pattern.
"""

import random
import re

_STEMS = ("Vel", "Korv", "Tarn", "Holmer", "Bryn", "Aster", "Quil", "Norr", "Marv", "Fenn", "Osk", "Thal", "Dren",
          "Karv", "Ulv", "Ivar", "Brae", "Hest", "Lorn", "Sarv", "Jorv", "Pell", "Wynd", "Zell")  # fmt: skip
_ENDS = ("mark", "vik", "oria", "dane", "stad", "ano", "holt", "mere", "ona", "ley", "quist", "ford", "bro", "sund")
_MONEY = (
    "EUR {} mn", "EUR {} million", "EUR{}mn", "€{}m", "€{} million", "SEK {} mn", "NOK {} mn", "DKK {} million",
    "CHF {} mn", "USD {} mn", "${} million", "${}m", "US${} million", "${} billion", "£{} million", "GBP {} mn", "£{}m",
    "¥{} billion", "A${} million", "C${} million", "INR {} crore", "{} billion won", "HK${} million", "USD {} bn",
    "EUR {} thousand", "RUB {} bn",
    "{} million euros", "{} million dollars", "{} million kronor",  # these three do not stand before a noun
)  # fmt: skip
_WHOLE = [form for form in _MONEY[:-3] if "thousand" not in form]
_SHARE = ("EUR {}", "${}", "£{}", "SEK {}", "€{}", "USD {}", "NOK {}", "CHF {}")
_PERCENT = ("{} %", "{}%", "{}%", "{} percent", "{} per cent", "{} pct")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
           "December")  # fmt: skip


def figures(rng: random.Random) -> dict[str, str]:
    """Return the figures of one sentence: each `..hi` is above its `..lo`, and differences are worked out."""
    money, share, percent = rng.choice(_MONEY), rng.choice(_SHARE), rng.choice(_PERCENT)
    size = rng.choice((8, 30, 90, 400, 2000))
    digits = rng.choice((0, 1, 1)) if size > 90 else rng.choice((1, 1, 1, 2))
    high = round(rng.uniform(size / 5, size), digits)
    low = round(high * rng.uniform(0.5, 0.96), digits)
    share_high = rng.randrange(12, 480) / 100
    share_low = round(share_high * rng.uniform(0.5, 0.95), 2)
    price_high = rng.randrange(400, 9900) / 100
    price_low = round(price_high * rng.uniform(0.6, 0.95), 2)
    rate_high = rng.randrange(30, 240) / 10
    rate_gap = rng.randrange(3, 28) / 10
    level_high = rng.randrange(620, 975) / 10
    count_high = rng.randrange(320, 96000)
    count_low = int(count_high * rng.uniform(0.6, 0.96))
    step_low = rng.randrange(10, 90) / 10
    step_high = step_low + rng.randrange(8, 70) / 10
    year = rng.randrange(2005, 2026)
    day = f"{rng.choice(_MONTHS)} {rng.randrange(1, 29)}"
    values = {
        "hi": money.format(f"{high:,.{digits}f}"), "lo": money.format(f"{low:,.{digits}f}"),
        "diff": money.format(f"{high - low:,.{digits}f}"),
        "ehi": share.format(f"{share_high:.2f}"), "elo": share.format(f"{share_low:.2f}"),
        "phi": share.format(f"{price_high:.2f}"), "plo": share.format(f"{price_low:.2f}"),
        "chi": f"{count_high:,}", "clo": f"{count_low:,}",
        "bps": str(round(rate_gap * 100)), "pts": f"{rate_gap:.1f}", "n": str(rng.randrange(3, 40)),
        "staff": f"{rng.choice((40, 65, 90, 120, 150, 210, 300, 450, 800, 1200, 2500, 4000)):,}",
        "jobs": f"{rng.choice((40, 65, 90, 120, 150, 210, 300, 450, 800, 1200, 2500)):,}",
        "shares": f"{rng.randrange(2_000_000, 90_000_000):,}", "sqm": f"{rng.randrange(8, 240) * 250:,}",
        "year": str(year), "prev": str(year - 1), "next": str(year + rng.randrange(1, 4)),
        "date": rng.choice((day, f"{day}, {year}", day)), "clock": f"{rng.randrange(8, 17)}:{rng.choice(('00', '30'))}",
        "big": rng.choice(_WHOLE).format(rng.choice((3, 7.5, 12, 18, 25, 40, 65, 120, 300))),
        "ticker": rng.choice("BDFGHKLMNPRTVWZ") + "Q" + rng.choice("AEIOU") + rng.choice("BDKLMNRSTVX"),
    }  # fmt: skip
    shares = {"pu": (high - low) / low * 100, "pd": (high - low) / high * 100, "rhi": rate_high, "xhi": step_high}
    shares |= {"rlo": max(rate_high - rate_gap, 0.1), "xlo": step_low, "move": rng.randrange(11, 96) / 10}
    shares |= {"lhi": level_high, "llo": level_high - rng.randrange(8, 90) / 10}
    return values | {name: percent.format(f"{value:.1f}") for name, value in shares.items()}


def finish(text: str, rng: random.Random, social: bool) -> str:
    """Set articles and capitals right, and vary the dress of the text without regard to what it says."""
    text = re.sub(r" +(?=[,.?;]|: | |$)", "", text).strip()
    text = re.sub(r"(?<!\.)\.\.(?!\.)", ".", re.sub(r"(?<=\?)\.(?!\.)", "", text))
    text = re.sub(r"\.{4,}", "...", text)
    text = re.sub(r"(posted|reported) the ", r"\1 a ", re.sub(r"(?<=ies|ngs)'s\b", "'", text).replace("'s the ", "'s "))
    text = re.sub(r"(results: |-quarter |-year |Q\d )the ", r"\1", text)
    vowel = r"\b([Aa]) (?=[aeio](?!ne\b|ne-|uro)|E(?!U|u)|[AIO]|un(?!i)|up|8|1[18]\b(?!,))"
    text = re.sub(vowel, r"\1n ", text)
    if social:
        lower = rng.random() < 0.3
        return " ".join(word.lower() if lower and not word.startswith("$") else word for word in text.split())
    text = re.sub(r"(?:^|(?<=[.?] )|(?<=^BRIEF-)|(?<=^UPDATE 1-))[a-z]", lambda found: found.group().upper(), text)
    if text.endswith("."):
        return text[:-1] + " ." if rng.random() < 0.15 else text
    if rng.random() < 0.15:
        return re.sub(r"(?<![\w'])[a-z]{4,}", lambda found: found.group().capitalize(), text)
    return text


WORDS = {
    "stem": "[" + "|".join(stem + end for stem in _STEMS for end in _ENDS) + "]",
    "co": "[{stem#}|{stem#}|{stem#} [Oyj|AB|plc|Group|Corp|Inc|SA|ASA|Ltd|Holdings|Industries|A/S|NV|AG]]",
    "bank": "{stem#} [Bank|Bancorp|Savings Bank|Financial]",
    "pharma": "{stem#} [Pharma|Therapeutics|Biotech|Pharmaceuticals]",
    "miner": "{stem#} [Resources|Mining|Gold|Minerals]",
    "person": "[Maren|Tobias|Elin|Jonas|Priya|Daniel|Helena|Marcus|Aino|Grace|Oskar|Leila] [Harlund|Dresvik|Callowan|"
    "Tessmer|Brandvold|Oakhurst|Vellani|Sorrento|Quistad|Maddern]",
    "city": "[Harrowmere|Tornadal|Velsund|Port Calder|Lindhaven|Kessburg|Marrowdale|San Belmar|Quenby]",
    "day": "[Monday|Tuesday|Wednesday|Thursday|Friday]",
    "own": "[||the group's |{co}'s |the company's |{co}'s ]",
    "say": "[||||, the company said|, the company said on {day}|, according to a stock exchange release]",
    "q": "[[Q1|Q2|Q3|Q4]|[first|second|third|fourth]-quarter|[full-year|half-year|{year}]]",
    "per": "[the [first|second|third|fourth] quarter[| of {year}]|January-[March|June|September][| {year}]|the "
    "first [half|nine months] of {year}|the year ended {date}|{year}]",
    "then": "[the corresponding period [of|in] {prev}|the same period [of {prev}|a year earlier]|{prev}|the year-ago "
    "period|the comparison period|the previous year]",
    "goodone": "[operating profit|net profit|profit before taxes|revenue|turnover|order intake|the order backlog|"
    "operating cash flow|EBITDA|comparable EBIT|net interest income|pre-tax profit|gross profit|free cash "
    "flow|recurring revenue|advertising revenue|profit for the period|fee income]",
    "badone": "[operating loss|net loss|net debt|cash burn|the impairment charge|the pre-tax loss|bad-debt expense|the "
    "provision for loan losses|energy cost|the tax bill|interest expense|the pension deficit|scrap cost|loss "
    "for the period|the restructuring charge|the backlog of unpaid invoices]",
    "good": "[{goodone}|{goodone}|[net sales|bookings|like-for-like sales|export sales|earnings|licence fees]]",
    "bad": "[{badone}|{badone}|[loan losses|write-downs|non-performing loans|raw material costs|overdue receivables|"
    "warranty claims|severance costs|operating expenses|inventory write-offs]]",
    "grate": "[operating margin|gross margin|EBITDA margin|market share|the core capital ratio|return on equity|"
    "return on capital|net interest margin|return on assets|return on sales]",
    "brate": "[customer churn|the bad-loan ratio|the vacancy rate|net gearing|staff turnover|the default rate|the "
    "delinquency rate|the defect rate|the share of cancelled orders|the return rate]",
    "glevel": "[the occupancy rate|capacity utilisation|customer retention|the load factor|the renewal rate|on-time "
    "delivery|the share of paying users]",
    "blevel": "[the cost-to-income ratio|the combined ratio|the loan-to-value ratio|the debt-to-equity ratio|the loss "
    "ratio|the cost ratio]",
    "gcount": "[air passengers|paying subscribers|vehicle deliveries|new policies|active customers|units shipped|hotel "
    "bookings|broadband connections]",
    "bcount": "[customer complaints|cancelled subscriptions|product returns|missed deliveries|loan defaults|flight "
    "cancellations|lost-time accidents|contract terminations]",
    "lead": "[{city}, {date} - |BRIEF-|UPDATE 1-|{clock} - |press release: |company news: |newswire: ]",
    "tail": ". [the company makes {goods}.|the group has {staff} employees.|the statement was published on {date}.|"
    "{co} has its head office in {city}.|the company was founded in 19[08|34|52|67|78|86|91].|"
    "no further details were given.]",
    "join": "[. | ... | - | | / ]",
    "rise": "["
    "{own}{noun} [rose|increased|grew|climbed|went up] [by |]{pu} to {hi} [in {per}|from {lo} a year earlier].|"
    "{own}{noun} totalled {hi} in {per}, up from {lo} in {then}.|"
    "in {per}, {own}{noun} [climbed|rose|jumped|moved up] to {hi} from {lo}[ a year before| in {then}|].|"
    "{co}: {noun} up {pu} [year on year|y/y|on the year] at {hi}|"
    "{co}'s {noun} for {per} [rose|jumped|increased|surged] {pu} [from a year earlier|year-on-year] to {hi}{say}.|"
    "{co} said {noun} had [increased|gone up|risen] [by {diff}|from {lo}] to {hi} in {per}.|"
    "{co} {q} {noun} [higher|up] at {hi} vs {lo}|"
    "at {hi}, {noun} was {pu} higher than in {then}.]",
    "drop": "["
    "{own}{noun} [fell|decreased|declined|went down] [by |]{pd} to {lo} [in {per}|from {hi} a year earlier].|"
    "{own}{noun} totalled {lo} in {per}, down from {hi} in {then}.|"
    "in {per}, {own}{noun} [dropped|fell|shrank|moved down] to {lo} from {hi}[ a year before| in {then}|].|"
    "{co}: {noun} down {pd} [year on year|y/y|on the year] at {lo}|"
    "{co}'s {noun} for {per} [fell|dropped|decreased|slid] {pd} [from a year earlier|year-on-year] to {lo}{say}.|"
    "{co} said {noun} had [decreased|gone down|fallen] [by {diff}|from {hi}] to {lo} in {per}.|"
    "{co} {q} {noun} [lower|down] at {lo} vs {hi}|"
    "at {lo}, {noun} was {pd} lower than in {then}.]",
    "bare": "["
    "{own}{noun} [amounted to|came to|totalled|came in at|stood at] {now} in {per}, compared with {was} in {then}.|"
    "{own}{noun} was {now}, [compared with|compared to|against|versus] {was} [a year earlier|in {then}].|"
    "{noun} in {per} [totalled|was|came to] {now} ([{was}|{prev}: {was}|{was} in {then}]).|"
    "{co} {q} results: {noun} {now} (vs {was} a year ago)|"
    "in {then}, {noun} [amounted to|was] {was}; for {per} the figure [was|came to] {now}.|"
    "{co} [posted|reported] {noun} of {now} for {per}, [against|after|following] {was} in {then}.|"
    "the corresponding figure a year ago was {was}, while {noun} now [stands at|comes to] {now}.]",
    "goods": "[wind turbine blades|paper machines|network equipment|harbour cranes|billing software|battery cells|"
    "elevators|signalling systems|cargo handling gear|test kits|dairy packaging|forklifts]",
    "client": "[a European utility|the defence ministry|a North American retailer|a large carmaker|{co2}|the city of "
    "{city}|an undisclosed customer|a state railway|two hospital groups|{bank}]",
    "drug": "[migraine|asthma|eczema|gout|insulin|flu|eye] [drug|treatment|injection|candidate]",
}  # fmt: skip
# A clause of good news, and the like of it in bad.
CLAUSES = (
    ("[sales|revenue] [rose|grew] {move}", "[sales|revenue] [fell|shrank] {move}"),
    ("margins [widened|improved]", "margins [narrowed|collapsed]"),
    ("the order book is [full|growing]", "the order book is [thin|shrinking]"),
    ("costs came down", "costs shot up"),
    ("the balance sheet [is in great shape|looks solid]", "the balance sheet [is in poor shape|looks stretched]"),
    ("cash flow turned positive", "cash flow turned negative"),
    ("customers keep coming back", "customers keep leaving"),
    ("debt has halved", "debt has doubled"),
    ("the new plant is running ahead of plan", "the new plant is running behind schedule"),
    ("bookings hit a record", "bookings hit a five-year low"),
    ("churn fell to the lowest in years", "churn rose to the highest in years"),
    ("the core business keeps [growing|gaining share]", "the core business keeps [shrinking|losing share]"),
    ("the dividend was raised", "the dividend was cut"),
    ("management lifted its outlook", "management lowered its outlook"),
    ("the losses are shrinking", "the losses are growing"),
    ("the lawsuit was thrown out", "the lawsuit is going to trial"),
    ("demand has come back faster than anyone thought", "demand has dried up faster than anyone thought"),
    ("insiders are buying", "insiders are selling"),
    ("the auditor signed off", "the auditor walked out"),
)  # fmt: skip

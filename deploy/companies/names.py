"""From official names to what people write: legal forms taken off, capitals tamed, and how sure a name is by itself."""

import re
import unicodedata
from collections.abc import Set
from typing import Literal

Sort = Literal["sure", "brand", "word", "ticker"]

COMPOUND_FROM = 500  # a place by size: two words written as one are the name of the large ones alone
_STATE = re.compile(r"\s*(?:/[A-Z. ]+/?|\\[A-Z]+\\?|\([A-Z ]+\))\s*$", re.IGNORECASE)
_LEGAL = re.compile(
    r"[\s,]+(?:inc|incorporated|corp|corporation|co|company|companies|cos|ltd|limited|llc|l\.?p|plc|s\.?a|n\.?v|ag|se|"
    r"ab|asa|oyj|a/s|s\.?p\.?a|s\.?a\.?b\.?(?: de c\.?v)?|s\.?e|kgaa|trust|holdings?|hldgs?|group|grp|adr|ads|bhd|tbk|"
    r"the|new|de|com|int'?l|international|class [a-c]|common stock|ordinary shares|bancorp|bancshares)\.?$",
    re.IGNORECASE,
)
_KEEPS_LAST = ("bancorp", "bancshares", "trust", "international", "int'l", "group", "com")
_PREFIX = re.compile(
    r"^(?:XD|XR|DR|N|C|U)(?=[\u4e00-\u9fff])|^(?:S?\*?ST|SST|S|G)(?=[\u4e00-\u9fffA-Z])|^退市(?=[\u4e00-\u9fff])|(?<=[\u4e00-\u9fff]{2})A?退$"
)
_ST = re.compile(r"^S?\*?ST(?=.)|^退市|A?退$")
_SHARE_LETTER = re.compile(r"(?<=[\u4e00-\u9fff])[-]?(?:[AB]股?|U|W|UW|D|WD|SW|S|B)$")


def continues(short: str, name: str) -> bool:
    """Say whether `short` is what the exchange makes of `name` behind a mark: its characters, in order."""
    rest = iter(name)
    return len(short) < 4 and all(character in rest for character in short)


def mainland_bases(name: str) -> tuple[str, str | None]:
    """The name without spaces, share letters and marks of the exchange, and `ST…` as it stands, if it was marked."""
    whole = re.sub(r"\s+", "", unicodedata.normalize("NFKC", name)).upper()
    base = _SHARE_LETTER.sub("", _PREFIX.sub("", whole))
    marked = "ST" + _SHARE_LETTER.sub("", _ST.sub("", whole)) if _ST.search(whole) else None
    return base or whole, marked


def chinese_sort(name: str, words: dict[str, str]) -> Sort:
    """How sure a Chinese short name is: a word of the language is none by itself (tag `x`: of generic.txt)."""
    if len(name) <= 2 or words.get(name) == "x":
        return "word"
    tag = words.get(name, "nt")
    return "sure" if tag in ("nt", "nz", "nr") else "word" if len(name) == 3 else "brand"


def made_of_words(name: str, words: dict[str, str]) -> bool:
    """Say whether a Chinese name is words of the language throughout, such as 亚洲能源."""
    if not name:
        return True
    ends = [n for n in range(2, len(name) + 1) if words.get(name[:n], "nt") not in ("nt", "nz", "nr")]
    return any(made_of_words(name[n:], words) for n in ends)


def english_base(name: str) -> str:
    """`APPLE INC.` -> `Apple`; `VELMORA COM INC` -> `Velmora com`; legal forms fall off while a word is left."""
    text = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", name)).strip()
    while (shorter := _STATE.sub("", text)) != text and shorter:
        text = shorter
    text = re.sub(r"^the\s+", "", text, flags=re.IGNORECASE)
    while True:
        shorter = _LEGAL.sub("", text).strip(" ,&-")
        if not shorter or shorter == text or (" " not in shorter and text.lower().endswith(_KEEPS_LAST)):
            break
        text = shorter
    return tamed(text.rstrip(".,"))


_JOINTS = {"OF", "AND", "THE", "FOR", "IN", "DE", "COM", "ON", "AT"}


def tamed(text: str) -> str:
    """Capitals throughout become initial capitals, short words and those without vowels excepted."""
    if text != text.upper():
        return text
    return " ".join(
        w.lower() if w in _JOINTS else w if len(w) <= 3 or not re.search(r"[AEIOUY]", w) else w.capitalize()
        for w in text.split(" ")
    )


def english_sort(base: str, rank: int, words: Set[str], obscure: bool = False) -> Sort | None:
    """How sure an English name is, given its company's place by size; None for one that is no use.

    One word is none by itself where its company is `obscure`: small, and on no exchange.
    """
    parts = [part for part in re.split(r"[\s\-]+", base.lower()) if part]
    if not parts or len(base) < 3 or base.isdigit():
        return None
    ordinary = [_ordinary(part.strip("'.,&"), words) for part in parts]
    if len(parts) == 1:
        if len(base) <= 3:
            return None
        if ordinary[0] or len(base) == 4 or obscure or (rank > COMPOUND_FROM and _compound(base.lower(), words)):
            return "brand" if rank < 250 and not ordinary[0] else "word"
        return "sure"
    if all(ordinary):
        return "brand" if rank < 1200 else "word"
    return "sure"


def _compound(word: str, words: Set[str]) -> bool:
    """Say whether a word is two words written as one, such as bandwidth."""
    return any(word[:at] in words and word[at:] in words for at in range(4, len(word) - 3))


def _ordinary(part: str, words: Set[str]) -> bool:
    stems = (part, part.removesuffix("s"), part.removesuffix("es"), part.removesuffix("ed"), part.removesuffix("ing"))
    return len(part) <= 2 or part.isdigit() or any(stem in words for stem in stems)

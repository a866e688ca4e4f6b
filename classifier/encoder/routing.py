"""Which encoder reads a text, by its script first and its language second; and how much a reading can be worth."""

import re
from collections.abc import Collection

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\u3040-\u30ff]")  # with kana: the Chinese vocabulary holds them
_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]{2,}")
FOREIGN_WORTH = 0.5  # of an encoder's reading of a language that it was not trained on


def route(text: str, language: str, encoders: Collection[str]) -> str:
    """Return the encoder for a text tagged with a BCP 47 language.

    Chinese is read by the Chinese encoder wherever Han characters are at least as many as words in Latin letters: the
    English vocabulary does not know them. Everything else goes to the English one; one encoder alone reads all.
    """
    if len(encoders) == 1:
        return next(iter(encoders))
    han, words = len(_HAN.findall(text)), len(_WORD.findall(text))
    if han and words and language.lower().startswith("zh"):
        return "zh" if 3 * han >= words else "en"
    return "zh" if han and han >= words else "en"


def worth(language: str, encoder: str, known: float) -> float:
    """Return how much a reading says, in [0, 1]: the share of known tokens, halved for a language not trained on."""
    primary = language.lower().partition("-")[0].partition("_")[0]
    return known * (1.0 if primary == encoder or primary in ("en", "zh") else FOREIGN_WORTH)

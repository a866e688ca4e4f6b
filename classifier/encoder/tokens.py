"""Text to token ids: one normal form for all encoders, marks around a name, windows over long texts.

Nothing here knows weights. What a text becomes depends on that text alone.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import emoji
from tokenizers import Tokenizer

from classifier.errors import ArtifactError

MARK_OPEN, MARK_CLOSE, LINK = 1, 2, 3  # BERT's vocabularies leave these places unused; [PAD] is 0
_AROUND_A_NAME = 46  # tokens at most in which a name is judged: of the 62 of a window, what says something of it
_CUT_CHARS = 24_000  # more than a post may hold; bounds the work on one text

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064"
    "\u2066-\u206f\ufe00-\ufe0e\ufeff\ufff9-\ufffb\U000e0001\U000e0020-\U000e007f\ud800-\udfff]"
)
_URL = re.compile(r"(?:https?://|www\.)[!-~]+|\bpic\.twitter\.com/[!-~]+", re.IGNORECASE)
_PICTURE = re.compile("[\u203c-\u3299\U0001f000-\U0001faff]")  # where emoji may stand; a cheap first look
# What emoji are made of, Chinese punctuation and kana left out: naming them looks at every character it is given.
_PICTURES = re.compile(
    "(?:[0-9#*]\ufe0f?\u20e3|[\xa9\xae\u203c-\u2fff\u3030\u303d\u3297\u3299\ufe0f\U0001f000-\U0001faff])+"
)
_REPEAT = re.compile(r"([^\d\s])\1{3,}")


class Encoded(NamedTuple):
    """One text as windows of token ids, each with its [CLS] and [SEP]; `known` is the share of known tokens."""

    windows: tuple[tuple[int, ...], ...]
    known: float


def normal_form(text: str, language: str) -> str:
    """Return what a model reads: NFKC, nothing invisible, links left out, emoji by their name, no long repeats."""
    text = _INVISIBLE.sub("", text[:_CUT_CHARS])
    text = _URL.sub(" ", text)
    if _PICTURE.search(text):
        text = _PICTURES.sub(lambda run: emoji.demojize(run[0], (" ", " "), language), text).replace("_", " ")
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(_REPEAT.sub(r"\1\1\1", text).split())


class Tokens:
    """A tokenizer with its window: texts in, windows of ids out."""

    def __init__(self, tokenizer: Tokenizer, language: str, window: int) -> None:
        self._tokenizer = tokenizer
        self._language = language
        self._body = window - 2
        first, last, unknown = (tokenizer.token_to_id(name) for name in ("[CLS]", "[SEP]", "[UNK]"))
        if first is None or last is None or unknown is None:
            raise ArtifactError("the tokenizer has no [CLS], [SEP] and [UNK]; it is none of BERT's")
        self._first, self._last, self._unknown = first, last, unknown

    @classmethod
    def read(cls, settings: bytes, language: str, window: int) -> "Tokens":
        """Read the content of a `tokenizer.json`; raises ArtifactError where it is none."""
        try:
            return cls(Tokenizer.from_str(settings.decode()), language, window)
        except ArtifactError:
            raise
        except Exception as error:  # tokenizers raises bare Exception
            raise ArtifactError(f"tokenizer.json is no tokenizer that can be read ({error})") from None

    def encode(self, texts: Sequence[str], spans: Sequence[tuple[int, int] | None], max_windows: int) -> list[Encoded]:
        """Encode each text; a span (character offsets) is put between marks, so that the model judges that name.

        A text that is longer than a window becomes up to `max_windows` windows that follow each other; of a marked one
        only the nearest tokens on both sides of the mark are kept.
        """
        pieces: list[str] = []
        for text, span in zip(texts, spans, strict=True):
            parts = (text,) if span is None else (text[: span[0]], text[span[0] : span[1]], text[span[1] :])
            pieces.extend(normal_form(part, self._language) for part in parts)
        ids = iter([one.ids for one in self._tokenizer.encode_batch_fast(pieces, add_special_tokens=False)])
        return [
            self._windows(next(ids), [], [], False, max_windows)
            if span is None
            else self._windows(next(ids), next(ids), next(ids), True, max_windows)
            for span in spans
        ]

    def _windows(self, before: list[int], name: list[int], after: list[int], marked: bool, most: int) -> Encoded:
        body = min(self._body, _AROUND_A_NAME) if marked else self._body
        if marked:
            name = [MARK_OPEN, *name[: body - 2], MARK_CLOSE]
            start = max(0, min(len(before), len(before) - (body - len(name)) // 2))
            if len(before) + len(name) + len(after) <= body:
                start = 0
            parts = [(before[start:] + name + after)[:body]]
        else:
            whole = before + name + after
            parts = [whole[at : at + body] for at in range(0, max(len(whole), 1), body)][:most]
        tokens = sum(map(len, parts))
        unknown = sum(part.count(self._unknown) for part in parts)
        windows = tuple((self._first, *part, self._last) for part in parts)
        return Encoded(windows, 1.0 - unknown / tokens if tokens else 0.0)

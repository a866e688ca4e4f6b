"""Answers that were given before: least recently used ones leave first."""

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b

from classifier.judgements import Judgement


def key_of(digest: str, text: str, language: str, targets: Sequence[str], kind: str | None) -> bytes:
    """Return what tells one question to a model from another: the model's digest and all that it is given."""
    parts = [digest, language, kind or "", str(len(targets)), *targets, text]
    whole = "\x00".join(f"{len(part)}:{part}" for part in parts)
    return blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Cache:
    """At most `size` judgements by key. Not safe for several threads: its owner locks."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[bytes, Judgement] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: bytes) -> Judgement | None:
        """Return the judgement and count it as used."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: bytes, judgement: Judgement) -> None:
        """Keep a judgement; the one least recently used leaves where there is no place."""
        if not self._size:
            return
        self._kept[key] = judgement
        self._kept.move_to_end(key)
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)

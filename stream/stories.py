"""When two texts tell one story, and how new a retelling is: the rules in whole numbers, which the stores follow to the
letter (`stores/lua/stories.lua` restates them). Who told what, a `StoryStore` remembers.
"""

import hashlib
import zlib
from collections.abc import Collection, Sequence
from typing import NamedTuple

from stream.times import DAY_MS, HOUR_MS
from stream.wording import SKETCH

LOOKED_AT = 6  # stories compared with a text at most
OPEN_KEYS = 3  # of the keys of a text (`stream.wording.KEYS`), those that hold for any company
KEPT_BY_KEY = 4  # stories a key remembers, the ones told last


class Alike(NamedTuple):
    """What two texts must have in common, in per cent: of the shorter one, and of both together."""

    shorter: int
    both: int


SOON = Alike(shorter=66, both=30)
LATER = Alike(shorter=80, both=45)  # last told more than `SOON_MS` ago: headlines of one mould come every week
SUPPORTED = Alike(shorter=50, both=25)  # one house re-heads, cuts and edits its own wire; a company's number is rare
UNSURE = Alike(shorter=85, both=35)  # a company was found in one text alone: it may be another
SHORT = Alike(shorter=85, both=33)  # of fewer than `SHORT_BELOW` parts: a few words stand in many texts
SHORT_BELOW = 12
SOON_MS = DAY_MS

# Novelty in thousandths of a text that retells what was last told within so many milliseconds (received time).
KNOWN = ((12 * HOUR_MS, 0), (DAY_MS, 200), (3 * DAY_MS, 400), (7 * DAY_MS, 700))
NEW_WORDING = 100  # is added for wording that the first telling has not, in proportion


class Overlap(NamedTuple):
    """Parts of two sketches in the range that both know whole: common, of the one, of the other."""

    common: int
    mine: int
    theirs: int

    @property
    def both(self) -> int:
        """Parts of the two together."""
        return self.mine + self.theirs - self.common

    def closer_than(self, other: "Overlap") -> bool:
        """Whether more is common, of the two together."""
        return self.common * other.both > other.common * self.both


def story_id(post: str) -> str:
    """The id of the story that a post is the first to tell."""
    return hashlib.blake2b(post.encode(), digest_size=8).hexdigest()


def keys_of(keys: Sequence[int], entities: Sequence[str]) -> list[int]:
    """The keys under which a text meets others: most hold for its first company alone, so that sentences which stand
    under many reports do not crowd them; a few for all, to meet texts in which no company was found."""
    if not entities:
        return list(keys)
    salt = zlib.crc32(entities[0].encode())
    return [*keys[:OPEN_KEYS], *(key ^ salt for key in keys[OPEN_KEYS:])]


def overlap(mine: Sequence[int], theirs: Sequence[int]) -> Overlap:
    """How much two sketches share."""
    known_to = min(mine[-1] if len(mine) == SKETCH else 1 << 32, theirs[-1] if len(theirs) == SKETCH else 1 << 32)
    other = {part for part in theirs if part <= known_to}
    own = [part for part in mine if part <= known_to]
    return Overlap(len(other.intersection(own)), len(own), len(other))


def alike_needed(found: Overlap, since_ms: int, supported: bool, unsure: bool) -> Alike:
    """What wording must be common, `since_ms` after the story was last told."""
    if min(found.mine, found.theirs) < SHORT_BELOW:
        return SHORT
    if unsure:
        return UNSURE
    if since_ms <= SOON_MS:
        return SUPPORTED if supported else SOON
    return SOON if supported else LATER


def one_story(found: Overlap, needed: Alike) -> bool:
    """Whether the wording is common enough."""
    return (
        found.common * 100 >= needed.shorter * min(found.mine, found.theirs)
        and found.common * 100 >= needed.both * found.both
    )


def differ(mine: Collection[int] | Collection[str], theirs: Collection[int] | Collection[str]) -> bool:
    """Whether each has what the other has not: two companies or two numbers are two stories; a cut is none."""
    return not (set(mine) <= set(theirs) or set(theirs) <= set(mine))


def meet(mine: Collection[int] | Collection[str], theirs: Collection[int] | Collection[str]) -> bool:
    """Whether they have one in common."""
    return not set(mine).isdisjoint(theirs)


def novelty_milli(since_ms: int, found: Overlap) -> int:
    """How new a retelling is, in thousandths: more the longer nobody told the story, and the more it adds."""
    known = next(known for within_ms, known in KNOWN if since_ms <= within_ms)
    return known + NEW_WORDING * (found.mine - found.common) // max(found.mine, 1)

"""Strangers' text made inert for one line of a message: no control, escape or invisible characters, no line breaks.
HTML is escaped where HTML is made, not here.
"""

import re
import unicodedata

# ECMA-48: control sequences, strings such as OSC with their terminator, and two-character escapes. A string that does
# not end soon is no string: else one character could hide all that follows it.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f]).{0,256}?(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-~]?",
    re.DOTALL,
)
_SPACES = re.compile(r"\s+")
_DROPPED = {"Cc", "Cf", "Cs", "Cn"}


def plain(text: str) -> str:
    """The text on one line: escape sequences dropped, runs of white space one space, then control, format (bidi,
    zero-width), surrogate and unassigned characters dropped."""
    text = _SPACES.sub(" ", _ESCAPES.sub("", text))  # line breaks are control characters, too
    kept = "".join(c for c in text if unicodedata.category(c) not in _DROPPED)
    return _SPACES.sub(" ", kept).strip()


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, the last one an ellipsis where something was cut."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"

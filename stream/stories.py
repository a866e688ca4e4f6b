"""Which texts tell the same story. Today: texts equal after normalisation. Which of them came first, and how many
there are, a `StoryStore` remembers.
"""

import hashlib
import re

from stream.cleaning import matching_form

_NOISE = re.compile(r"https?://\S+|^rt\s+@\w+:?|@\w+|[\W_]+")


def story_id(text: str) -> str:
    """A digest of the text without case, width, links, mentions, retweet marks, punctuation and spaces."""
    bare = _NOISE.sub("", matching_form(text)) or text
    return hashlib.blake2b(bare.encode(), digest_size=8).hexdigest()

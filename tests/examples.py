"""How many examples a property is tried on: fewer under the profile of `make test-fast`."""

from hypothesis import settings

USUAL = 100  # hypothesis' own number; the profile `fast` has fewer (tests/conftest.py)


def examples(number: int) -> settings:
    """So many of them, or under another profile as many as it has of a hundred, and five at least."""
    profile = settings.default or settings()
    return settings(max_examples=max(5, number * profile.max_examples // USUAL), deadline=None)

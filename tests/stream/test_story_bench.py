"""How well stories are told apart: the measure against a case worked by hand, and claims on invented syndications."""

from statistics import mean

import pytest

from stream.bench.clumps import compare, simulate
from stream.bench.stories import agreement, items_of
from stream.sample.syndication import syndicate
from stream.stores.memory_stories import MemoryStories


def test_agreement_equals_a_case_worked_by_hand() -> None:
    # found: {1, 1, 2}, {2}, {3}; true: {1, 1}, {2, 2}, {3}
    found = agreement([1, 1, 2, 2, 3], ["a", "a", "a", "b", "c"])
    assert (found.precision, found.recall) == (1 / 3, 1 / 2)
    assert found.post_precision == (4 / 3 + 1 / 3 + 1 + 1) / 5
    assert found.post_recall == (4 / 2 + 1 / 2 + 1 / 2 + 1) / 5
    assert agreement([1, 2], ["a", "b"])[:2] == (1.0, 1.0)


def test_syndications_are_the_same_each_time_and_hold_stories_that_only_look_alike() -> None:
    told = syndicate(seed=3, events=40)
    assert told == syndicate(seed=3, events=40) != syndicate(seed=4, events=40)
    assert told == sorted(told, key=lambda one: (one.received_ms, one.event))
    assert len({one.post for one in told}) == len(told) > len({one.event for one in told}) > 40


def test_retellings_are_found_and_other_stories_kept_apart() -> None:
    found = []
    for seed in range(101, 106):
        told = syndicate(seed)
        stories = MemoryStories().assign(items_of(told))
        found.append(agreement([one.event for one in told], [story.id for story in stories]))
    assert mean(one.precision for one in found) >= 0.97
    assert mean(one.recall for one in found) >= 0.94


@pytest.mark.slow
def test_stories_instead_of_posts_find_more_surges_with_fewer_false_alarms() -> None:
    world = simulate(2, 8)
    assert (world.voices >= world.negative_voices).all()
    assert (world.copies >= world.negative_copies).all()
    result = compare(missed=0.03, seed=2, series=12)
    posts, stories = result["posts"], result["stories"]
    assert isinstance(posts, dict)
    assert isinstance(stories, dict)
    assert stories["recall"] > posts["recall"]
    assert stories["falses_per_series_week"] < posts["falses_per_series_week"]

"""Claims about the bundled sample: what it holds, that it is the same each time, that its episodes are as they say."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.inference import Classifier, load
from stream.cleaning import clean, received_ms_of
from stream.companies import SHIPPED
from stream.errors import InputError
from stream.records import RawPost
from stream.sample import COMPANIES, WIRE_COPIES, Episode, Sample, generate
from stream.sample.phrases import CORES, Pool
from stream.sample.world import Outlet
from stream.sample.writing import Writer, bare_of
from stream.times import HOUR_MS, datetime_ms


@pytest.fixture(scope="module")
def sample() -> Sample:
    return generate()


def _within(sample: Sample, episode: Episode) -> list[RawPost]:
    return [
        post
        for post in sample.posts
        if post.symbols == [episode.symbol] and episode.start_ms <= datetime_ms(post.published_at) < episode.end_ms
    ]


def test_the_same_arguments_give_the_same_posts_and_another_seed_gives_others() -> None:
    short = generate(days=4, surge_at_h=84)
    assert generate(days=4, surge_at_h=84) == short
    assert generate(seed=8, days=4, surge_at_h=84).posts != short.posts


def test_ten_days_hold_fifteen_to_twenty_five_thousand_posts_in_order_of_time_with_ids_of_their_own(
    sample: Sample,
) -> None:
    times = [post.published_at for post in sample.posts]
    assert 15_000 <= len(times) <= 25_000
    assert times == sorted(times)
    assert len({post.id for post in sample.posts}) == len(times)
    assert (times[-1] - times[0]).days == 9


def test_every_post_passes_cleaning_and_links_to_its_company_alone(sample: Sample) -> None:
    for raw in sample.posts[::7]:
        post = clean(raw, received_ms_of(raw, {}), {})
        assert [found.symbol for found in SHIPPED.link(post.text, post.symbols)] == (raw.symbols or [])


def test_both_languages_and_both_kinds_of_source_are_there(sample: Sample) -> None:
    chinese = sum(any("\u4e00" <= c <= "\u9fff" for c in post.text) for post in sample.posts)
    assert 0.3 < chinese / len(sample.posts) < 0.7
    assert set(Counter(post.kind for post in sample.posts)) == {"news", "social"}


def test_nights_are_quieter_than_sessions_and_weekends_than_working_days(sample: Sample) -> None:
    american = [post.published_at for post in sample.posts if post.symbols == ["ORBQ"]]
    by_hour, by_day = Counter(when.hour for when in american), Counter(when.weekday() for when in american)
    assert by_hour[15] > 5 * by_hour[5]
    assert by_day[1] > 1.8 * 2 * by_day[5]  # ten days hold two Tuesdays and one Saturday


def test_the_syndicated_story_is_many_posts_and_one_voice(sample: Sample) -> None:
    stories = Counter(bare_of(post.text) for post in _within(sample, sample.wire))
    _, copies = stories.most_common(1)[0]
    assert copies == WIRE_COPIES
    assert len({post.text for post in _within(sample, sample.wire)}) > 20 + len(stories)


def test_bursts_are_louder_than_the_same_hours_of_other_days(sample: Sample) -> None:
    assert len(sample.bursts) == 4
    for burst in sample.bursts:
        day_before = Episode(burst.symbol, burst.start_ms - 24 * HOUR_MS, burst.end_ms - 24 * HOUR_MS)
        assert len(_within(sample, burst)) > 2 * len(_within(sample, day_before))


@settings(max_examples=6, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    company=st.integers(0, len(COMPANIES) - 1),
    at_h=st.integers(84, 6 * 24 - 3),
)
@pytest.mark.slow
def test_the_surge_lies_where_it_was_asked_for_and_no_wording_comes_twice_in_it(
    seed: int, company: int, at_h: int
) -> None:
    sample = generate(seed, days=6, surge_company=company, surge_at_h=at_h)
    assert sample.surge.symbol == COMPANIES[company].symbol
    assert (
        sample.surge.start_ms
        == datetime_ms(generate(seed).posts[0].published_at) // (24 * HOUR_MS) * (24 * HOUR_MS) + at_h * HOUR_MS
    )
    told = Counter(bare_of(post.text) for post in _within(sample, sample.surge) if not post.is_repost)
    assert sum(told.values()) >= 60
    assert sum(told.values()) - len(told) <= 6  # retweets of a text from before are the only repeats


@pytest.mark.parametrize(("company", "at_h"), [(-1, 100.0), (len(COMPANIES), 100.0), (0, 20.0), (0, 239.0)])
def test_a_surge_that_does_not_fit_is_refused_with_a_reason(company: int, at_h: float) -> None:
    with pytest.raises(InputError, match="give"):
        generate(surge_company=company, surge_at_h=at_h)


@pytest.fixture(scope="module")
def model() -> Classifier:
    return load()


@pytest.mark.slow
@pytest.mark.parametrize("pool", sorted(CORES))
def test_the_shipped_model_reads_the_moods_as_they_are_meant(pool: Pool, model: Classifier) -> None:
    language, kind, mood = pool
    writer, outlet = Writer(random.Random(5)), Outlet("x", kind, language, 1.0)
    texts = [writer.post(COMPANIES[number % len(COMPANIES)], outlet, mood) for number in range(300)]
    judged = model.classify(texts, [language] * 300, [()] * 300)
    negative = sum(judgement.label == "negative" for judgement in judged) / 300
    assert negative >= 0.95 if mood == "negative" else negative <= 0.03

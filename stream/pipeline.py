"""The stages: plain functions over batches. They know no Kafka, no environment and no wall clock; time and stores are
passed in, and no stage asks in which mode it runs.

    messages -> to_opinions -> opinions -> to_counts -> trends -> alerts
                                        -> documents
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

import msgspec

from alerts.rules import Heard
from alerts.votes import Excerpt, encode_excerpt
from classifier.inference import Classifier, Judgement
from stream.cleaning import DEFAULT_SOURCE, Sources, clean, detect_language, is_stale, received_ms_of
from stream.companies import SHIPPED
from stream.entities import MAX_ISSUERS, asked_of, entities_of, links_of
from stream.errors import RecordRefused
from stream.linking import COUNTS_FROM, Link, Linker
from stream.records import (
    LABELS,
    MARKER_HEADER,
    DeadLetter,
    Entity,
    Label,
    Marker,
    Message,
    ModelRef,
    Opinion,
    Post,
    Sentiment,
    TopicScore,
    decode_marker,
    decode_opinion,
    decode_raw_post,
    label_of,
)
from stream.stores.protocols import Counted, SeriesVote, StoryItem, StoryStore
from stream.times import format_ms, parse_ms
from stream.wording import Wording, wordings

Clock = Literal["broker", "record"]
MARKET = "market:all"
EXCERPT_CHARACTERS = 280


class SecondOpinion(Protocol):
    """Asks somebody else about posts of whose sentiment the model is unsure (`stream/asking.py`)."""

    def reconsider(
        self,
        posts: Sequence[Post],
        texts: Sequence[str],
        languages: Sequence[str],
        links: Sequence[Sequence[Link]],
        judged: Sequence[Judgement],
        now_ms: int,
    ) -> list[Judgement]:
        """The judgements in order, some with other probabilities. Never raises, and takes a bounded time."""
        ...


class Judge(NamedTuple):
    """What the classify stage needs. `now_ms` gives the time of classification from a post's received time."""

    classifier: Classifier
    stories: StoryStore
    sources: Sources
    clock: Clock
    now_ms: Callable[[int], int]
    second: SecondOpinion | None = None
    linker: Linker = SHIPPED


Outcome = Opinion | Marker | DeadLetter | None


class Judged(NamedTuple):
    """A batch after its classifier: what each message was decoded to, and of each post what it will take to tell it."""

    batch: Sequence[Message]
    decoded: Sequence[Post | Marker | DeadLetter | None]
    languages: Sequence[str]
    links: Sequence[Sequence[Link]]
    asked: Sequence[Mapping[int, str]]
    judgements: Sequence[Judgement | Exception]


def to_opinions(batch: Sequence[Message], judge: Judge) -> list[Outcome]:
    """One outcome a message, in order: an opinion, a progress marker, a dead letter, or None for a tombstone.

    Never raises for what is inside a message: if judging the batch fails, its rows are judged one by one, and only
    those that fail again are refused. Faults of the stores (`ServerUnavailable`) do pass through.
    """
    return told(judged(batch, judge), judge)


def judged(batch: Sequence[Message], judge: Judge) -> Judged:
    """The first half of `to_opinions`, in which no store is changed: batches may be judged while others are told."""
    decoded = [_decode_post(message, judge) for message in batch]
    posts = [post for post in decoded if isinstance(post, Post)]
    languages = [detect_language(post.text, post.lang) for post in posts]
    links = [links_of(post, judge.linker) for post in posts]
    asked = [asked_of(post, found) for post, found in zip(posts, links, strict=True)]
    judgements = _reconsider(posts, languages, links, _classify(posts, languages, asked, judge.classifier), judge)
    return Judged(batch, decoded, languages, links, asked, judgements)


def told(found: Judged, judge: Judge) -> list[Outcome]:
    """The second half: stories, in the order of the batches, and each post's opinion."""
    posts = [post for post in found.decoded if isinstance(post, Post)]
    fine = [place for place, one in enumerate(found.judgements) if isinstance(one, Judgement)]
    items = story_items([posts[place] for place in fine], [found.links[place] for place in fine], judge.sources)
    stories = dict(zip(fine, judge.stories.assign(items), strict=True))
    model = ModelRef(judge.classifier.info.id, judge.classifier.info.version, judge.classifier.info.digest)
    outcomes: list[Outcome] = []
    places = iter(range(len(posts)))
    for message, post in zip(found.batch, found.decoded, strict=True):
        if not isinstance(post, Post):
            outcomes.append(post)
            continue
        place = next(places)
        judgement = found.judgements[place]
        if not isinstance(judgement, Judgement):
            outcomes.append(DeadLetter(message, "classify", type(judgement).__name__, str(judgement)))
            continue
        outcomes.append(
            Opinion(
                **msgspec.structs.asdict(post),
                language=found.languages[place],
                sentiment=_sentiment(judgement),
                topics=tuple(TopicScore(topic, probability) for topic, probability in judgement.topics),
                entities=entities_of(found.links[place], found.asked[place], judgement),
                story=stories[place],
                model=model,
                classified_at=format_ms(judge.now_ms(parse_ms(post.received_at))),
            )
        )
    return outcomes


def _decode_post(message: Message, judge: Judge) -> Post | Marker | DeadLetter | None:
    try:
        if message.header(MARKER_HEADER) is not None:
            # A heartbeat's time is the broker's stamp; history brings its own.
            return Marker(message.timestamp_ms) if judge.clock == "broker" else decode_marker(message.value)
        if message.value is None:
            return None
        raw = decode_raw_post(message.value)
        received_ms = message.timestamp_ms if judge.clock == "broker" else received_ms_of(raw, judge.sources)
        return clean(raw, received_ms, judge.sources)
    except RecordRefused as refusal:
        return DeadLetter(message, "decode", type(refusal).__name__, f"{refusal.reason}: {refusal}")


def story_items(posts: Sequence[Post], links: Sequence[Sequence[Link | Entity]], sources: Sources) -> list[StoryItem]:
    """How each post asks for its place in a story; `links` are the companies found in it."""
    worded = wordings([_whole(post) for post in posts])
    return [_story_item(*row, sources) for row in zip(posts, links, worded, strict=True)]


def _story_item(post: Post, links: Sequence[Link | Entity], wording: Wording, sources: Sources) -> StoryItem:
    companies = {one.symbol for one in links if one.symbol and one.confidence >= COUNTS_FROM}
    family = sources.get(post.source, DEFAULT_SOURCE).family
    return StoryItem(post.id, parse_ms(post.received_at), wording, tuple(sorted(companies)), family)


def _classify(
    posts: Sequence[Post], languages: Sequence[str], asked: Sequence[Mapping[int, str]], classifier: Classifier
) -> list[Judgement | Exception]:
    texts, kinds = [_whole(post) for post in posts], [post.kind for post in posts]
    targets = [tuple(words.values()) for words in asked]
    try:
        return list(classifier.classify(texts, languages, targets, kinds))
    except Exception:  # any fault of a model, ours or a user's, must cost one row at most
        return [_classify_one(*row, classifier) for row in zip(texts, languages, targets, kinds, strict=True)]


def _classify_one(
    text: str, language: str, target: Sequence[str], kind: str, classifier: Classifier
) -> Judgement | Exception:
    try:
        return classifier.classify([text], [language], [target], [kind])[0]
    except Exception as error:
        return error


def _reconsider(
    posts: Sequence[Post],
    languages: Sequence[str],
    links: Sequence[Sequence[Link]],
    judged: list[Judgement | Exception],
    judge: Judge,
) -> list[Judgement | Exception]:
    """The judgements after a second opinion, if there is one; rows that could not be judged stay so."""
    fine = [(place, one) for place, one in enumerate(judged) if isinstance(one, Judgement)]
    if judge.second is None or not fine:
        return judged
    places, own = zip(*fine, strict=True)
    asked = [posts[place] for place in places]
    better = judge.second.reconsider(
        asked,
        [_whole(post) for post in asked],
        [languages[place] for place in places],
        [links[place] for place in places],
        own,
        judge.now_ms(parse_ms(asked[-1].received_at)),
    )
    by_place = dict(zip(places, better, strict=True))
    return [by_place.get(place, one) for place, one in enumerate(judged)]


def _whole(post: Post) -> str:
    return f"{post.title}\n{post.text}" if post.title else post.text


def _sentiment(judgement: Judgement) -> Sentiment:
    probabilities: dict[str, float] = dict(
        zip(LABELS, (judgement.negative, judgement.neutral, judgement.positive), strict=True)
    )
    return Sentiment(label_of(judgement.label), judgement.score, probabilities)


def decode_opinions(batch: Sequence[Message], stage: str) -> list[Opinion | Marker | DeadLetter | None]:
    """One outcome a message of the opinions topic, in order; None for a tombstone."""
    return [_decode_opinion(message, stage) for message in batch]


def _decode_opinion(message: Message, stage: str) -> Opinion | Marker | DeadLetter | None:
    try:
        if message.header(MARKER_HEADER) is not None:
            return decode_marker(message.value)
        return decode_opinion(message.value) if message.value is not None else None
    except RecordRefused as refusal:
        return DeadLetter(message, stage, type(refusal).__name__, f"{refusal.reason}: {refusal}")


def progress_of(outcomes: Sequence[tuple[int, Outcome]]) -> dict[int, int]:
    """Partition -> milliseconds before which all its posts have gone by, from (partition, outcome) in order."""
    marks: dict[int, int] = {}
    for partition, outcome in outcomes:
        if isinstance(outcome, Marker):
            marks[partition] = max(outcome.before_ms, marks.get(partition, 0))
        elif isinstance(outcome, Opinion):
            marks[partition] = max(parse_ms(outcome.received_at), marks.get(partition, 0))
    return marks


def to_counts(opinions: Sequence[Opinion], heard: Heard, sources: Sources, sectors: Mapping[str, str]) -> list[Counted]:
    """What each opinion adds to which series. Only series that are `heard` keep votes for the detector; `sectors` names
    the sector of a company by its symbol, where it is known."""
    return [_count(opinion, heard, sources, sectors) for opinion in opinions]


def _count(opinion: Opinion, heard: Heard, sources: Sources, sectors: Mapping[str, str]) -> Counted:
    received_ms, published_ms = parse_ms(opinion.received_at), parse_ms(opinion.published_at)
    votes = [
        SeriesVote(name, LABELS.index(label), round(score * 1000), name.partition(":")[0] in heard.kinds)
        for name, (label, score) in series_of(opinion, sectors).items()
    ]
    kinds = {vote.series.partition(":")[0] for vote in votes if vote.watched}
    shown = bool(kinds & (heard.shown | heard.told)) or any(vote.watched and vote.negative for vote in votes)
    source = sources.get(opinion.source, DEFAULT_SOURCE)
    return Counted(
        id=opinion.id,
        received_ms=received_ms,
        published_ms=published_ms,
        story=opinion.story.id,
        first=opinion.story.novelty > 0.5,
        stale=is_stale(published_ms, received_ms, source),
        votes=tuple(votes),
        excerpt=encode_excerpt(_excerpt(opinion)) if shown else b"",
        novelty_milli=round(opinion.story.novelty * 1000),
        source=opinion.source,
        teller=(source.family or opinion.source) if kinds & heard.told else "",
    )


def series_of(opinion: Opinion, sectors: Mapping[str, str]) -> Mapping[str, tuple[Label, float]]:
    """The series an opinion is a voice in, once in each, with the sentiment that counts there: a company's own in the
    company's series, the whole post's in the market's, its source's, topics' and sectors'."""
    whole = (opinion.sentiment.label, opinion.sentiment.score)
    series = {MARKET: whole, f"source:{opinion.source}": whole}
    series.update((f"topic:{topic.id}", whole) for topic in opinion.topics)
    for symbol, sentiment in _issuers(opinion).items():
        series[f"issuer:{symbol}"] = sentiment
        if sector := sectors.get(symbol):
            series[f"sector:{sector}"] = whole
        series.update((f"issuer_topic:{symbol}|{topic.id}", sentiment) for topic in opinion.topics)
    return series


def _issuers(opinion: Opinion) -> Mapping[str, tuple[Label, float]]:
    """The companies that an opinion counts for, by symbol, with the sentiment towards each; none of a list."""
    issuers = {
        entity.symbol: (entity.sentiment.label, entity.sentiment.score)
        for entity in opinion.entities
        if entity.symbol and entity.confidence >= COUNTS_FROM
    }
    return issuers if len(issuers) <= MAX_ISSUERS else {}


def _excerpt(opinion: Opinion) -> Excerpt:
    return Excerpt(
        id=opinion.id,
        story=opinion.story.id,
        source=opinion.source,
        published_at=opinion.published_at,
        received_at=opinion.received_at,
        text=opinion.text[:EXCERPT_CHARACTERS],
        score_milli=round(opinion.sentiment.score * 1000),
        topics=tuple(topic.id for topic in opinion.topics[:8]),
        url=opinion.url,
        author=opinion.author,
        companies=tuple(_issuers(opinion))[:8],
    )

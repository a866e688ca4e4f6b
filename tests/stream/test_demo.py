"""Claims about the demo: the alert is raised on the true surge and on nothing else, wherever the surge lies."""

import msgspec
import pytest

from alerts.events import Alert
from alerts.rules import load_rules
from classifier.inference import LINEAR, Classifier, load
from stream.demo import run_once
from stream.embedded import Spine
from stream.exchanges import calendars_with
from stream.records import Message
from stream.sample import Sample, generate
from stream.settings import DEPLOYED_RULES, Settings
from stream.times import HOUR_MS, parse_ms

BATCH = 500


# The linear model reads the sample as the default one does, at a hundredth of the time.
QUICK = load(LINEAR)


def alerts_of(sample: Sample, model: Classifier = QUICK) -> list[Alert]:
    """All alerts of a sample through the shipped stages and rules."""
    spine = Spine(model, load_rules(DEPLOYED_RULES), {}, None, calendar_of=calendars_with(""))
    alerts: list[Alert] = []
    for start in range(0, len(sample.posts), BATCH):
        fed = spine.feed([Message(msgspec.json.encode(post)) for post in sample.posts[start : start + BATCH]])
        assert not fed.refused
        alerts += fed.alerts
    return alerts + spine.finish()


def assert_only_the_surge(sample: Sample) -> None:
    fired = [alert for alert in alerts_of(sample) if alert.event == "fired"]
    assert [(alert.series.kind, alert.series.key) for alert in fired] == [("issuer", sample.surge.symbol)]
    assert sample.surge.start_ms < parse_ms(fired[0].evaluated_at) <= sample.surge.start_ms + HOUR_MS
    assert len(fired[0].evidence) >= 3
    in_surge = [sample.surge.start_ms <= parse_ms(post.received_at) for post in fired[0].evidence]
    assert sum(in_surge) >= 3


# seed, company, hour of the surge: small and large companies, sessions, nights and the week-end, both languages
MOVED = [(1, 1, 100.0), (5, 5, 140.0), (9, 8, 101.0), (13, 6, 97.0)]
MOVED_FURTHER = [
    (2, 2, 110.5),
    (3, 3, 125.0),
    (4, 4, 90.0),
    (6, 6, 86.0),
    (8, 7, 150.0),
    (10, 9, 133.0),
    (11, 0, 160.0),
    (12, 4, 115.0),
    (14, 2, 144.0),
    (15, 8, 121.0),
]


@pytest.mark.parametrize(("seed", "company", "at_h"), MOVED)
@pytest.mark.slow
def test_with_another_seed_and_the_surge_moved_the_alert_follows_it(seed: int, company: int, at_h: float) -> None:
    assert_only_the_surge(generate(seed, days=7, surge_company=company, surge_at_h=at_h))


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "company", "at_h"), MOVED_FURTHER)
def test_it_follows_it_elsewhere_too(seed: int, company: int, at_h: float) -> None:
    assert_only_the_surge(generate(seed, days=7, surge_company=company, surge_at_h=at_h))


@pytest.mark.slow
def test_the_bundled_demo_ends_with_one_incident_and_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    demo = run_once(Settings(), seed=7)
    surge = generate(7).surge
    (incident,) = demo.incidents.list(10)
    printed = capsys.readouterr().out
    assert surge.symbol in printed
    assert surge.start_ms < parse_ms(incident.opened_at) <= surge.start_ms + HOUR_MS
    assert len(list(demo.documents.ids())) == len(demo.posts)

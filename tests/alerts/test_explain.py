"""Claims about explanations: they say what stands in the table of scores, and why. All counts are invented."""

from pathlib import Path

import pytest

from alerts.errors import CalendarError, CountsError
from alerts.explain import explain
from tests.alerts.test_detect import run, surge_lines, write


def test_an_explanation_says_what_the_row_says_and_what_decided(tmp_path: Path) -> None:
    path = write(tmp_path, [*surge_lines("acme"), *surge_lines("other", 100)])
    row = run(path)[1][401]
    found = explain(path, f"acme@{row['bucket_start']}")
    assert f"{found.score:.6f}" == row["score"]
    assert found.chance == pytest.approx(10**-found.score)
    assert found.negatives > found.expected_high >= found.expected >= found.expected_low
    assert found.share > 0.5 > found.usual_share
    assert found.key == "share"
    for words in ("acme 2026-01-09T04:15:00Z", f"{found.negatives} negative of {found.total}", "above the threshold"):
        assert words in found.text()


def test_an_explanation_says_which_hour_of_the_calendar_the_bucket_is(tmp_path: Path) -> None:
    path = write(tmp_path, surge_lines())
    assert "04:00 UTC of a working day: expected" in explain(path, "acme@2026-01-09T04:15:00Z").text()
    by_session = explain(path, "acme@2026-01-09T04:15:00Z", calendar="XHKG")
    assert by_session.hour == "XHKG: hour 3 of the session"
    with pytest.raises(CalendarError, match="known are"):
        explain(path, "acme@2026-01-09T04:15:00Z", calendar="NYSE")


def test_a_moment_within_the_bucket_and_another_offset_will_do(tmp_path: Path) -> None:
    path = write(tmp_path, surge_lines())
    assert explain(path, "acme@2026-01-09T05:20:00+01:00") == explain(path, "acme@2026-01-09T04:15:00Z")


def test_history_counts_for_the_explanation_too(tmp_path: Path) -> None:
    lines = surge_lines()
    past, now = write(tmp_path, lines[:300], "past.csv"), write(tmp_path, lines[300:], "now.csv")
    whole = write(tmp_path, lines)
    assert explain(now, "acme@2026-01-09T04:15:00Z", warm_up=past) == explain(whole, "acme@2026-01-09T04:15:00Z")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("acme", "takes SERIES@TIME"),
        ("acme@noon", "takes SERIES@TIME"),
        ("acme@2026-01-09T04:15:00", "takes SERIES@TIME"),
        ("acme@2031-01-09T04:15:00Z", "no bucket of series 'acme'"),
        ("nobody@2026-01-09T04:15:00Z", "no bucket of series 'nobody'"),
    ],
)
def test_a_bucket_that_is_not_there_is_one_line(tmp_path: Path, target: str, message: str) -> None:
    with pytest.raises(CountsError, match=message) as error:
        explain(write(tmp_path, surge_lines()), target)
    assert "\n" not in str(error.value)

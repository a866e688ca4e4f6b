"""Claims about rules: what a budget over many series leaves each, and which rules are refused."""

import pytest

from alerts.errors import RulesError
from alerts.lifecycle import threshold
from alerts.rules import LEAST_BUDGET, Rule, heard_by, parse_rules


def written(**fields: object) -> str:
    return "\n".join(["rules:", "  - id: surge", "    series: [issuer]", *(f"    {k}: {v}" for k, v in fields.items())])


def test_a_budget_is_of_each_series_unless_it_is_over_many() -> None:
    assert parse_rules(written(budget=0.25))[0].series_budget == 0.25
    (route,) = parse_rules(written(budget=3, over=300))
    assert route.series_budget == pytest.approx(0.01)
    assert threshold(route.series_budget) == pytest.approx(4.827, abs=0.001)


@pytest.mark.parametrize(("budget", "over"), [(LEAST_BUDGET / 2, 1), (0.25, 300), (1, 5000), (21, 1), (500, 3)])
def test_a_budget_that_no_detector_keeps_is_refused_with_what_it_leaves_each_series(budget: float, over: int) -> None:
    with pytest.raises(
        RulesError, match=rf"surge: a budget of {budget:g} a week over {over} series leaves each .*over"
    ):
        parse_rules(written(budget=budget, over=over))


@pytest.mark.parametrize("over", [0, -1, 1.5, "many"])
def test_over_must_be_a_number_of_series(over: object) -> None:
    with pytest.raises(RulesError, match=r"over"):
        parse_rules(written(over=over))


def test_the_version_says_over_how_many() -> None:
    assert Rule("surge", ("issuer",), budget=3, over=300).version != Rule("surge", ("issuer",), budget=3).version


def test_a_rule_without_a_measure_is_about_negative_surges_and_has_the_version_it_always_had() -> None:
    (rule,) = parse_rules(written(budget=0.25))
    assert rule.measure == "negative"
    assert Rule("negative-surge", ("issuer",)).version == "8c063b228662"
    assert Rule("negative-surge", ("issuer",), measure="volume").version != Rule("negative-surge", ("issuer",)).version


def test_an_unknown_measure_is_refused() -> None:
    with pytest.raises(RulesError, match=r"measure|enum"):
        parse_rules(written(measure="loudness"))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"measure": "volume", "min_negatives": 5}, "surge: min_negatives says nothing on a rule of measure volume"),
        ({"measure": "silence", "learning_days": 9, "min_total": 5}, "surge: min_total says nothing on .* silence"),
        ({"measure": "silence", "learning_days": 1}, "surge: silence .* learning_days of at least 8"),
        ({"measure": "lag"}, r"surge: lag is measured of sources; give series: \[source\]"),
        ({"measure": "mix"}, r"surge: a mix is of a company's topics; give series: \[issuer_topic\]"),
        ({"sources": 5}, "surge: sources says nothing on a rule of measure negative"),
        ({"measure": "volume", "within_minutes": 5}, "surge: within_minutes says nothing on a rule of measure volume"),
        ({"measure": "breakout", "budget": 0.5}, "surge: budget says nothing on a rule of measure breakout"),
        ({"measure": "breakout", "sources": 1}, r"Expected `int` >= 2 - at `\$.rules\[0\].sources`"),
        ({"measure": "silence"}, "surge: silence .* learning_days of at least 8"),
    ],
)
def test_what_a_measure_does_not_know_is_refused_in_one_line(fields: dict[str, object], says: str) -> None:
    with pytest.raises(RulesError, match=says) as refused:
        parse_rules(written(**fields))
    assert "\n" not in str(refused.value)


def test_a_breakout_is_never_asked_of_a_source() -> None:
    with pytest.raises(RulesError, match="surge: a source tells its stories alone"):
        parse_rules(written(measure="breakout").replace("[issuer]", "[issuer, source]"))
    (rule,) = parse_rules(written(measure="breakout"))
    assert (rule.asked_sources, rule.asked_minutes, rule.has_budget) == (5, 120, False)


def test_what_rules_must_hear_follows_from_their_measures() -> None:
    mix = heard_by([Rule("mix", ("issuer_topic",), measure="mix")])
    assert [sorted(part) for part in mix] == [["issuer", "issuer_topic"], ["issuer_topic"], []]
    both = heard_by([Rule("breakout", ("issuer",), measure="breakout"), Rule("surge", ("topic",))])
    assert [sorted(part) for part in both] == [["issuer", "topic"], [], ["issuer"]]

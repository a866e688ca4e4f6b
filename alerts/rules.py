"""Rules: which series are watched, how strictly. Read whole from YAML and refused whole; the version is a digest of the
content. Routes and silences belong to the dispatcher.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import msgspec
import yaml

from alerts.errors import RulesError
from alerts.events import SeriesKind

LEAST_BUDGET = 0.001  # per series; what is rarer has not been seen often enough to be told apart
MOST_BUDGET = 20.0
BREAKOUT_SOURCES, BREAKOUT_MINUTES = 5, 120
LEAST_SILENCE_DAYS = 8.0  # a whole week, weekend and all
Measure = Literal["negative", "volume", "silence", "breakout", "lag", "mix"]
Positive = Annotated[float, msgspec.Meta(gt=0)]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is watched, by which measure, and how strictly.

    `budget` is the accepted number of false episodes a week: of each series or, with `over`, of so many series together
    (all that tell the same people). `learning_days` is how long a series must have been seen before it may fire,
    `rest_hours` how long it stays quiet after an incident resolved. A breakout has no budget: a story breaks out when
    so many independent `sources` (5) told it `within_minutes` (120).
    """

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    series: tuple[SeriesKind, ...]
    budget: Positive = 0.25
    over: Annotated[int, msgspec.Meta(ge=1)] = 1
    min_negatives: Annotated[int, msgspec.Meta(ge=1)] = 3
    min_total: Annotated[int, msgspec.Meta(ge=1)] = 3
    learning_days: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    rest_hours: Annotated[float, msgspec.Meta(ge=0)] = 3.0
    measure: Measure = "negative"
    sources: Annotated[int, msgspec.Meta(ge=2)] | None = None
    within_minutes: Annotated[int, msgspec.Meta(ge=1, le=1440)] | None = None

    def watches(self, series: str) -> bool:
        """Whether the rule is about a series of this name, such as `issuer:ABCD`."""
        return series.partition(":")[0] in self.series

    @property
    def asked_sources(self) -> int:
        """How many sources make a breakout."""
        return BREAKOUT_SOURCES if self.sources is None else self.sources

    @property
    def asked_minutes(self) -> int:
        """Within how many minutes they do."""
        return BREAKOUT_MINUTES if self.within_minutes is None else self.within_minutes

    @property
    def has_budget(self) -> bool:
        """Whether firings by chance can be told beforehand, and so be budgeted."""
        return self.measure != "breakout"

    @property
    def series_budget(self) -> float:
        """What each series has of the budget: false episodes a week."""
        return self.budget / self.over

    @property
    def version(self) -> str:
        """The first 12 hexadecimal digits of the SHA-256 of the rule's canonical JSON, in which fields stand that are
        younger than the others only where they say something: a rule as it was keeps its version."""
        fields = msgspec.structs.asdict(self)
        said = {name: value for name, value in fields.items() if name not in _YOUNGER or value != _DEFAULTS[name]}
        return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:12]


_OF_BREAKOUTS = ("sources", "within_minutes")
_SAYS_NOTHING: Mapping[Measure, tuple[str, ...]] = {
    "negative": _OF_BREAKOUTS,
    "volume": ("min_negatives", *_OF_BREAKOUTS),
    "silence": ("min_negatives", "min_total", *_OF_BREAKOUTS),
    "lag": _OF_BREAKOUTS,
    "mix": _OF_BREAKOUTS,
    "breakout": ("budget", "over", "min_negatives", "min_total", "learning_days", "rest_hours"),
}
_YOUNGER = ("measure", *_OF_BREAKOUTS)
_DEFAULTS: Mapping[str, object] = {field.name: field.default for field in msgspec.structs.fields(Rule)}


class Heard(NamedTuple):
    """What rules must hear of series by kind: votes of `kinds`, what posts of `shown` and `told` say, whatever their
    mood, and who tells the stories of `told`."""

    kinds: frozenset[str]
    shown: frozenset[str]
    told: frozenset[str]


def heard_by(rules: Sequence[Rule]) -> Heard:
    """What all these rules together must hear."""

    def of(*measures: Measure) -> frozenset[str]:
        return frozenset(kind for rule in rules if rule.measure in measures for kind in rule.series)

    kinds = frozenset(kind for rule in rules for kind in rule.series)
    companies = frozenset({"issuer"} if of("mix") else ())  # among whose votes those of a topic are
    return Heard(kinds | companies, of("volume", "mix"), of("breakout"))


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rules: Annotated[tuple[Rule, ...], msgspec.Meta(min_length=1)]


def parse_rules(text: str) -> tuple[Rule, ...]:
    """The rules in a YAML text; `RulesError` names the first field that is wrong."""
    try:
        rules = msgspec.convert(yaml.safe_load(text), _File).rules
    except yaml.YAMLError as error:
        raise RulesError(f"rules are no YAML: {' '.join(str(error).split())}") from None
    except msgspec.ValidationError as error:
        raise RulesError(f"rules: {error}") from None
    names = [rule.id for rule in rules]
    if len(set(names)) < len(names):
        raise RulesError("rules: two rules bear the same id; give each its own")
    for rule in rules:
        _check_measure(rule)
        if not LEAST_BUDGET <= rule.series_budget <= MOST_BUDGET:
            raise RulesError(
                f"rules: {rule.id}: a budget of {rule.budget:g} a week over {rule.over} series leaves each "
                f"{rule.series_budget:.2g}, and a detector keeps to {LEAST_BUDGET:g} (once in 20 years) to "
                f"{MOST_BUDGET:g}; change budget or over"
            )
    return rules


def _check_measure(rule: Rule) -> None:
    """That the rule says nothing which its measure does not know."""
    for name in _SAYS_NOTHING[rule.measure]:
        if getattr(rule, name) != _DEFAULTS[name]:
            raise RulesError(f"rules: {rule.id}: {name} says nothing on a rule of measure {rule.measure}; leave it out")
    if rule.measure == "lag" and rule.series != ("source",):
        raise RulesError(f"rules: {rule.id}: lag is measured of sources; give series: [source]")
    if rule.measure == "mix" and rule.series != ("issuer_topic",):
        raise RulesError(f"rules: {rule.id}: a mix is of a company's topics; give series: [issuer_topic]")
    if rule.measure == "breakout" and "source" in rule.series:
        raise RulesError(
            f"rules: {rule.id}: a source tells its stories alone, so none breaks out there; take another kind"
        )
    if rule.measure == "silence" and rule.learning_days < LEAST_SILENCE_DAYS:
        raise RulesError(
            f"rules: {rule.id}: silence is judged by hours and weekends that were seen; "
            f"give learning_days of at least {LEAST_SILENCE_DAYS:g}"
        )


def load_rules(path: Path) -> tuple[Rule, ...]:
    """The rules of a file; `RulesError` where it cannot be read."""
    try:
        return parse_rules(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RulesError(f"rules file {path} cannot be read: {error}") from None

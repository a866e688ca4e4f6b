"""Settings: one TOML file and `GROUNDSWELL_…` variables over it. The only module that reads the environment. Unknown
keys are errors that name the nearest known key; secrets come from files or the environment and show as `***`.
"""

import difflib
import json
import os
import secrets
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec

from alerts.calendars import UTC
from alerts.notify.channels import Channels
from classifier.cascade.settings import CascadeSettings
from classifier.engine.settings import EngineSettings
from classifier.foreign.settings import ForeignModel
from stream.cleaning import Source
from stream.errors import SettingsError

ENVIRONMENT_PREFIX = "GROUNDSWELL_"
LOCAL_ROOT = Path(".groundswell")
DEPLOYED_RULES = Path(__file__).parent.parent / "deploy" / "rules.yml"


Prefix = Annotated[str, msgspec.Meta(pattern=r"^([a-z0-9][a-z0-9._-]{0,62})?$")]  # Elasticsearch takes no capitals


class Kafka(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where Kafka is. `heartbeat_s` is how often a classify worker marks the time in the partitions it holds."""

    bootstrap: str = "127.0.0.1:9092"
    partitions: int = 6
    replication: int = 1
    heartbeat_s: float = 2.0


class Redis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where Redis is; the URL may carry a password."""

    url: str = "redis://127.0.0.1:6379/0"

    def __repr__(self) -> str:
        return "Redis(url='***')"


class Elasticsearch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where Elasticsearch is; the URL may carry a password."""

    url: str = "http://127.0.0.1:9200"

    def __repr__(self) -> str:
        return "Elasticsearch(url='***')"


class Desk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the desk page listens, and under which names it may be opened."""

    host: str = "127.0.0.1"
    port: int = 8642
    hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "[::1]")


class OwnCompanies(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A CSV of own companies and names, `symbol,name,aliases,from,to`; it is read anew when it changes."""

    file: Path | None = None


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings. `prefix` separates a history and all that is derived from it from the live topics.

    `calendar` is the exchange, by its MIC, whose sessions the series of no company follow; without, UTC hours hold.
    `sectors` names a company's sector by its symbol, over the table's. `model` is a model folder of Groundswell's own;
    `foreign` is a transformers model that judges sentiment instead.
    """

    clock: Literal["broker", "record"] = "broker"
    prefix: Prefix = ""
    shards: int = 2
    batch: int = 500
    batch_wait_s: float = 0.2
    kafka: Kafka = Kafka()
    redis: Redis = Redis()
    elasticsearch: Elasticsearch = Elasticsearch()
    desk: Desk = Desk()
    channels: Channels = Channels()
    sources: dict[str, Source] = {}
    sectors: dict[str, Annotated[str, msgspec.Meta(pattern=r"^[^\s:|]{1,60}$")]] = {}
    calendar: str = UTC
    companies: OwnCompanies = OwnCompanies()
    rules: Path = DEPLOYED_RULES
    model: Path | None = None
    foreign: ForeignModel | None = None
    engine: EngineSettings = EngineSettings()
    cascade: CascadeSettings = CascadeSettings()
    author_key_file: Path = LOCAL_ROOT / "author.key"
    fault: str = ""  # see stream/agents/faults.py


def load_settings(
    path: Path | None = None, environment: Mapping[str, str] | None = None, **over: str | None
) -> Settings:
    """The settings of `path` (default `groundswell.toml`, if there), the local stack, the environment, and `over`.

    The environment's names are `GROUNDSWELL_` and the key, tables joined by `__`: `GROUNDSWELL_KAFKA__BOOTSTRAP`.
    Raises `SettingsError` naming the key.
    """
    environment = os.environ if environment is None else environment
    values = _local_stack(LOCAL_ROOT / "stack.json")
    _merge(values, _toml(path))
    for name, text in environment.items():
        if name.startswith(ENVIRONMENT_PREFIX):
            keys = name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
            _put(values, keys, _scalar(text))
    for name, given in over.items():
        if given is not None:
            _put(values, [name], given)
    _refuse_unknown(values)
    try:
        return msgspec.convert(values, Settings, strict=False, dec_hook=_decode_path)
    except msgspec.ValidationError as error:
        raise SettingsError(f"settings: {error}") from None


def child_environment(over: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with `over` on top, for a process that it starts."""
    return {**os.environ, **over}


def author_key(settings: Settings, *, create: bool) -> bytes:
    """The key of author pseudonyms; made once where there is none and `create` is set."""
    path = settings.author_key_file
    try:
        return path.read_bytes().strip()
    except FileNotFoundError:
        if not create:
            raise SettingsError(
                f"no author key at {path}; run 'groundswell produce' once or set author_key_file"
            ) from None
    path.parent.mkdir(parents=True, exist_ok=True)
    key = secrets.token_hex(32).encode()
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(key)
    except FileExistsError:
        return path.read_bytes().strip()
    return key


def _toml(path: Path | None) -> dict[str, Any]:
    given, path = path, path or Path("groundswell.toml")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if given is None:
            return {}
        raise SettingsError(f"settings file {path} is not there") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"settings file {path} is no TOML: {error}") from None


def _local_stack(path: Path) -> dict[str, Any]:
    """Where `groundswell up` put the servers, if it did."""
    try:
        stack = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {
        "kafka": {"bootstrap": stack["kafka"]},
        "redis": {"url": stack["redis_url"]},
        "elasticsearch": {"url": stack["elasticsearch_url"]},
    }


def _merge(into: dict[str, Any], values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _put(values: dict[str, Any], keys: list[str], value: object) -> None:
    for key in keys[:-1]:
        values = values.setdefault(key, {})
        if not isinstance(values, dict):
            raise SettingsError(f"setting '{'.'.join(keys)}': '{key}' is no table")
    values[keys[-1]] = value


def _scalar(text: str) -> object:
    """JSON where the text is a JSON list or object, else the text itself (numbers are converted by their type)."""
    if text[:1] in "[{":
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _decode_path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError(kind)


def _refuse_unknown(values: Mapping[str, Any], kind: type[msgspec.Struct] = Settings, prefix: str = "") -> None:
    fields = {field.name: _without_none(field.type) for field in msgspec.structs.fields(kind)}
    for key, value in values.items():
        if key not in fields:
            known = [*(prefix + name for name in fields), *_known(Settings)]
            near = difflib.get_close_matches(prefix + key, known, n=1, cutoff=0.4)
            hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(sorted(known))}"
            raise SettingsError(f"unknown setting '{prefix}{key}'; {hint}")
        inner, place = _table(fields[key]), f"{prefix}{key}."
        if inner is None:
            continue
        if isinstance(value, list):
            tables = [(place, row) for row in value]
        elif isinstance(fields[key], type):
            tables = [(place, value)]
        else:  # tables by name
            tables = [(f"{place}{name}.", row) for name, row in value.items()] if isinstance(value, dict) else []
        for where, table in tables:
            if isinstance(table, dict):
                _refuse_unknown(table, inner, where)


def _known(kind: type[msgspec.Struct], prefix: str = "") -> Iterator[str]:
    for field in msgspec.structs.fields(kind):
        yield prefix + field.name
        inner = _without_none(field.type)
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            yield from _known(inner, f"{prefix}{field.name}.")


def _without_none(kind: Any) -> Any:
    """What an optional field holds where it holds something."""
    given = [part for part in get_args(kind) if part is not NoneType]
    return given[0] if get_origin(kind) is UnionType and len(given) == 1 else kind


def _table(kind: Any) -> type[msgspec.Struct] | None:
    """The struct that a field holds: one, a list of them, or one by name."""
    if get_origin(kind) is None:
        return kind if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else None
    return next((inner for part in get_args(kind) if (inner := _table(part)) is not None), None)

"""Documents in Elasticsearch: one index a month behind one alias, the post's id as `_id`, and an external version that
lets the record received first stay. The mapping is `deploy/elasticsearch/opinions.json`.

A document lives in the index of the month in which its id was first seen: before a batch is written, its ids are looked
up behind the alias, so that a repeat in a later month meets the earlier record and does not become a second document.
What this process wrote lately is remembered beside that, for a search sees it only after the next refresh.
"""

import hashlib
import json
import random
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import resources
from typing import Any, NamedTuple

import msgspec
from elastic_transport import ConnectionError as NoConnection
from elastic_transport import ConnectionTimeout, TransportError
from elasticsearch import ApiError, BadRequestError, Elasticsearch

from stream.errors import ServerUnavailable
from stream.records import Opinion
from stream.times import parse_ms

MAX_ID_BYTES = 512  # of `_id`; a longer id is written under its digest and kept whole in the field `id`
MAX_HITS = 10_000  # index.max_result_window
_CHUNK_BYTES = 8 * 2**20
_CHUNK_DOCS = 1000
_RECENT = 100_000  # more than is written between two refreshes (a second)
_ATTEMPTS = 6
_MAY_PASS = frozenset({408, 429, 500, 502, 503, 504})
_FIRST_WINS = 2**53  # version = this - received_ms: the record received first has the highest
_ENCODE = msgspec.json.Encoder().encode


class _Item(NamedTuple):
    """One record on its way: its place in the batch, where it goes, and its two lines of a bulk request."""

    place: int
    id: str
    target: str
    lines: tuple[bytes, bytes]


def connect(url: str, timeout_s: float = 30.0) -> Elasticsearch:
    """A client for an http:// or https:// URL. Retries are the store's own."""
    return Elasticsearch(url, request_timeout=timeout_s, max_retries=0, retry_on_timeout=False)


def version_of(url: str) -> str:
    """Return the server's version; raises `ServerUnavailable` where none answers."""
    client = connect(url, timeout_s=10.0)
    try:
        told = client.nodes.info(filter_path="nodes.*.version")  # `/` is a plugin's, which a small server may lack
    except (ApiError, TransportError) as error:
        reason = type(error).__name__
        raise ServerUnavailable(
            f"Elasticsearch does not answer ({reason}); run 'groundswell up', or set elasticsearch.url"
        ) from None
    finally:
        client.close()
    return ", ".join(sorted({str(node["version"]) for node in told["nodes"].values()}))


class ElasticsearchDocuments:
    """A `DocumentStore`. `prefix` (lower case) begins the names of alias, indices and template.

    `get`, `latest`, `ids` and `count` see what was written before the last refresh. `sleep` (seconds) and `jitter` (a
    factor in [0, 1)) serve the waits between attempts.
    """

    def __init__(
        self,
        client: Elasticsearch,
        prefix: str = "groundswell",
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.alias = f"{prefix}-opinions"
        self._client = client
        self._sleep = sleep
        self._jitter = jitter
        self._recent: OrderedDict[str, str] = OrderedDict()  # _id -> index
        self._is_set_up = False

    def setup(self) -> None:
        """Puts the index template; doing it again changes nothing. `index` does it once if nobody did."""
        template = json.loads((resources.files("deploy") / "elasticsearch" / "opinions.json").read_bytes())
        template["index_patterns"] = [f"{self.alias}-*"]
        template["template"]["aliases"] = {self.alias: {}}
        with self._faults_named():
            if not self._knows_analyzer("cjk"):
                for field in ("title", "text"):
                    template["template"]["mappings"]["properties"][field]["analyzer"] = "standard"
            self._client.indices.put_index_template(
                name=self.alias,
                index_patterns=template["index_patterns"],
                template=template["template"],
                priority=template["priority"],
                meta=template["_meta"],
            )
        self._is_set_up = True

    def index(self, opinions: Sequence[Opinion]) -> list[str | None]:
        """See `DocumentStore.index`; of records received in the same millisecond the one written last stays."""
        if not self._is_set_up:
            self.setup()
        reasons: list[str | None] = [None] * len(opinions)
        for chunk in _chunks(opinions):
            items = self._routed(chunk)
            waiting = items
            for attempt in range(_ATTEMPTS):
                if attempt:
                    self._sleep(min(10.0, 0.2 * 2**attempt) * (0.5 + self._jitter() / 2))
                waiting, problem = self._write(waiting, reasons)
                if not waiting:
                    break
            else:
                raise ServerUnavailable(self._line(f"{len(waiting)} documents still refused: {problem}"))
            self._remember(item for item in items if reasons[item.place] is None)
        return reasons

    def refresh(self) -> None:
        """See `DocumentStore.refresh`."""
        with self._faults_named():
            self._client.indices.refresh(index=self.alias, ignore_unavailable=True)

    def get(self, post_id: str) -> Opinion | None:
        """See `DocumentStore.get`."""
        found = self._search(query={"ids": {"values": [_document_id(post_id)]}}, size=1)
        return found[0] if found else None

    def latest(self, limit: int, symbol: str | None = None) -> list[Opinion]:
        """See `DocumentStore.latest`; `MAX_HITS` at most."""
        about: dict[str, Any] = {"match_all": {}} if symbol is None else {"term": {"entities.symbol": symbol}}
        return self._search(
            query=about,
            size=max(0, min(limit, MAX_HITS)),
            sort=[
                {"received_at": {"order": "desc", "unmapped_type": "date"}},
                {"id": {"order": "desc", "unmapped_type": "keyword"}},
            ],
        )

    def ids(self) -> Iterator[str]:
        """See `DocumentStore.ids`; a snapshot, in no order."""
        with self._faults_named():
            pit = self._client.open_point_in_time(index=self.alias, keep_alive="5m", ignore_unavailable=True)["id"]
        try:
            after: list[Any] | None = None
            while True:
                with self._faults_named():
                    answer = self._client.search(
                        pit={"id": pit, "keep_alive": "5m"},
                        size=MAX_HITS,
                        sort=[{"_shard_doc": "asc"}],
                        search_after=after,
                        source=False,
                        docvalue_fields=[{"field": "id"}],
                        track_total_hits=False,
                        allow_partial_search_results=False,
                    )
                pit = answer["pit_id"]
                hits = answer["hits"]["hits"]
                if not hits:
                    return
                yield from (hit["fields"]["id"][0] for hit in hits)
                after = hits[-1]["sort"]
        finally:
            with self._faults_named():
                self._client.close_point_in_time(id=pit)

    def count(self) -> int:
        """How many documents there are."""
        with self._faults_named():
            return int(self._client.count(index=self.alias, ignore_unavailable=True)["count"])

    def _routed(self, chunk: Sequence[tuple[int, Opinion, bytes]]) -> list[_Item]:
        """The records with the index each goes to: where its id is already, else the month it was received in."""
        names = [_document_id(opinion.id) for _, opinion, _ in chunk]
        known = self._where_written(names)
        items = []
        for name, (place, opinion, body) in zip(names, chunk, strict=True):
            index = known.setdefault(name, f"{self.alias}-{opinion.received_at[:4]}.{opinion.received_at[5:7]}")
            version = _FIRST_WINS - parse_ms(opinion.received_at)
            action = {"index": {"_index": index, "_id": name, "version": version, "version_type": "external_gte"}}
            items.append(_Item(place, name, index, (_ENCODE(action), body)))
        return items

    def _where_written(self, names: Sequence[str]) -> dict[str, str]:
        with self._faults_named():
            answer = self._client.search(
                index=self.alias,
                ignore_unavailable=True,
                query={"ids": {"values": names}},
                size=len(names),
                source=False,
                allow_partial_search_results=False,
                track_total_hits=False,
            )
        known = {hit["_id"]: hit["_index"] for hit in answer["hits"]["hits"]}
        known.update((name, self._recent[name]) for name in names if name in self._recent)
        return known

    def _remember(self, items: Iterator[_Item]) -> None:
        self._recent.update((item.id, item.target) for item in items)
        while len(self._recent) > _RECENT:
            self._recent.popitem(last=False)

    def _write(self, items: Sequence[_Item], reasons: list[str | None]) -> tuple[list[_Item], str]:
        """One bulk request. Notes reasons; returns the items that may pass later, and what stood in their way."""
        try:
            with self._faults_named():
                answer = self._client.bulk(operations=[line for item in items for line in item.lines])  # type: ignore[misc]
        except _Busy as error:
            return list(items), str(error)
        again, problem = [], ""
        if answer["errors"]:
            for item, outcome in zip(items, answer["items"], strict=True):
                result = outcome["index"]
                if result["status"] < 300 or result["status"] == 409:  # 409: an earlier record of this id is there
                    continue
                if _is_own_fault(result):
                    reasons[item.place] = _reason(result["error"])
                else:
                    again.append(item)
                    problem = _reason(result["error"])
        return again, problem

    def _search(self, **request: Any) -> list[Opinion]:
        with self._faults_named():
            answer = self._client.search(
                index=self.alias,
                ignore_unavailable=True,
                track_total_hits=False,
                allow_partial_search_results=False,
                **request,
            )
        return [msgspec.convert(hit["_source"], Opinion) for hit in answer["hits"]["hits"]]

    def _knows_analyzer(self, name: str) -> bool:
        try:
            self._client.indices.analyze(analyzer=name, text="x")
        except BadRequestError:
            return False
        return True

    @contextmanager
    def _faults_named(self) -> Iterator[None]:
        """Turns faults that may pass into `ServerUnavailable` with the server's address, never its password."""
        try:
            yield
        except ConnectionTimeout as error:
            raise _Busy(self._line(f"no answer in time: {error.message}")) from None
        except NoConnection as error:
            raise ServerUnavailable(self._line(error.message)) from None
        except TransportError as error:
            raise ServerUnavailable(self._line(error.message)) from None
        except ApiError as error:
            if error.status_code in _MAY_PASS:
                raise _Busy(self._line(f"{error.status_code} {error.message}")) from None
            if error.status_code in (401, 403):
                raise ServerUnavailable(self._line(f"it refuses us: {error.status_code} {error.message}")) from None
            raise

    def _line(self, reason: str) -> str:
        nodes = [node.config for node in self._client.transport.node_pool.all()]
        where = ", ".join(f"{node.host}:{node.port}" for node in nodes)
        return (
            f"Elasticsearch at {where} does not serve ({' '.join(reason.split())}); "
            "start it with `groundswell up` or check the setting elasticsearch.url"
        )


class _Busy(ServerUnavailable):
    """It answers, or did a moment ago: worth another attempt at once."""


def _document_id(post_id: str) -> str:
    raw = post_id.encode()
    return post_id if len(raw) <= MAX_ID_BYTES else "blake2b:" + hashlib.blake2b(raw, digest_size=20).hexdigest()


def _chunks(opinions: Sequence[Opinion]) -> Iterator[list[tuple[int, Opinion, bytes]]]:
    """Places, records and their JSON, cut so that a request stays far below what a server takes."""
    chunk: list[tuple[int, Opinion, bytes]] = []
    size = 0
    for place, opinion in enumerate(opinions):
        body = _ENCODE(opinion)
        if chunk and (size + len(body) > _CHUNK_BYTES or len(chunk) == _CHUNK_DOCS):
            yield chunk
            chunk, size = [], 0
        chunk.append((place, opinion, body))
        size += len(body)
    if chunk:
        yield chunk


def _is_own_fault(result: Mapping[str, Any]) -> bool:
    """Whether the document itself cannot be written, now or later; a closed index answers 400, too."""
    return bool(result["status"] == 400 and result["error"]["type"] != "index_closed_exception")


def _reason(error: Mapping[str, Any]) -> str:
    cause = error.get("caused_by", {}).get("reason")
    text = f"{error['type']}: {error['reason']}" + (f" ({cause})" if cause else "")
    return " ".join(text.split())

"""The companies that posts may be about: the table with its dates, users' own rows, and the linker on both."""

import logging
from collections.abc import Sequence
from pathlib import Path

from stream.companies.linker import TableLinker
from stream.companies.own import read_own, with_own
from stream.companies.table import shipped
from stream.errors import InputError
from stream.linking import Link

log = logging.getLogger("groundswell")


class Companies:
    """A `stream.linking.Linker` over the shipped table and, where given, a user's own file.

    The table is read when it is first needed. The own file is read anew when it changes; one that is refused is told
    in the log and changes nothing, except at the start: then `InputError` is raised.
    """

    def __init__(self, own: Path | None = None) -> None:
        self._own = own
        self._linker: TableLinker | None = None
        self._seen: tuple[int, int] | None = None

    @property
    def linker(self) -> TableLinker:
        """Return the linker in force."""
        if self._linker is None:
            self._seen = _stamp(self._own)
            self._linker = linker_with(self._own)
        elif self._own is not None and (stamp := _stamp(self._own)) != self._seen:
            self._seen = stamp
            try:
                self._linker = linker_with(self._own)
                log.info("companies: %s was read anew", self._own)
            except InputError as error:
                log.warning("companies: the names known before stay in force: %s", error)
        return self._linker

    def link(
        self,
        text: str,
        symbols: Sequence[str] = (),
        targets: Sequence[str] = (),
        *,
        title: str | None = None,
        day: int | None = None,
    ) -> list[Link]:
        """See `stream.linking.Linker`."""
        return self.linker.link(text, symbols, targets, title=title, day=day)


def linker_with(own: Path | None) -> TableLinker:
    """Return a linker over the shipped table and a user's own file; raises InputError as `read_own` does."""
    table = shipped()
    if own is None:
        return TableLinker(table)
    return TableLinker(with_own(table, read_own(own, table.issuers)))


def _stamp(path: Path | None) -> tuple[int, int] | None:
    try:
        stat = path.stat() if path is not None else None
    except OSError:
        return None
    return (stat.st_mtime_ns, stat.st_size) if stat is not None else None


SHIPPED = Companies()

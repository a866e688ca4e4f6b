"""Labelled texts, from the sets that are known by name and from users' own files, through one door: `load`.

The known sets stand in `sets.py`, users' files in `own.py` and `label_map.py`, how files are read in `tables.py`; texts
that stand twice are told by `leakage.py`. This file is the public surface.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from classifier.data.label_map import SKIP
from classifier.data.leakage import drop_leaks, leakage_report
from classifier.data.own import FEWEST_ROWS, ROLES, OwnFile, OwnRows, read_own, script_language
from classifier.data.sets import (
    ANY,
    DEV_SHARE,
    NEGATIVE,
    NEUTRAL,
    POSITIVE,
    SENTIMENT_BITS,
    SETS,
    THREE,
    DataSet,
    Example,
    Licence,
    Marked,
    Split,
    at_most,
    find,
    held_keys,
    held_out,
    present,
    read,
    read_marked,
    text_key,
    training_part,
)
from classifier.errors import DataError

__all__ = (
    "ANY",
    "DEV_SHARE",
    "FEWEST_ROWS",
    "NEGATIVE",
    "NEUTRAL",
    "POSITIVE",
    "ROLES",
    "SENTIMENT_BITS",
    "SETS",
    "SKIP",
    "THREE",
    "DataSet",
    "Example",
    "Licence",
    "Loaded",
    "Marked",
    "OwnFile",
    "OwnRows",
    "Split",
    "at_most",
    "drop_leaks",
    "find",
    "held_keys",
    "held_out",
    "leakage_report",
    "load",
    "present",
    "read",
    "read_marked",
    "read_own",
    "script_language",
    "text_key",
    "training_part",
)


class Loaded(NamedTuple):
    """All that is there to learn from and to measure on; `skipped` counts users' rows by path and reason."""

    sets: tuple[DataSet, ...]
    examples: list[Example]
    marked: list[Marked]
    skipped: dict[str, dict[str, int]]


def load(folder: Path | None, own: Sequence[OwnFile] = (), language: str | None = None) -> Loaded:
    """Read the known sets under `folder` and then the users' files, all of them or those of one language.

    Raises DataError where there is nothing to read, for two files of one name, and as `read` and `read_own` do.
    """
    if folder is None and not own:
        raise DataError("no data is given; name a folder that holds known data sets, or a file of your own")
    sets: list[DataSet] = []
    examples: list[Example] = []
    marked: list[Marked] = []
    skipped: dict[str, dict[str, int]] = {}
    if folder is not None:
        sets += [one for one in present(folder) if language in (None, one.language)]
        examples += [example for one in sets for example in read(folder, one)]
        marked += [name for one in sets for name in read_marked(folder, one)]
    for file in own:
        added = read_own(file)
        twins = {one.name for one in sets} & {one.name for one in added.sets}
        if twins:
            raise DataError(f"two files make a set {min(twins)}: {file.path} needs another name than the one before it")
        sets += [one for one in added.sets if language in (None, one.language)]
        examples += [example for example in added.examples if language in (None, example.data_set.language)]
        marked += [name for name in added.marked if language in (None, name.data_set.language)]
        skipped[str(file.path)] = added.skipped
    return Loaded(tuple(sets), examples, marked, skipped)

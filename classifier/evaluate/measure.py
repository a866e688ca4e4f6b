"""The way of an evaluation: sets are read, models asked, their answers scored, sliced and compared, the report written.

Figures depend on the models and the rows alone; nothing here is timed (`bench.py`) or fitted (`training/`).
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from classifier import data
from classifier.errors import DataError
from classifier.evaluate import hard, report, resampling
from classifier.evaluate.answers import Answers, answers, merged, part
from classifier.evaluate.baselines import Baseline, Exam, all_baselines, fixed
from classifier.evaluate.names import name_scores
from classifier.evaluate.scores import expected_calibration_error, rounded, scores, summary
from classifier.evaluate.slices import Members, membership, slice_scores
from classifier.inference import load
from classifier.judgements import Classifier, Judgement, ModelInfo
from classifier.labels import LANGUAGES


class _Sheet(NamedTuple):
    """One set with the evaluated model's answers, and which rows belong to which slice."""

    data_set: data.DataSet
    answers: Answers
    members: Members


class _Other:
    """Another model on the same rows; filled set by set."""

    def __init__(self, model: Baseline, rival: bool) -> None:
        self.model = model
        self.rival = rival  # compared row by row
        self.figures: dict[str, dict[str, Any]] = {"sets": {}, "hard_cases": {}}
        self.comparison: dict[str, dict[str, Any]] = {"sets": {}, "hard_cases": {}}

    def sit(self, exam: Exam, kind: str, name: str, ours: Answers) -> None:
        """Answer one exam; what was found goes to `kind` and `name`."""
        classifier, note = self.model.choose(exam)
        said = {"note": note} if note else {}
        if classifier is None:
            self.figures[kind][name] = said
            return
        theirs = answers(exam.rows, ask(classifier, exam.rows))
        self.figures[kind][name] = {**_with_intervals(theirs, exam.data_set.task), **said}
        if self.rival:
            self.comparison[kind][name] = resampling.compare(ours, theirs)


def run(
    model: Path | None,
    data_folder: Path,
    split: str,
    *,
    against: Path | None = None,
    baselines: bool = False,
    hard_cases: bool = False,
    out: Path | None = None,
    limit: int | None = None,
    tell: Callable[[str], None] = lambda _text: None,
) -> dict[str, Any]:
    """Evaluate a model folder (None: the shipped model) on the sets under `data_folder`; `split` is dev or test.

    `against` is compared with it on the same rows; `baselines` and `hard_cases` are added; into the folder `out` go
    report.html and report.json; `limit` keeps at most so many rows of a set. Raises DataError, ArtifactError, and
    ClassifierError where the report cannot be written.
    """
    _check(split)
    if out is not None:
        report.prepare(out)
    classifier = load(model)
    others = [_rival(load(against), classifier.info)] if against is not None else []
    others += [_Other(one, False) for one in (all_baselines() if baselines else ())]

    sheets, sets = [], {}
    for exam in exams(data_folder, split, limit):
        own = exam.data_set
        tell(f"{own.name}: {len(exam.rows)} rows")
        ours = answers(exam.rows, ask(classifier, exam.rows))
        sets[own.name] = _set_figures(exam.rows, ours)
        sheets.append(_Sheet(own, ours, membership([row.text for row in exam.rows], own.language)))
        for other in others:
            other.sit(exam, "sets", own.name, ours)

    result = {
        "model": msgspec.to_builtins(classifier.info),
        "split": split,
        **({} if limit is None else {"limit": limit}),
        "intervals": resampling.described(),
        "sets": sets,
        "languages": _by_language(sets),
        "slices": _slices(sheets),
        "names": name_scores(classifier, data_folder, split, limit, tell),
        **({"hard_cases": _hard(classifier, others, tell)} if hard_cases else {}),
        "others": [{"name": other.model.name, "rival": other.rival, **other.figures} for other in others],
        "comparisons": [{"against": other.model.name, **other.comparison} for other in others if other.rival],
    }
    if out is not None:
        report.write(result, out)
    return result


def evaluate(classifier: Classifier, data_folder: Path, split: str) -> dict[str, Any]:
    """Return figures by set, and by language over the sets; raises DataError where no set has such a split."""
    _check(split)
    return by_set(classifier, [row for exam in exams(data_folder, split, None) for row in exam.rows])


def by_set(classifier: Classifier, rows: Sequence[data.Example]) -> dict[str, Any]:
    """Return figures by set, and by language over the sets, for rows of any sets; those that teach nothing are left."""
    sets = {}
    for name in dict.fromkeys(row.data_set.name for row in rows if row.data_set.task != "texts"):
        own = [row for row in rows if row.data_set.name == name]
        sets[name] = _set_figures(own, answers(own, ask(classifier, own)))
    return {"sets": sets, "languages": _by_language(sets)}


def pooled_error(rows: Sequence[data.Example], judged: Sequence[Judgement]) -> float:
    """Return the expected calibration error of sentiment over rows of several sets together."""
    sheets = []
    for name in dict.fromkeys(row.data_set.name for row in rows):
        own = [place for place, row in enumerate(rows) if row.data_set.name == name]
        sheets.append(answers([rows[place] for place in own], [judged[place] for place in own]))
    together = merged(sheets)
    return rounded(expected_calibration_error(together.confidence, together.correct))


def _check(split: str) -> None:
    if split not in ("dev", "test"):
        raise DataError(f"unknown split {split!r}; choose dev or test")


def _rival(classifier: Classifier, ours: ModelInfo) -> _Other:
    info = classifier.info
    name = f"{info.id} {info.version}"
    if (info.id, info.version) == (ours.id, ours.version):
        name += f" ({info.digest[:8]})"
    return _Other(fixed(name, classifier), True)


def exams(folder: Path, split: str, limit: int | None) -> Iterator[Exam]:
    """Read the labelled sets one after the other; raises DataError where none has such a split."""
    found = False
    for data_set in data.present(folder):
        if data_set.task != "texts":
            every = data.read(folder, data_set)
            rows = data.at_most(limit, [row for row in every if row.split == split])
            if rows:
                found = True
                yield Exam(rows, [row for row in every if row.split == "train"])
    if not found:
        raise DataError(f"no set under {folder} has a {split} part")


def ask(classifier: Classifier, rows: Sequence[data.Example]) -> list[Judgement]:
    """Judge labelled rows as posts of their set's language and kind would be."""
    own = [row.data_set for row in rows]
    texts, kinds = [row.text for row in rows], [one.kind for one in own]
    return classifier.classify(texts, [one.language for one in own], [()] * len(rows), kinds)


def _set_figures(rows: Sequence[data.Example], ours: Answers) -> dict[str, Any]:
    own = rows[0].data_set
    figures = {"task": own.task, "language": own.language, **_with_intervals(ours, own.task)}
    fresh = np.array([not row.duplicated for row in rows], dtype=np.bool_)
    if fresh.any() and not fresh.all():
        figures["without_near_duplicates"] = _with_intervals(part(ours, fresh), own.task)
    return figures


def _with_intervals(found: Answers, task: str) -> dict[str, Any]:
    return {**scores(found, task), "intervals": resampling.intervals(found)}


def _hard(classifier: Classifier, others: Sequence[_Other], tell: Callable[[str], None]) -> dict[str, Any]:
    """Ask all models the hard cases, a language at a time: not every model reads both."""
    asked, judged = [], []
    for language in LANGUAGES:
        own = [case for case in hard.cases() if case.language == language]
        tell(f"hard cases, {language}: {len(own)} sentences")
        exam = Exam(hard.rows(own))
        said = ask(classifier, exam.rows)
        for other in others:
            other.sit(exam, "hard_cases", language, answers(exam.rows, said))
        asked += own
        judged += said
    return hard.hard_scores(asked, judged)


def _by_language(by_set: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Average the sets of each language and task, each set counting the same."""
    found: dict[str, dict[str, Any]] = {}
    for language in LANGUAGES:
        for task in ("sentiment", "topics"):
            own = [score for score in by_set.values() if (score["language"], score["task"]) == (language, task)]
            if own:
                found.setdefault(language, {})[task] = {
                    "sets": len(own),
                    "n": sum(score["n"] for score in own),
                    "accuracy": rounded(sum(score["accuracy"] for score in own) / len(own)),
                    "macro_f1": rounded(sum(score["macro_f1"] for score in own) / len(own)),
                }
    return found


def _slices(sheets: Sequence[_Sheet]) -> dict[str, dict[str, Any]]:
    """Score slices by task, of each set, of the sets of one language together, and of all sets together."""
    found: dict[str, dict[str, Any]] = {}
    for task in ("sentiment", "topics"):
        own = [sheet for sheet in sheets if sheet.data_set.task == task]
        groups = {"all": own} if own else {}
        groups |= {name: [sheet for sheet in own if sheet.data_set.language == name] for name in LANGUAGES}
        groups |= {sheet.data_set.name: [sheet] for sheet in own}
        for name, group in groups.items():
            if group:
                together = merged([sheet.answers for sheet in group])
                members = {key: np.concatenate([sheet.members[key] for sheet in group]) for key in group[0].members}
                found.setdefault(task, {})[name] = {
                    "whole": summary(together),
                    "slices": slice_scores(together, members),
                }
    return found

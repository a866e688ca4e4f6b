"""The model card, made from the run record alone, so that it cannot say what was not measured."""

from typing import Any

_WHAT = {
    "linear": "A linear model over hashed n-grams of characters and words; 8-bit weights.",
    "encoder": "One small BERT encoder a language with two heads, for sentiment and for topics; {precision} weights.",
}
_HEAD = """# {id}, version {version}

Sentiment (negative, neutral, positive) and topics of short financial texts in English and Chinese.
{what}
No text of its training data is inside.

Digest of weights and settings: `{digest}`

## Trained on
| set | teaches | language | licence | rows | SHA-256 of the file |
|---|---|---|---|---|---|
"""

_LIMITS = {
    "linear": """- It knows words and their neighbours, not sentences: irony, questions and far negation are missed.
- It judges a text as a whole; a name in it is given the text's own judgement.
""",
    "encoder": """- Irony without its usual signs, and what needs knowledge of the world, are missed (see hard cases).
- Of a long text it reads the first windows; the first counts twice.
- A name is judged where it first stands in the text; a name that does not stand there has the text's judgement.
""",
}
_ALL_LIMITS = """- It does not check facts, and sentiment is not a forecast of prices.
- The dev parts were looked at while settings were chosen; they also chose the epoch and set the temperatures.
- Other languages than English and Chinese are read as English, and are held for less certain.
- Sets differ in what they call neutral; figures of one set do not carry over to another.
"""


def render(record: dict[str, Any]) -> str:
    """Return the card in Markdown."""
    recipe = record["recipe"]["name"]
    text = _HEAD.format(what=_WHAT[recipe].format_map(record["model"]), **record["model"])
    for row in record["sets"]:
        rows = row["training_rows"] or ("none: evaluation only" if row["licence"] == "no training" else "texts only")
        text += (
            f"| {row['title']} (`{row['name']}`) | {row['task']} | {row['language']} | {row['licence']} | {rows} "
            f"| `{row['sha256'][:16]}…` |\n"
        )
    unstated = [row["title"] for row in record["sets"] if row["licence"] == "unstated" and row["training_rows"]]
    if unstated:
        text += f"\nPublic research data whose licence is not stated: {', '.join(unstated)}.\n"
    text += _ours(record)
    for language, run in record.get("runs", {}).items():
        text += f"\nThe encoder `{language}` starts from {_origin(run)}.\n"
        for other in run.get("averaged_with", ()):
            text += f"Its weights are averaged with those of a run from {_origin(other)}.\n"
    for split in ("dev", "test"):
        if split in record:
            text += _table(split, record[split])
    if "hard_cases" in record:
        text += _hard(record["hard_cases"])
    text += "\n## Limits\n" + _LIMITS[recipe] + _ALL_LIMITS
    text += f"\nRecipe: `{recipe}`, all settings in `metrics.json`; made with {_versions(record['versions'])}.\n"
    return text


def _origin(run: dict[str, Any]) -> str:
    """Say what a run started from, back to the package of the pretrained encoder."""
    before = run["base"].get("run")
    start = _origin(before) if before else f"`{run['base']['name']}` (SHA-256 `{run['base']['sha256'][:16]}…`)"
    return f"{start}, {len(run['curve'])} epochs with seed {run['seed']}"


def _ours(record: dict[str, Any]) -> str:
    """Say what was learnt from rules and sentences of our own."""
    groups = dict(record.get("rows", {}))
    for run in record.get("runs", {}).values():
        groups.update(run["rows"])
    ruled = sum(count for name, count in groups.items() if "_ruled_" in name)
    written = sum(count for name, count in groups.items() if name.endswith("_written"))
    text = ""
    if ruled:
        text += f"\nAlso trained, at a low weight, on {ruled} texts that our own rules label.\n"
        text += "Topics that no set of a language can name are learnt there from these rules, and are not measured.\n"
    if written:
        text += f"\nAlso trained on {written} sentences of our own grammar (`training/written.py`).\n"
    return text


def _versions(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))


def _hard(figures: dict[str, Any]) -> str:
    text = "\n## Hard cases\nSentences of our own, by phenomenon; no model was tuned on them.\n\n"
    text += "| language | n | accuracy |\n|---|---|---|\n"
    for language, score in figures["languages"].items():
        text += f"| {language} | {score['n']} | {score['accuracy']:.3f} |\n"
    return text


def _table(split: str, figures: dict[str, Any]) -> str:
    text = f"\n## Measured on the {split} parts\n"
    text += "| set | n | accuracy | macro-F1 | calibration error |\n|---|---|---|---|---|\n"
    for name, score in sorted(figures["sets"].items()):
        text += _line(name, score)
        if "without_near_duplicates" in score:
            text += _line(f"{name}, without near duplicates of training rows", score["without_near_duplicates"])
    return text + _names(split, figures.get("names", {}))


def _names(split: str, by_set: dict[str, Any]) -> str:
    if not by_set:
        return ""
    text = f"\n### Names within the texts of the {split} parts\nMacro-F1 of names, beside the text's label for all.\n\n"
    text += (
        "| set | names | macro-F1 | text's label | where labels differ | text's label |\n|---|---|---|---|---|---|\n"
    )
    for name, row in sorted(by_set.items()):
        cells = [
            f"{row[kind][of]['macro_f1']:.3f}" if kind in row else "–"
            for kind in ("all", "differing")
            for of in ("name", "text")
        ]
        text += f"| {name} | {row['all']['name']['n']} | {' | '.join(cells)} |\n"
    return text


def _line(name: str, score: dict[str, Any]) -> str:
    error = f"{score['ece']:.3f}" if "ece" in score else "–"
    return f"| {name} | {score['n']} | {score['accuracy']:.3f} | {score['macro_f1']:.3f} | {error} |\n"

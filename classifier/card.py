"""The model card, made from the run record alone, so that it cannot say what was not measured."""

from typing import Any

_HEAD = """# {id}, version {version}

Sentiment (negative, neutral, positive) and topics of short financial texts in English and Chinese.
A linear model over hashed n-grams of characters and words; 8-bit weights; no text of its training data is inside.

Digest of weights and settings: `{digest}`

## Trained on
| set | teaches | language | licence | rows | SHA-256 of the file |
|---|---|---|---|---|---|
"""

_LIMITS = """
## Limits
- It knows words and their neighbours, not sentences: irony, questions and far negation are missed.
- It judges a text as a whole; a name in it is given the text's own judgement.
- It does not check facts, and sentiment is not a forecast of prices.
- The dev parts were looked at while settings were chosen; they also set the temperatures.
- Other languages than English and Chinese are read as English, and poorly.
- Sets differ in what they call neutral; figures of one set do not carry over to another.
"""


def render(record: dict[str, Any]) -> str:
    """Return the card in Markdown."""
    text = _HEAD.format(**record["model"])
    for row in record["sets"]:
        rows = row["training_rows"] or "none: evaluation only"
        text += (
            f"| {row['title']} (`{row['name']}`) | {row['task']} | {row['language']} | {row['licence']} | {rows} "
            f"| `{row['sha256'][:16]}…` |\n"
        )
    unstated = [row["title"] for row in record["sets"] if row["licence"] == "unstated" and row["training_rows"]]
    if unstated:
        text += f"\nPublic research data whose licence is not stated: {', '.join(unstated)}.\n"
    if record["ruled_rows"]:
        text += (
            f"\nAlso trained, at a low weight, on news whose mood our own rules tell: {record['ruled_rows']} rows.\n"
        )
        text += (
            "Topics that no set of a language can name are learnt there from rules of our own, and are not measured.\n"
        )
    for split in ("dev", "test"):
        if split in record:
            text += _table(split, record[split])
    text += _LIMITS
    text += f"\nRecipe: `{record['recipe']}`; made with {record['versions']}.\n"
    return text


def _table(split: str, figures: dict[str, Any]) -> str:
    text = f"\n## Measured on the {split} parts\n"
    text += "| set | n | accuracy | macro-F1 | calibration error |\n|---|---|---|---|---|\n"
    for name, score in figures["sets"].items():
        text += _line(name, score)
        if "without_near_duplicates" in score:
            text += _line(f"{name}, without near duplicates of training rows", score["without_near_duplicates"])
    return text


def _line(name: str, score: dict[str, Any]) -> str:
    error = f"{score['ece']:.3f}" if "ece" in score else "–"
    return f"| {name} | {score['n']} | {score['accuracy']:.3f} | {score['macro_f1']:.3f} | {error} |\n"

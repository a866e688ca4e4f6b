"""The recipe `encoder`: one encoder a language, two heads, all sets at once; leaves a folder of full-precision weights.

What is learnt stands in `rows.py`, how in `loop.py`; `export.py` makes the artifact that ships.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import torch
from safetensors.numpy import save_file

from classifier import data, evaluate
from classifier.encoder import pretrained
from classifier.encoder.network import Network, padded
from classifier.encoder.shape import Pooling, Shape, shape_of
from classifier.encoder.tokens import Tokens
from classifier.errors import TrainingError
from classifier.judgements import Classifier, Judgement, judgements
from classifier.linear.model import sigmoid, softmax
from classifier.training.checks import check
from classifier.training.loop import LoopSettings, Material, Told, tune
from classifier.training.mixture import targets
from classifier.training.rows import rows_of
from classifier.training.teaching import taught, unlabelled

POOLING: dict[str, Pooling] = {"en": "mean", "zh": "cls"}
_BATCH = 128


class EncoderRecipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of one language's run; `window` is the longest text in tokens, `sentences` how many we write."""

    window: int = 96
    sentences: int = 6000
    loop: LoopSettings = LoopSettings()


class Sources(NamedTuple):
    """Where a run learns from: known sets, users' files, texts without labels, and the teachers that judge them."""

    folder: Path | None
    own: Sequence[data.OwnFile] = ()
    unlabelled: Sequence[Path] = ()
    teachers: Sequence[Classifier] = ()


def run(
    sources: Sources,
    language: str,
    base: Path,
    out: Path,
    settings: EncoderRecipe,
    seed: int,
    tell: Callable[[Told], None],
    clock_s: Callable[[], float],
) -> dict[str, Any]:
    """Tune the encoder `base` (a package's jar, or an earlier run's folder) for one language into the folder `out`.

    Returns the run record. Raises TrainingError or DataError, before any epoch, for data that cannot teach.
    """
    rows = rows_of(sources.folder, language, settings.sentences, seed, sources.own)
    check(rows)
    rows += unlabelled(sources.unlabelled, language, data.script_language)
    dev = [row for row in data.load(sources.folder, sources.own, language).examples if _tunes(row)]
    if not dev:
        raise TrainingError(f"no dev rows in {language} to choose the best epoch by; give a set with a dev part")
    start = pretrained.read(base)
    shape = shape_of(start.tensors, POOLING[language])
    tokens = Tokens.read(msgspec.json.encode(start.tokenizer), language, settings.window)
    torch.manual_seed(seed)
    network = Network(shape, settings.loop.dropout, "sdpa" if torch.cuda.is_available() else "eager")
    network.load_arrays(start.tensors)
    ids = [row.windows[0] for row in tokens.encode([row.text for row in rows], [row.span for row in rows], 1)]
    groups = [row.group for row in rows]
    material = Material(ids, targets(rows), groups, taught(rows, language, sources.teachers))
    curve = tune(
        network, material, settings.loop, seed, lambda tuned: dev_figures(tuned, tokens, dev), out, tell, clock_s
    )
    save(out, network, shape, start.tokenizer)
    record = {
        "language": language,
        "base": {"name": base.name, "sha256": _digest(base), "run": _earlier(base)},
        "seed": seed,
        "settings": msgspec.to_builtins(settings),
        "rows": {group: groups.count(group) for group in sorted(set(groups))},
        "teachers": [teacher.info.digest for teacher in sources.teachers],
        "curve": curve,
        "torch": str(torch.__version__),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
    }
    (out / "run.json").write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")
    return record


def _tunes(row: data.Example) -> bool:
    return row.split == "dev" and row.data_set.trains and row.data_set.task != "texts"


def _earlier(base: Path) -> dict[str, Any] | None:
    """Return the record of the run that left `base`, if one did."""
    path = base / "run.json"
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Any]) if path.is_file() else None


def _digest(base: Path) -> str:
    files = [base] if base.is_file() else sorted(base.glob("*.safetensors")) + sorted(base.glob("*.onnx"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def dev_figures(network: Network, tokens: Tokens, dev: Sequence[data.Example]) -> dict[str, float]:
    """Return macro-F1 (sentiment) or accuracy (topics) by set, and `goal`, their mean."""
    judged = judge(network, tokens, [row.text for row in dev])
    figures = {}
    for name in sorted({row.data_set.name for row in dev}):
        own = [place for place, row in enumerate(dev) if row.data_set.name == name]
        rows, answers = [dev[place] for place in own], [judged[place] for place in own]
        topical = rows[0].data_set.task == "topics"
        figures[name] = (
            evaluate.topic_scores(rows, answers)["accuracy"]
            if topical
            else evaluate.sentiment_scores(rows, answers)["macro_f1"]
        )
    return {**figures, "goal": round(sum(figures.values()) / len(figures), 4)}


def judge(network: Network, tokens: Tokens, texts: Sequence[str]) -> list[Judgement]:
    """Judge the first window of each text, uncalibrated, on the network's own device."""
    ids = [row.windows[0] for row in tokens.encode(texts, [None] * len(texts), 1)]
    order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
    found: list[Any] = [None] * len(ids)
    device = next(network.parameters()).device
    with torch.inference_mode():
        for at in range(0, len(order), _BATCH):
            part = order[at : at + _BATCH]
            batch, present = padded([ids[place] for place in part])
            sentiment, topics = network(batch.to(device), present.to(device))
            for place, row, topic in zip(part, sentiment.cpu().numpy(), topics.cpu().numpy(), strict=True):
                found[place] = (row, topic)
    sentiment_rows = np.array([row for row, _ in found], dtype=np.float64)
    topic_rows = np.array([row for _, row in found], dtype=np.float64)
    return judgements(softmax(sentiment_rows), sigmoid(topic_rows), 0.5)


def save(out: Path, network: Network, shape: Shape, tokenizer: dict[str, Any]) -> None:
    """Write weights in full precision, the tokenizer, and the shape."""
    out.mkdir(parents=True, exist_ok=True)
    save_file(network.arrays(), out / "model.safetensors")
    (out / "tokenizer.json").write_bytes(msgspec.json.encode(tokenizer))
    (out / "shape.json").write_bytes(msgspec.json.format(msgspec.json.encode(shape), indent=1) + b"\n")

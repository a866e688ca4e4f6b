"""`bench classify`: texts a second through the engine beside `transformers.pipeline` on the same weights, texts and
threads in the same run; what each step of the way gains; latency, memory, padding, and what a million texts cost.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from classifier.bench import latency, startup
from classifier.encoder import artifact
from classifier.encoder.classifier import EncoderClassifier, Ready
from classifier.encoder.flops import flops, peak_flops
from classifier.encoder.runtime import OnnxRuntime
from classifier.encoder.tokens import normal_form
from classifier.engine import Engine, EngineSettings, Request
from classifier.errors import ClassifierError
from classifier.inference import load
from classifier.judgements import F64, judgements
from classifier.labels import topic_ids
from classifier.linear.model import softmax
from classifier.placement import USUAL, Placement, cores

ROUNDS = 3
_ALONE, _LOADED_SHARE, _LOADED = 200, 0.7, 400
_ONE_BY_ONE = "transformers.pipeline, one by one"
_PIPELINE = "transformers.pipeline, batches of 32, as they come"
_SINGLY = 60  # texts for the pipeline one by one: it is slow


class Bench(NamedTuple):
    """What to measure: a model folder, its placement, texts in their languages, and whether beside other runtimes."""

    folder: Path
    texts: Sequence[str]
    languages: Sequence[str]
    placement: Placement = USUAL
    rounds: int = ROUNDS
    compare: bool = True


def measure(bench: Bench, clock_s: Callable[[], float] = time.perf_counter) -> dict[str, Any]:
    """Return all figures; raises ClassifierError where there is nothing to judge or the model is no encoder.

    Without torch and transformers the baseline is the same engine fed one text a call.
    """
    if not bench.texts:
        raise ClassifierError("nothing to judge: give at least one text")
    threads = bench.placement.threads or cores()
    model = load(bench.folder, bench.placement._replace(threads=threads))
    if not isinstance(model, EncoderClassifier):
        raise ClassifierError("bench classify measures encoders; give a folder that 'groundswell train' wrote")
    asked, ready = _in_one_window(bench, model)
    tokens, operations = sum(one.tokens for one in ready), _operations(bench.folder, ready)
    with Engine(model, EngineSettings(cache=0)) as engine, Engine(model) as caching:
        ways: dict[str, Callable[[], object]] = {"engine": lambda: list(engine.stream(asked))}
        list(caching.stream(asked))
        ways["engine, every text seen before"] = lambda: list(caching.stream(asked))
        if bench.compare and _can_compare():
            ways |= _rivals(bench, asked, ready, threads)
        seconds, answers = _interleaved(ways, bench.rounds, clock_s)
        padding = _padding_waste(model)
        rates = {
            name: [(_SINGLY if name == _ONE_BY_ONE else len(asked)) / taken for taken in own]
            for name, own in seconds.items()
        }
        engine_rate = median(rates["engine"])
        alone = latency.alone_ms(engine, [one._replace(text=f"{one.text} {place}") for place, one in _some(asked)])
        loaded_asked = [one._replace(text=f"{place} {one.text}") for place, one in _some(asked, _LOADED)]
        loaded = latency.loaded_ms(engine, loaded_asked, engine_rate * _LOADED_SHARE, seed=1)
    baseline = _baseline(rates)
    rates.setdefault(baseline, [1000 / median(alone)])
    on_device = _on_device(bench, ready, clock_s)
    peak = on_device.get("peak_tflops", 0.0) * 1e12 or peak_flops(None, "fp32", clock_s)
    against = median(rates[baseline])
    return {
        "target": "classify",
        "model": model.info.id,
        "digest": model.info.digest,
        "placement": {**bench.placement._asdict(), "threads": threads},
        "texts": len(asked),
        "tokens_mean": round(tokens / len(asked), 1),
        "rounds": bench.rounds,
        "texts_per_s": round(engine_rate, 1),
        "texts_per_s_low": round(min(rates["engine"]), 1),
        "texts_per_s_high": round(max(rates["engine"]), 1),
        "tokens_per_s": round(engine_rate * tokens / len(asked)),
        "baseline": baseline,
        "ratio": round(engine_rate / against, 2),
        "steps": [
            {
                "step": name,
                "texts_per_s": round(median(own), 1),
                "low": round(min(own), 1),
                "high": round(max(own), 1),
                "ratio": round(median(own) / against, 2),
            }
            for name, own in sorted(rates.items(), key=lambda row: median(row[1]))
        ],
        "label_agreement": _agreement(model, asked, ready, answers.get(baseline)),
        "padding_waste": padding,
        "flops_per_text": round(operations / len(asked)),
        "share_of_peak": round(engine_rate * operations / len(asked) / peak, 3),
        "peak_gflops": {
            "of": f"matrices on {bench.placement.device}" if on_device else "float32 matrices of 2048 by NumPy",
            "found": round(peak / 1e9, 1),
        },
        "alone_ms": latency.percentiles(alone),
        f"at_{_LOADED_SHARE:.0%}_load_ms": latency.percentiles(loaded),
        **on_device,
        **startup.start(bench.folder),
    }


def _baseline(rates: Mapping[str, Sequence[float]]) -> str:
    """Return the rival that all are divided by: the pipeline in batches, on a card the fastest of several."""
    pipelines = [name for name in rates if name.startswith("transformers.pipeline") and name != _ONE_BY_ONE]
    return max(pipelines, key=lambda name: median(rates[name]), default="engine, one text a call")


def _on_device(bench: Bench, ready: Sequence[Ready], clock_s: Callable[[], float]) -> dict[str, Any]:
    if bench.placement.device is None:
        return {}
    from classifier.bench.card import saturation

    return saturation(bench.folder, ready, bench.placement.device, clock_s)


def _in_one_window(bench: Bench, model: EncoderClassifier) -> tuple[list[Request], list[Ready]]:
    """Return what is asked, without texts that are read in several windows: others would cut them, and do less."""
    ready = model.prepare(bench.texts, bench.languages, [()] * len(bench.texts))
    fit = [place for place, one in enumerate(ready) if len(one.windows) == 1]
    if not fit:
        raise ClassifierError("every text is longer than the encoder's window; give some that are shorter")
    return [Request(bench.texts[place], bench.languages[place]) for place in fit], [ready[place] for place in fit]


def _can_compare() -> bool:
    return all(find_spec(name) is not None for name in ("torch", "transformers", "onnx"))


def _interleaved(
    ways: Mapping[str, Callable[[], Any]], rounds: int, clock_s: Callable[[], float]
) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Time all ways in turn, round after round, so that a busy minute of the machine hurts all; the first warms up.

    Returns the seconds of each round, and what each way gave last.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    given = {}
    for _ in range(rounds + 1):
        for name, run in ways.items():
            started_s = clock_s()
            given[name] = run()
            seconds[name].append(max(clock_s() - started_s, 1e-9))
    return {name: own[1:] for name, own in seconds.items()}, given


def _places(ready: Sequence[Ready]) -> dict[str, list[int]]:
    """Return which texts each encoder reads."""
    found: dict[str, list[int]] = {}
    for place, one in enumerate(ready):
        found.setdefault(one.reader, []).append(place)
    return found


def _rivals(
    bench: Bench, asked: Sequence[Request], ready: Sequence[Ready], threads: int
) -> dict[str, Callable[[], dict[str, F64]]]:
    """Return other ways to judge all texts: sentiment logits by encoder. Normal forms are not counted against them."""
    from classifier.bench.rivals import BATCH, Rivals

    parts = {name: [normal_form(asked[place].text, name) for place in own] for name, own in _places(ready).items()}
    if bench.placement.device is not None:
        from classifier.bench.card import pipelines

        return pipelines(bench.folder, parts, bench.placement.device, threads)
    rivals = {name: Rivals(bench.folder, name, threads) for name in parts}
    singly = {name: (one.pipeline(1), one.pipeline(BATCH)) for name, one in rivals.items()}
    few = {name: own[: max(1, round(_SINGLY * len(own) / len(asked)))] for name, own in parts.items()}

    def made(
        judge: Callable[[str, list[str]], F64], of: Mapping[str, list[str]] = parts
    ) -> Callable[[], dict[str, F64]]:
        return lambda: {name: judge(name, own) for name, own in of.items()}

    ways = {
        _ONE_BY_ONE: made(lambda name, own: singly[name][0](own), few),
        _PIPELINE: made(lambda name, own: singly[name][1](own)),
        "torch float32, sorted batches of 32": made(lambda name, own: rivals[name].torch_sorted(own)),
        "ONNX Runtime float32, batches of 32": made(lambda name, own: rivals[name].onnx_unsorted(own)),
        "ONNX Runtime float32, sorted, token budget": made(lambda name, own: rivals[name].onnx_sorted(own)),
        "the model's precision, sorted, token budget": made(lambda name, own: rivals[name].onnx_shared(own)),
        "the model's precision, small batches side by side": made(lambda name, own: rivals[name].onnx_whole(own)),
    }
    if threads > 1:
        ways["the model's precision, small batches on one thread"] = made(
            lambda name, own: rivals[name].onnx_one_thread(own)
        )
    return ways


def _agreement(
    model: EncoderClassifier, asked: Sequence[Request], ready: Sequence[Ready], pipeline: Mapping[str, F64] | None
) -> float | None:
    """Return the share of texts on which the pipeline's logits, calibrated in the same way, give the engine's label."""
    if pipeline is None:
        return None
    same = []
    for name, own in _places(ready).items():
        texts = [asked[place].text for place in own]
        ours = model.classify(texts, [name] * len(texts), [()] * len(texts))
        scaled = softmax(model.calibration.of_sentiment(name, None)(pipeline[name]))
        theirs = judgements(scaled, np.zeros((len(texts), len(topic_ids()))), 1.0)
        same += [one.label == other.label for one, other in zip(ours, theirs, strict=True)]
    return round(float(np.mean(same)), 4)


def _padding_waste(model: EncoderClassifier) -> float | None:
    """Return the share of computed places that held padding."""
    runtimes = [reader.runtime for reader in model.readers.values() if isinstance(reader.runtime, OnnxRuntime)]
    computed = sum(one.computed for one in runtimes)
    return round(1 - sum(one.tokens for one in runtimes) / computed, 4) if computed else None


def _operations(folder: Path, ready: Sequence[Ready]) -> int:
    """Return the operations that these texts need, without padding."""
    parts = artifact.read_config(folder).parts
    return sum(
        flops(part.shape, [len(window) for one in ready if one.reader == name for window in one.windows])
        for name, part in parts.items()
    )


def _some(asked: Sequence[Request], most: int = _ALONE) -> list[tuple[int, Request]]:
    return [(place, asked[place % len(asked)]) for place in range(most)]

"""`bench classify --backend cuda`: a card beside transformers on the same card, and how far larger batches fill it.

Needs torch and transformers; runs on the CPU too (device `cpu`), where it measures the same path.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from classifier.bench.rivals import Rivals
from classifier.encoder import artifact
from classifier.encoder.classifier import Ready
from classifier.encoder.flops import flops, peak_flops
from classifier.encoder.torch_runtime import TorchRuntime
from classifier.judgements import F64

BATCHES = (32, 128, 512)  # of the pipeline
BUDGETS = (4_096, 16_384, 32_768, 65_536, 131_072)  # tokens of a batch
_ROUNDS = 3
_FEWEST_BATCHES = 4  # of the largest budget, so that the card is asked again while it computes


def pipelines(
    folder: Path, parts: Mapping[str, Sequence[str]], device: str, threads: int
) -> dict[str, Callable[[], dict[str, F64]]]:
    """Return `transformers.pipeline` on the device in its kind of number, by batch: sentiment logits by encoder.

    `parts`: texts in normal form by encoder.
    """
    rivals = {name: Rivals(folder, name, threads) for name in parts}

    def made(batch: int) -> Callable[[], dict[str, F64]]:
        own = {name: one.pipeline(batch, device) for name, one in rivals.items()}
        return lambda: {name: own[name](texts) for name, texts in parts.items()}

    return {f"transformers.pipeline on {device}, batches of {batch}": made(batch) for batch in BATCHES}


def saturation(
    folder: Path,
    ready: Sequence[Ready],
    device: str,
    clock_s: Callable[[], float],
    budgets: Sequence[int] = BUDGETS,
    side: int | None = None,
) -> dict[str, Any]:
    """Return rows of tokens a second and the share of the device's measured peak, by encoder and batch budget.

    The rows are those of the texts, over and over until they fill the largest batch some times; the way to the device
    and back counts. `side` is of the matrices that measure the peak.
    """
    found, peak = [], 0.0
    for name, encoder in artifact.read(folder).encoders.items():
        rows = [window for one in ready if one.reader == name for window in one.windows]
        if not rows:
            continue
        rows *= -(-_FEWEST_BATCHES * max(budgets) // sum(map(len, rows)))
        operations = flops(encoder.part.shape, [len(row) for row in rows])
        for budget in budgets:
            runtime = TorchRuntime(encoder.part.shape, encoder.weights, device, batch_tokens=budget)
            peak = peak or peak_flops(device, runtime.precision, clock_s, side)
            taken = []
            for _ in range(_ROUNDS + 1):
                started_s = clock_s()
                runtime.logits(rows)
                taken.append(max(clock_s() - started_s, 1e-9))
            spent = median(taken[1:])
            found.append(
                {
                    "encoder": name,
                    "batch_tokens": budget,
                    "rows_per_s": round(len(rows) / spent),
                    "share_of_peak": round(operations / spent / peak, 3),
                }
            )
    return {"saturation": found, "peak_tflops": round(peak / 1e12, 3)}

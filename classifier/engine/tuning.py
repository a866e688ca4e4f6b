"""How a model computes best on this machine: measured once by `groundswell doctor --tune`, kept, and found again.

What was measured for another machine or another model is not used.
"""

import platform
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import msgspec

from classifier.artifact import head_of
from classifier.engine.settings import EngineSettings
from classifier.errors import ArtifactError, ClassifierError
from classifier.judgements import Classifier
from classifier.placement import BATCH_TOKENS, Placement, cores

_NVIDIA = Path("/dev/nvidiactl")  # there where a card's driver is; asking torch would cost seconds
_TOKENS = (128, 256, 512, 1024)
_ROUNDS = 3


class Tuned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The best placement of a model on a machine, and what it gave there."""

    machine: str
    model: str
    placement: Placement
    texts_per_s: float


class Tried(NamedTuple):
    """One placement and its texts a second: median, lowest, highest."""

    placement: Placement
    texts_per_s: float
    low: float
    high: float


def machine() -> str:
    """Return what the speed of this machine depends on: its processor, and how many cores this process may use."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        flags = next((set(line.split()) for line in lines if line.startswith("flags")), set())
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
        fast = sorted(flags & {"avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16"})
        model = f"{name} ({' '.join(fast)})"
    except OSError:
        pass
    return f"{model}, {cores()} cores"


def placement_of(settings: EngineSettings, folder: Path) -> Placement:
    """Return where a model computes: what the settings say, else what was measured here, else the best guess."""
    tuned = kept(settings.tuning, folder)
    found = tuned.placement if tuned is not None else Placement()
    if settings.threads:
        found = found._replace(threads=settings.threads, pinned=False)
    if settings.device == "cuda" or (settings.device == "auto" and tuned is None and _NVIDIA.exists()):
        return found._replace(device="cuda")
    return found._replace(device=None) if settings.device == "cpu" else found


def kept(path: Path, folder: Path) -> Tuned | None:
    """Return what was measured for this model on this machine, if it was.

    Raises ClassifierError for a file that is none of ours.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Tuned)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise ClassifierError(
            f"{path} cannot be read ({error}); delete it, or run 'groundswell doctor --tune'"
        ) from None
    return found if (found.machine, found.model) == (machine(), head_of(folder).digest) else None


def tune(
    folder: Path,
    texts: Sequence[str],
    languages: Sequence[str],
    read: Callable[[Placement], Classifier],
    clock_s: Callable[[], float],
    tell: Callable[[Tried], None],
) -> Tuned:
    """Try the placements that this machine allows on the same texts, and return the fastest."""
    tried = []
    for placement in _candidates():
        try:
            model = read(placement)
        except (ArtifactError, ClassifierError):  # a runtime that this machine does not have
            continue
        rates = [_rate(model, texts, languages, clock_s) for _ in range(_ROUNDS + 1)][1:]
        tried.append(Tried(placement, round(median(rates), 1), round(min(rates), 1), round(max(rates), 1)))
        tell(tried[-1])
    best = max(tried, key=lambda one: one.texts_per_s)
    return Tuned(machine(), head_of(folder).digest, best.placement, best.texts_per_s)


def keep(path: Path, tuned: Tuned) -> None:
    """Write what was found, for `kept` to find."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_bytes(msgspec.json.format(msgspec.json.encode(tuned)) + b"\n")
    new.replace(path)


def workers_on_card(folder: Path) -> int | None:
    """Return how many worker processes the first card has memory for with this model; None: there is no card."""
    if not _NVIDIA.exists() or not _torch_capabilities().get("cuda"):
        return None
    import torch

    from classifier.encoder import artifact
    from classifier.encoder.torch_runtime import CUDA_TOKENS, batch_bytes, workers_per_card

    parts = artifact.read(folder).encoders.values()
    model = sum(2 * array.size for part in parts for array in part.weights.values())  # 16 bits each
    batch = max(batch_bytes(part.part.shape, CUDA_TOKENS, "fp16") for part in parts)
    return workers_per_card(torch.cuda.mem_get_info()[0], model, batch, cores())


def _candidates() -> Iterator[Placement]:
    most = cores()
    for threads in sorted({1, max(1, most // 2), most}):
        yield Placement(threads)
    for tokens in _TOKENS:
        if tokens != BATCH_TOKENS:
            yield Placement(most, tokens)
    if most > 1:
        yield Placement(most, pinned=True)
    yield from _torch_candidates()


def _torch_candidates() -> Iterator[Placement]:
    """A card, or the processor in bfloat16 where it multiplies matrices in it."""
    capabilities = _torch_capabilities()
    if capabilities.get("cuda"):
        yield Placement(device="cuda")
    if capabilities.get("amx_bf16"):
        yield Placement(device="cpu")


def _torch_capabilities() -> dict[str, Any]:
    try:
        import torch
    except ImportError:
        return {}
    return {"cuda": torch.cuda.is_available(), "amx_bf16": torch.cpu.get_capabilities().get("amx_bf16", False)}


def _rate(model: Classifier, texts: Sequence[str], languages: Sequence[str], clock_s: Callable[[], float]) -> float:
    started_s = clock_s()
    model.classify(texts, languages, [()] * len(texts))
    return len(texts) / max(clock_s() - started_s, 1e-9)

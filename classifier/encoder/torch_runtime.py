"""The encoder under torch: which device and kind of number, batches by a budget of tokens, and a card that never waits.

Imported only where it is asked for. The mathematics is `packed.py`'s.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from classifier.encoder.artifact import Arrays
from classifier.encoder.packed import DTYPES, Number, PackedEncoder, joined
from classifier.encoder.runtime import F64
from classifier.encoder.shape import Shape
from classifier.errors import ClassifierError
from classifier.labels import SENTIMENTS

F32 = npt.NDArray[np.float32]
Row = Sequence[int]
Fetch = Callable[[], F32]  # waits for a batch's logits
Launch = Callable[[Sequence[Row]], Fetch]  # starts a batch and does not wait

log = logging.getLogger("groundswell.torch")

# Tokens at once: on a CPU what its cache holds; on a card enough to fill it: an H200 gains little from more.
CUDA_TOKENS = 32_768
_TOKENS = {"cpu": 2048, "cuda": CUDA_TOKENS}
_CONTEXT_BYTES = 600 << 20  # about what CUDA and its libraries take of a card for each process
_KEPT_FREE = 0.1  # of a card's free memory: allocators leave gaps
_MAKE_ROOM = "end what else runs there, start fewer workers, or choose the device cpu"


class TorchRuntime:
    """Float16 on a card, bfloat16 on a CPU that pays for it, else float32; `precision` chooses otherwise.

    `batch_tokens` are computed at once. On a card both kinds of 16 bits cost the same time; float16 keeps three bits
    more, and an eighth of the difference from float32 (mean of P(sentiment) on 420 English texts: 0.0001, not 0.0008).
    """

    def __init__(
        self,
        shape: Shape,
        weights: Arrays,
        device: str,
        precision: Number | None = None,
        batch_tokens: int | None = None,
    ) -> None:
        self._device = torch.device(usable(device, torch.version.cuda is not None, torch.cuda.device_count()))
        self._on_card = self._device.type == "cuda"
        if self._on_card:  # sums of split products stay in float32: a text's result may not hang on its batch
            torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
            torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
        self._shape = shape
        self._precision: Number = precision or ("fp16" if self._on_card else "bf16" if cpu_bf16_pays() else "fp32")
        try:
            self._encoder = PackedEncoder(shape, weights, self._device, self._precision)
        except torch.cuda.OutOfMemoryError:
            raise ClassifierError(f"the encoder's weights do not fit on {self._device}; {_MAKE_ROOM}") from None
        self._feeder = Feeder(self._launch, batch_tokens or _TOKENS[self._device.type])

    @property
    def device(self) -> str:
        """Return the device in use, which need not be the one asked for."""
        return str(self._device)

    @property
    def precision(self) -> Number:
        """Return the kind of number in use."""
        return self._precision

    @property
    def model_bytes(self) -> int:
        """Return the memory that the weights take."""
        return self._encoder.bytes

    def logits(self, rows: Sequence[Row]) -> tuple[F64, F64]:
        """Return logits in the rows' order; raises ClassifierError where memory or the kind of number is too small."""
        found = self._feeder(rows).astype(np.float64)
        if not np.isfinite(found).all():
            raise ClassifierError(f"the encoder's numbers leave the range of {self._precision}; choose bf16 or fp32")
        return found[:, : len(SENTIMENTS)], found[:, len(SENTIMENTS) :]

    def _launch(self, rows: Sequence[Row]) -> Fetch:
        host = joined(rows, self._shape)
        with torch.inference_mode():
            flat = torch.from_numpy(host.flat)
            if not self._on_card:
                found: F32 = self._encoder(flat, host.lengths).numpy()
                return lambda: found
            # Pinned memory is what lets a copy run beside the host; torch keeps it until the copy is done.
            logits = self._encoder(flat.pin_memory().to(self._device, non_blocking=True), host.lengths)
            back = torch.empty(logits.shape, dtype=logits.dtype, pin_memory=True)
            back.copy_(logits, non_blocking=True)
            done = torch.cuda.Event()
            done.record(torch.cuda.current_stream(self._device))

        def fetch() -> F32:
            done.synchronize()
            array: F32 = back.numpy()
            return array

        return fetch


class Feeder:
    """Batches of rows of like length under a budget of tokens: the next is made ready while the card computes one.

    Where a batch does not fit into memory the budget is halved for good, down to one row.
    """

    def __init__(self, launch: Launch, tokens: int) -> None:
        self._launch = launch
        self._tokens = tokens

    @property
    def tokens(self) -> int:
        """Return the budget that is left."""
        return self._tokens

    def __call__(self, rows: Sequence[Row]) -> F32:
        """Return the batches' results in the order of the rows; raises ClassifierError where one row is too much."""
        lengths = np.array([len(row) for row in rows], dtype=np.int64)
        order = np.argsort(lengths, kind="stable")
        ends = np.cumsum(lengths[order])
        found: list[F32] = []
        late: Fetch | None = None
        start = 0
        while start < len(order):
            before = int(ends[start] - lengths[order[start]])
            end = max(start + 1, int(np.searchsorted(ends, before + self._tokens, side="right")))
            started = self._start([rows[place] for place in order[start:end]])
            if late is not None:
                found.append(late())
            late = started
            if started is None:
                self._halve(end - start, int(ends[end - 1]) - before)
            else:
                start = end
        if late is None:
            raise ClassifierError("nothing to judge: give at least one row")
        found.append(late())
        result = np.empty((len(order), found[0].shape[1]), dtype=np.float32)
        result[order] = np.concatenate(found)
        return result

    def _start(self, rows: Sequence[Row]) -> Fetch | None:
        """Start a batch; None: it does not fit. What the failure held is let go of before anything else is tried."""
        try:
            return self._launch(rows)
        except torch.cuda.OutOfMemoryError:
            return None

    def _halve(self, rows: int, tokens: int) -> None:
        if rows == 1:
            raise ClassifierError(f"the card has no memory left for one row of {tokens} tokens; {_MAKE_ROOM}")
        self._tokens = max(1, min(self._tokens, tokens) // 2)
        torch.cuda.empty_cache()
        log.warning("out of memory on the card: batches hold at most %d tokens from now on", self._tokens)


def usable(asked: str, built: bool, cards: int) -> str:
    """Return the device to use: the one asked for, or the CPU with a loud word where there is no such card.

    `built`: this torch can use cards; `cards`: how many it sees. Raises ClassifierError for an unknown device.
    """
    kind, _, number = asked.partition(":")
    if kind not in _TOKENS or (number and not number.isdecimal()):
        raise ClassifierError(f"unknown device {asked!r}; choose cpu, cuda, or cuda:N for one of several cards")
    if kind == "cpu" or (built and int(number or 0) < cards):
        return asked
    if not built:
        why, what = "this torch is built without CUDA", "install a build with CUDA (see pytorch.org)"
    elif not cards:
        why, what = "torch sees no card", "install the driver until `nvidia-smi` lists the card"
    else:
        why, what = f"there are {cards} cards, numbered from 0", "choose one of them"
    log.warning(
        "device %s was asked for, but %s: the CPU computes, many times slower; %s, or ask for cpu", asked, why, what
    )
    return "cpu"


def batch_bytes(shape: Shape, tokens: int, precision: Number) -> int:
    """Return the most memory that a batch takes beside the weights: what lives at once in one layer."""
    a_token = 6 * shape.width + 2 * shape.inner  # hidden, q, k, v, seen, sum; inner before and after its bend
    return tokens * (a_token * int(DTYPES[precision].itemsize) + 4 * shape.width)  # and the last hidden in float32


def workers_per_card(free_bytes: int, model_bytes: int, batch_bytes: int, cores: int) -> int:
    """Return how many worker processes share a card: as many as fit, and no more than cores to prepare texts.

    0: not even one fits. `model_bytes` are those of all its encoders, `batch_bytes` those of the largest batch.
    """
    each = _CONTEXT_BYTES + model_bytes + batch_bytes
    return max(0, min(cores, int(free_bytes * (1 - _KEPT_FREE)) // each))


def cpu_bf16_pays(capabilities: Mapping[str, Any] | None = None) -> bool:
    """Say whether this CPU multiplies bfloat16 in tiles (AMX), several times faster than float32."""
    found = torch.cpu.get_capabilities() if capabilities is None else capabilities
    return bool(found.get("amx_bf16", False))

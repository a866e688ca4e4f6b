"""The torch runtime: the device it takes and says, batches that shrink where memory ends, workers that fit a card."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.encoder.graph import build, packed
from classifier.encoder.runtime import Lanes, OnnxRuntime
from classifier.errors import ClassifierError
from tests.classifier import tiny_encoder as tiny

pytestmark = pytest.mark.torch
LENGTHS = st.lists(st.integers(1, 30), min_size=1, max_size=40)


class Card:
    """Answers each row with its length; holds so many tokens, and writes down what it is asked."""

    def __init__(self, room: int = 10**9) -> None:
        self.room = room
        self.batches: list[int] = []
        self.events: list[str] = []

    def launch(self, rows: Sequence[Sequence[int]]) -> Callable[[], Any]:
        """Start a batch."""
        import torch

        tokens = sum(map(len, rows))
        if tokens > self.room:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        number = len(self.batches)
        self.batches.append(tokens)
        self.events.append(f"start {number}")
        answer = np.array([[len(row)] for row in rows], dtype=np.float32)

        def fetch() -> Any:
            self.events.append(f"fetch {number}")
            return answer

        return fetch


def rows_of(lengths: Sequence[int]) -> list[tuple[int, ...]]:
    return [(1,) * length for length in lengths]


def feeder(card: Card, tokens: int) -> Any:
    from classifier.encoder.torch_runtime import Feeder

    return Feeder(card.launch, tokens)


@given(lengths=LENGTHS, budget=st.integers(1, 60))
@settings(max_examples=50, deadline=None)
def test_answers_come_in_the_order_asked_from_batches_within_the_budget(lengths: list[int], budget: int) -> None:
    card = Card()
    assert feeder(card, budget)(rows_of(lengths))[:, 0].tolist() == lengths
    assert all(tokens <= max(budget, max(lengths)) for tokens in card.batches)


def test_a_batch_is_started_before_the_one_before_it_is_waited_for() -> None:
    card = Card()
    feeder(card, 4)(rows_of([2, 2, 2, 2, 2, 2]))
    assert card.events == ["start 0", "start 1", "fetch 0", "start 2", "fetch 1", "fetch 2"]


@given(lengths=LENGTHS, room=st.integers(30, 200))
@settings(max_examples=50, deadline=None)
def test_where_memory_ends_batches_shrink_and_no_answer_is_lost(lengths: list[int], room: int) -> None:
    card = Card(room)
    feed = feeder(card, 1000)
    assert feed(rows_of(lengths))[:, 0].tolist() == lengths
    assert (feed.tokens < 1000) == (sum(lengths) > room)


def test_a_budget_once_halved_stays_so(caplog: pytest.LogCaptureFixture) -> None:
    card = Card(room=100)
    feed = feeder(card, 320)
    with caplog.at_level(logging.WARNING, "groundswell"):
        feed(rows_of([10] * 32))
    assert feed.tokens == 80
    assert [record.getMessage() for record in caplog.records] == [
        f"out of memory on the card: batches hold at most {tokens} tokens from now on" for tokens in (160, 80)
    ]
    caplog.clear()
    feed(rows_of([10] * 32))
    assert card.batches == [80] * 8
    assert caplog.records == []


def test_a_card_without_room_for_one_row_says_what_to_do() -> None:
    with pytest.raises(ClassifierError, match=r"no memory left for one row of 7 tokens; end what else runs there"):
        feeder(Card(room=5), 64)(rows_of([3, 3, 7]))
    with pytest.raises(ClassifierError, match="give at least one row"):
        feeder(Card(), 64)([])


@pytest.mark.parametrize(
    ("asked", "built", "cards", "said"),
    [
        ("cuda", False, 0, "this torch is built without CUDA"),
        ("cuda", True, 0, "torch sees no card"),
        ("cuda:2", True, 2, "there are 2 cards, numbered from 0"),
    ],
)
def test_a_missing_card_is_said_in_one_loud_line(
    asked: str, built: bool, cards: int, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    from classifier.encoder.torch_runtime import usable

    with caplog.at_level(logging.WARNING, "groundswell"):
        assert usable(asked, built, cards) == "cpu"
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith(f"device {asked} was asked for, but {said}: the CPU computes")
    assert record.getMessage().endswith("or ask for cpu")


@pytest.mark.parametrize(("asked", "cards"), [("cpu", 0), ("cuda", 1), ("cuda:1", 2)])
def test_a_device_that_is_there_is_used_without_a_word(
    asked: str, cards: int, caplog: pytest.LogCaptureFixture
) -> None:
    from classifier.encoder.torch_runtime import usable

    assert usable(asked, True, cards) == asked
    assert caplog.records == []


@pytest.mark.parametrize("asked", ["gpu", "cuda:first", "", "mps"])
def test_an_unknown_device_is_refused(asked: str) -> None:
    from classifier.encoder.torch_runtime import usable

    with pytest.raises(ClassifierError, match="choose cpu, cuda, or cuda:N"):
        usable(asked, True, 1)


def test_without_the_card_that_was_asked_for_the_cpu_gives_the_same_answers(caplog: pytest.LogCaptureFixture) -> None:
    from classifier.encoder.torch_runtime import TorchRuntime

    own, random = tiny.shape(), np.random.default_rng(2)
    kept = packed(tiny.tensors(), own, "float32")
    rows = [random.integers(0, own.vocabulary, length).tolist() for length in (3, 16, 1, 7, 7, 2)]
    runtime = TorchRuntime(own, kept, "cuda:99", "fp32", batch_tokens=8)
    assert (runtime.device, runtime.precision) == ("cpu", "fp32")
    assert any("device cuda:99 was asked for" in record.getMessage() for record in caplog.records)
    found, want = runtime.logits(rows), OnnxRuntime(build(own, kept, "float32"), kept, Lanes(1)).logits(rows)
    for side, other in zip(found, want, strict=True):
        np.testing.assert_allclose(side, other, atol=1e-4)
        assert side.dtype == np.float64


def test_numbers_that_leave_their_range_are_an_error_and_no_judgement() -> None:
    from classifier.encoder.torch_runtime import TorchRuntime

    own, kept = tiny.shape(), packed(tiny.tensors(), tiny.shape(), "float32")
    kept["layer.0.inner"] = kept["layer.0.inner"] * 1e6
    with pytest.raises(ClassifierError, match="leave the range of fp16; choose bf16 or fp32"):
        TorchRuntime(own, kept, "cpu", "fp16").logits([(5, 9, 6)])


def test_as_many_workers_share_a_card_as_fit_and_as_cores_can_feed() -> None:
    from classifier.encoder.torch_runtime import workers_per_card

    megabyte = 1 << 20
    each = {"model_bytes": 200 * megabyte, "batch_bytes": 200 * megabyte}  # and 600 of context: 1000 together
    assert workers_per_card(8_000 * megabyte, cores=16, **each) == 7  # a tenth is kept free
    assert workers_per_card(80_000 * megabyte, cores=16, **each) == 16
    assert workers_per_card(1_000 * megabyte, cores=16, **each) == 0
    assert workers_per_card(0, cores=16, **each) == 0


def test_the_memory_of_a_batch_grows_with_its_tokens_and_the_size_of_its_numbers() -> None:
    from classifier.encoder.torch_runtime import batch_bytes

    # 6 * 16 + 2 * 32 numbers of one token live at once, and its last 16 in float32.
    assert batch_bytes(tiny.shape(), 10, "fp16") == 10 * (160 * 2 + 64)
    assert batch_bytes(tiny.shape(), 10, "fp32") == 10 * (160 * 4 + 64)


def test_bfloat16_pays_on_a_processor_with_tiles_for_it() -> None:
    from classifier.encoder.torch_runtime import TorchRuntime, cpu_bf16_pays

    assert cpu_bf16_pays({"amx_bf16": True})
    assert not cpu_bf16_pays({"amx_bf16": False, "avx512_bf16": True})
    assert not cpu_bf16_pays({"architecture": "arm"})
    own = tiny.shape()
    runtime = TorchRuntime(own, packed(tiny.tensors(), own, "float32"), "cpu")
    assert runtime.precision == ("bf16" if cpu_bf16_pays() else "fp32")
    assert runtime.model_bytes > 0

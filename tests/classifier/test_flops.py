"""Operations of an encoder, counted by hand and by torch; a machine's peak by a clock that is given."""

import itertools

import pytest

from classifier.encoder.flops import flops, peak_flops
from classifier.labels import topic_ids
from tests.classifier import tiny_encoder as tiny

LABELS = 3 + len(topic_ids())


def test_the_count_is_the_one_made_by_hand() -> None:
    # Rows of 3 and 5 tokens, width 16, inner width 32, 2 layers.
    matrices = 8 * 2 * (4 * 16 * 16 + 2 * 16 * 32)
    attention = 2 * 2 * (3 * 3 + 5 * 5) * 16
    heads = 2 * 2 * 16 * LABELS
    assert matrices + attention == 34_944
    assert flops(tiny.shape(), [3, 5]) == 2 * 34_944 + heads


def test_a_model_read_at_its_first_token_needs_little_of_its_last_layer() -> None:
    keys_and_values = 8 * 2 * 2 * 16 * 16
    first_tokens = 2 * 2 * (2 * 16 * 16 + 2 * 16 * 32)
    attention = 2 * 2 * (3 + 5) * 16
    heads = 2 * 2 * 16 * LABELS
    assert flops(tiny.shape("cls"), [3, 5]) == 34_944 + keys_and_values + first_tokens + attention + heads


def test_rows_cost_the_same_together_as_apart() -> None:
    for pooling in ("mean", "cls"):
        own = tiny.shape(pooling)
        assert flops(own, [3, 5, 16]) == sum(flops(own, [length]) for length in (3, 5, 16))
        assert flops(own, []) == 0


@pytest.mark.torch
def test_torch_counts_the_same_operations() -> None:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from classifier.encoder.network import Network, padded

    network = Network(tiny.shape(), dropout=0.0, attention="eager").eval()
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(*padded([(5, 9, 11, 12, 6), (5, 9, 11, 13, 6)]))
    assert counter.get_total_flops() == flops(tiny.shape(), [5, 5])


def test_the_peak_is_that_of_the_fastest_round() -> None:
    ticks = iter([0.0, 9.0, 10.0, 12.0, 20.0, 28.0, 30.0, 38.0, 40.0, 48.0])
    assert peak_flops(None, "fp32", lambda: next(ticks), side=4) == 2 * 4**3 / 2.0


@pytest.mark.torch
@pytest.mark.parametrize("number", ["fp32", "bf16"])
def test_torch_measures_its_peak_in_the_numbers_asked_for(number: str) -> None:
    ticks = itertools.count()
    assert peak_flops("cpu", number, lambda: float(next(ticks)), side=8) == 2 * 8**3

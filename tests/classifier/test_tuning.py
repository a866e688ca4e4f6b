"""What was measured on a machine for a model is used there and for that, and for nothing else."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from classifier.engine import EngineSettings
from classifier.engine.tuning import Tried, Tuned, keep, kept, machine, placement_of, tune
from classifier.errors import ArtifactError, ClassifierError
from classifier.inference import LINEAR, SHIPPED
from classifier.judgements import Classifier, Judgement, ModelInfo
from classifier.placement import BATCH_TOKENS, USUAL, Placement


class Paced:
    """A model that takes the time of its placement."""

    info = ModelInfo("paced", "1", "digest")

    def __init__(self, placement: Placement, hands: "Clock") -> None:
        self._takes_s, self._hands = 1.0 if placement == BEST else 2.0, hands

    def classify(
        self,
        texts: Sequence[str],
        languages: Sequence[str],
        targets: Sequence[Sequence[str]],
        kinds: Sequence[str | None] | None = None,
    ) -> list[Judgement]:
        self._hands.now_s += self._takes_s
        return []


class Clock:
    now_s = 0.0


BEST = Placement(1)


def test_the_fastest_placement_wins_and_one_that_this_machine_lacks_is_left_out() -> None:
    clock, tried = Clock(), list[Tried]()

    def read(placement: Placement) -> Classifier:
        if placement.batch_tokens != BATCH_TOKENS:
            raise ArtifactError("not here")
        return Paced(placement, clock)

    found = tune(SHIPPED, ["a"] * 10, ["en"] * 10, read, lambda: clock.now_s, tried.append)
    assert (found.placement, found.texts_per_s) == (BEST, 10.0)
    assert all(one.placement.batch_tokens == BATCH_TOKENS for one in tried)
    assert found.machine == machine()


def test_what_was_found_is_used_for_that_machine_and_model_only(tmp_path: Path) -> None:
    path = tmp_path / "a" / "tuning.json"
    settings = EngineSettings(tuning=path, device="cpu")
    assert placement_of(settings, SHIPPED) == USUAL
    tuned = tune(SHIPPED, ["a"], ["en"], lambda one: Paced(one, clock), lambda: clock.now_s, lambda _: None)
    keep(path, tuned)
    assert kept(path, SHIPPED) == tuned
    assert placement_of(settings, SHIPPED) == BEST
    assert placement_of(settings, LINEAR) == USUAL
    keep(path, msgspec.structs.replace(tuned, machine="another"))
    assert placement_of(settings, SHIPPED) == USUAL


clock = Clock()


def test_settings_win_over_what_was_measured(tmp_path: Path) -> None:
    path = tmp_path / "tuning.json"
    tuned = tune(SHIPPED, ["a"], ["en"], lambda one: Paced(one, clock), lambda: clock.now_s, lambda _: None)
    keep(path, msgspec.structs.replace(tuned, placement=Placement(2, 1024, pinned=True)))
    assert placement_of(EngineSettings(tuning=path, threads=1), SHIPPED) == Placement(1, 1024)
    assert placement_of(EngineSettings(tuning=path, device="cuda"), SHIPPED).device == "cuda"


@pytest.mark.parametrize("content", [b"", b"{", b'{"machine": 3}', b"[]"])
def test_a_broken_file_is_an_error_that_says_what_to_do(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "tuning.json"
    path.write_bytes(content)
    with pytest.raises(ClassifierError, match="delete it, or run 'groundswell doctor --tune'"):
        kept(path, SHIPPED)


def test_the_shape_of_the_file_is_what_is_read_again() -> None:
    tuned = Tuned("m", "d", Placement(2, 512, True, "cuda"), 3.5)
    assert msgspec.json.decode(msgspec.json.encode(tuned), type=Tuned) == tuned

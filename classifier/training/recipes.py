"""The recipes by name, as the command line knows them: from labelled texts to a model folder in one call.

`linear` needs NumPy and SciPy alone; `encoder` needs the extra `train` (torch, transformers, onnx).
"""

import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from classifier.data import OwnFile
from classifier.encoder.shape import Precision
from classifier.errors import TrainingError
from classifier.inference import load
from classifier.labels import LANGUAGES
from classifier.training import linear

RECIPES = ("encoder", "linear")
# Shares of a set's rows in an epoch: many, noisy or long ones get less than all. Chosen on dev.
SHARES = {
    "en": {"en_sentfin_names": 0.5, "en_stockemotions": 0.5},
    "zh": {
        "zh_negative_entities_names": 0.15,
        "zh_negative_entities": 0.6,
        "zh_guba": 0.5,
        "zh_ruled_topics": 0.1,
        "zh_ruled_neutral": 0.3,
        "zh_ruled_mood": 0.5,
    },
}
WINDOWS = {"en": 96, "zh": 64}


class Wanted(msgspec.Struct, frozen=True):
    """What is to be trained, and of what. `bases` holds pretrained encoders (`en.jar`), or is a model to train further;
    `settings` go over those of `encoder.EncoderRecipe` and `loop.LoopSettings`.
    """

    data: Path | None
    out: Path
    own: Sequence[OwnFile] = ()
    languages: Sequence[str] = LANGUAGES
    bases: Path = Path(".groundswell/encoders")
    unlabelled: Sequence[Path] = ()
    teachers: Sequence[Path] = ()
    seed: int = 1
    version: str = "1"
    precision: Precision = "int8"
    settings: dict[str, Any] = {}


def run(recipe: str, wanted: Wanted, say: Callable[[str], None]) -> dict[str, Any]:
    """Train a model into the folder `wanted.out`; returns the run record.

    Raises TrainingError or DataError, before any epoch, for what cannot be trained on.
    """
    if recipe not in RECIPES:
        raise TrainingError(f"unknown recipe {recipe!r}; known are: {', '.join(RECIPES)}")
    if recipe == "linear":
        return linear.run(wanted.data, wanted.own, wanted.out, wanted.seed, say)
    missing = [name for name in ("torch", "transformers", "onnx") if find_spec(name) is None]
    if missing:
        raise TrainingError(
            f"this recipe needs {', '.join(missing)}; run 'make train-env' or install groundswell[train]"
        )
    return _encoders(wanted, say)


def _encoders(wanted: Wanted, say: Callable[[str], None]) -> dict[str, Any]:
    from classifier.training import encoder
    from classifier.training.export import export
    from classifier.training.loop import LoopSettings, Told

    sources = encoder.Sources(wanted.data, wanted.own, wanted.unlabelled, [load(folder) for folder in wanted.teachers])
    runs = {}
    for language in wanted.languages:
        if language not in LANGUAGES:
            raise TrainingError(
                f"unknown language {language!r}; an encoder can be trained for {' and '.join(LANGUAGES)}"
            )
        own = {name: value for name, value in wanted.settings.items() if name in ("window", "sentences")}
        rest = {name: value for name, value in wanted.settings.items() if name not in own}
        loop = _settings(LoopSettings, {"shares": SHARES[language], **rest})

        def tell(told: Told, language: str = language) -> None:
            say(
                f"{language}: epoch {told.epoch + 1}, step {told.step} of {told.steps}, loss {told.loss:.3f}, "
                f"{told.left_s / 60:.0f} min left"
            )

        folder = wanted.out / "runs" / language
        runs[language] = [folder]
        recipe = _settings(encoder.EncoderRecipe, {"window": WINDOWS[language], **own, "loop": loop})
        jar = wanted.bases / f"{language}.jar"
        base = jar if jar.is_file() else wanted.bases / language
        encoder.run(sources, language, base, folder, recipe, wanted.seed, tell, time.perf_counter)
    return export(runs, wanted.data, wanted.own, wanted.out, wanted.version, wanted.precision, say)


def _settings(kind: Any, settings: dict[str, Any]) -> Any:
    try:
        return msgspec.convert(settings, kind, strict=False)
    except msgspec.ValidationError as error:
        raise TrainingError(f"settings of the training: {error}") from None

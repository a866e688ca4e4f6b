"""Models by folder: which weights stand behind the one interface is decided by the format that the folder states.

Nothing here trains or measures.
"""

from pathlib import Path

from classifier import artifact
from classifier.engine import Engine, EngineSettings
from classifier.engine.settings import USUAL as AS_USUAL
from classifier.engine.tuning import placement_of
from classifier.errors import ArtifactError
from classifier.foreign.settings import ForeignModel
from classifier.judgements import Classifier, Judgement, ModelInfo, Staged
from classifier.placement import USUAL, Placement

__all__ = ["LINEAR", "SHIPPED", "Classifier", "Judgement", "ModelInfo", "Placement", "load", "load_configured"]

LINEAR = Path(__file__).with_name("models") / "linear"
SHIPPED = Path(__file__).with_name("models") / "default"


def load(folder: Path | None = None, placement: Placement = USUAL) -> Classifier:
    """Load a model folder, by default the shipped one; raises ArtifactError where it cannot be trusted."""
    from classifier.encoder import artifact as encoders
    from classifier.linear import artifact as linear

    place = folder or SHIPPED
    match artifact.head_of(place).format:
        case encoders.FORMAT:
            from classifier.encoder.classifier import EncoderClassifier

            return EncoderClassifier.read(place, placement)
        case linear.FORMAT:
            from classifier.linear.classifier import LinearClassifier

            return LinearClassifier.read(place)
        case "":
            raise ArtifactError(
                f"{place / 'config.json'} states no format of ours; a transformers classifier is plugged in by the "
                "setting [foreign] model"
            )
        case unknown:
            known = f"{encoders.FORMAT!r}, {linear.FORMAT!r}"
            raise ArtifactError(f"{place} has the format {unknown!r}, and this version reads {known} only")


def load_configured(folder: Path | None, foreign: ForeignModel | None, engine: EngineSettings = AS_USUAL) -> Classifier:
    """Load what the settings ask for, behind the engine: a model folder, and a user's own sentiment model before it.

    The linear model goes without: keeping its answers costs more than to ask again.
    """
    placement = placement_of(engine, folder or SHIPPED)
    model = load(folder, placement)
    if foreign is not None:
        from classifier.foreign.classifier import read

        model = read(foreign, model, placement.threads)
    elif not isinstance(model, Staged):
        return model
    return Engine(model, engine)

"""Models by folder: which weights stand behind the one interface is decided by the format that the folder states.

Nothing here trains or measures.
"""

from pathlib import Path

from classifier import artifact
from classifier.errors import ArtifactError
from classifier.foreign.settings import ForeignModel
from classifier.judgements import Classifier, Judgement, ModelInfo

__all__ = ["LINEAR", "SHIPPED", "Classifier", "Judgement", "ModelInfo", "load", "load_configured"]

LINEAR = Path(__file__).with_name("models") / "linear"
SHIPPED = Path(__file__).with_name("models") / "default"


def load(folder: Path | None = None, threads: int = 0) -> Classifier:
    """Load a model folder, by default the shipped one; raises ArtifactError where it cannot be trusted.

    `threads` is how many processor threads an encoder may use; 0: as many as there are cores.
    """
    from classifier.encoder import artifact as encoders
    from classifier.linear import artifact as linear

    place = folder or SHIPPED
    match artifact.format_of(place):
        case encoders.FORMAT:
            from classifier.encoder.classifier import EncoderClassifier

            return EncoderClassifier.read(place, threads)
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


def load_configured(folder: Path | None, foreign: ForeignModel | None, threads: int = 0) -> Classifier:
    """Load what the settings ask for: a model folder, as `load` does, and a user's own sentiment model before it."""
    own = load(folder, threads)
    if foreign is None:
        return own
    from classifier.foreign.classifier import read

    return read(foreign, own, threads)

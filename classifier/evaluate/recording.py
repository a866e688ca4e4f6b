"""What was measured, written beside the model that it was measured on: into its run record and its card."""

from pathlib import Path
from typing import Any

from classifier import artifact, card
from classifier.errors import ClassifierError


def record(folder: Path, result: dict[str, Any]) -> None:
    """Add the figures of an evaluation to the record of the model in `folder`, in place of older ones.

    The weights and their digest stay as they are. Raises ClassifierError where the result is another model's.
    """
    kept = artifact.read_record(folder)
    if kept["model"]["digest"] != result["model"]["digest"]:
        raise ClassifierError(f"{folder} is not the model that was measured; name it with --model")
    kept[result["split"]] = {key: result[key] for key in ("sets", "languages", "names")}
    if "hard_cases" in result:
        kept["hard_cases"] = result["hard_cases"]
    artifact.write_record(folder, kept, card.render(kept))

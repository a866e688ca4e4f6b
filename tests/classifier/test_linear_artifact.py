"""A linear model's folder is read whole and unaltered, or refused in one line."""

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from classifier.errors import ArtifactError
from classifier.inference import LINEAR, load
from classifier.linear import artifact


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(LINEAR, tmp_path / "model"))


def refusal(folder: Path) -> str:
    with pytest.raises(ArtifactError) as caught:
        load(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_copied_model_is_the_same_model(folder: Path) -> None:
    text = (["Profit doubles"], ["en"], [()])
    assert load(folder).info == load(LINEAR).info
    assert load(folder).classify(*text) == load(LINEAR).classify(*text)


def test_altered_weights_are_refused(folder: Path) -> None:
    path = folder / "model.safetensors"
    blob = bytearray(path.read_bytes())
    blob[-1] ^= 1
    path.write_bytes(blob)
    assert "model.safetensors was altered" in refusal(folder)


def test_altered_settings_are_refused(folder: Path) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["calibration"]["topic_threshold"] = 0.1
    path.write_text(json.dumps(config))
    assert "config.json was altered" in refusal(folder)


def test_a_foreign_format_is_named(folder: Path) -> None:
    path = folder / "config.json"
    path.write_text(path.read_text().replace("groundswell-linear/1", "someone-else/7"))
    assert "'someone-else/7'" in refusal(folder)


def test_settings_of_another_library_are_refused(folder: Path) -> None:
    (folder / "config.json").write_text('{"architectures": ["BertModel"]}')
    assert "[foreign] model" in refusal(folder)


def test_pickled_weights_are_never_read(folder: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (pytest.fail, ("a pickle was loaded",))

    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Trap()))
    (folder / "model.safetensors").unlink()
    assert "pytorch_model.bin is not read" in refusal(folder)


def test_a_pickle_under_a_good_name_is_refused_even_when_signed(folder: Path) -> None:
    resign(folder, pickle.dumps({"sentiment": [1]}))
    assert "does not hold this format's weights" in refusal(folder)


def test_arrays_of_wrong_shape_are_refused_even_when_signed(folder: Path, tmp_path: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors["sentiment"] = np.zeros((8, 3), dtype=np.int8)
    save_file(tensors, tmp_path / "small")
    resign(folder, (tmp_path / "small").read_bytes())
    assert "shapes" in refusal(folder)


def test_an_empty_folder_is_no_model(tmp_path: Path) -> None:
    assert "holds no config.json" in refusal(tmp_path)


def test_eight_bit_weights_are_close() -> None:
    weights = np.random.default_rng(7).normal(size=(1000, 3)).astype(np.float32)
    small, step = artifact.quantised(weights)
    assert np.abs(small * step - weights).max() <= step.max() * 0.5001


def resign(folder: Path, blob: bytes) -> None:
    """Put other weights in and make the digests hold, as a careful stranger would."""
    config = artifact.read(folder).config
    artifact.sign(folder, config, blob)

"""A folder of encoders is read whole and unaltered, or refused in one line."""

import json
import pickle
from pathlib import Path

import pytest
from safetensors.numpy import load_file, save_file

from classifier.encoder import artifact
from classifier.encoder.calibration import Calibration
from classifier.errors import ArtifactError
from classifier.inference import ModelInfo, load
from tests.classifier import tiny_encoder as tiny


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny.write(tmp_path / "model")
    return tmp_path / "model"


def refusal(folder: Path) -> str:
    with pytest.raises(ArtifactError) as caught:
        load(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_written_model_is_read_as_it_was_written(folder: Path) -> None:
    config, encoders = artifact.read(folder)
    assert encoders.keys() == {"en", "zh"}
    assert load(folder).info == ModelInfo("tiny", "1", config.digest)
    assert encoders["en"].part.shape == tiny.shape()


def test_the_same_weights_make_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    again = tiny.write(tmp_path / "again")
    assert again == artifact.read_config(folder)
    assert (tmp_path / "again" / "config.json").read_bytes() == (folder / "config.json").read_bytes()


@pytest.mark.parametrize("name", [artifact.WEIGHTS, artifact.GRAPH, artifact.TOKENIZER])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_altered_file_is_refused(folder: Path, language: str, name: str) -> None:
    path = folder / language / name
    blob = bytearray(path.read_bytes())
    blob[len(blob) // 2] ^= 1
    path.write_bytes(blob)
    assert f"{name} was altered" in refusal(folder)


@pytest.mark.parametrize("name", [artifact.WEIGHTS, artifact.GRAPH, artifact.TOKENIZER])
def test_an_absent_file_is_named(folder: Path, name: str) -> None:
    (folder / "zh" / name).unlink()
    assert f"holds no zh/{name}" in refusal(folder)


def test_altered_settings_are_refused(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["calibration"]["topic_threshold"] = 0.1
    (folder / "config.json").write_text(json.dumps(config))
    assert "config.json was altered" in refusal(folder)


def test_a_foreign_format_is_named(folder: Path) -> None:
    path = folder / "config.json"
    path.write_text(path.read_text().replace(artifact.FORMAT, "someone-else/7"))
    assert "'someone-else/7'" in refusal(folder)


def test_pickled_weights_are_never_read(folder: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (pytest.fail, ("a pickle was loaded",))

    (folder / "en" / "pytorch_model.bin").write_bytes(pickle.dumps(Trap()))
    (folder / "en" / artifact.WEIGHTS).unlink()
    assert "pytorch_model.bin is not read" in refusal(folder)


def test_weights_of_wrong_shape_are_refused_even_when_signed(folder: Path) -> None:
    weights = load_file(folder / "en" / artifact.WEIGHTS)
    weights["words"] = weights["words"][:, :8]
    save_file(weights, folder / "en" / artifact.WEIGHTS)
    resign(folder)
    assert "ONNX Runtime cannot" in refusal(folder)


def test_a_graph_that_is_none_is_refused_even_when_signed(folder: Path) -> None:
    (folder / "en" / artifact.GRAPH).write_bytes(b"no graph")
    resign(folder)
    assert "ONNX Runtime cannot read the encoder" in refusal(folder)


def test_a_graph_reads_no_file_of_its_own_choice(folder: Path, tmp_path: Path) -> None:
    """A graph may name files that hold its weights; ours are handed over, and no other is opened."""
    (tmp_path / "secret").write_bytes(b"x" * 4096)
    graph = (folder / "en" / artifact.GRAPH).read_bytes()
    stolen = graph.replace(b"model.safetensors", b"../../secret/file")
    assert stolen != graph
    (folder / "en" / artifact.GRAPH).write_bytes(stolen)
    weights = load_file(folder / "en" / artifact.WEIGHTS)
    del weights["sentiment"]
    save_file(weights, folder / "en" / artifact.WEIGHTS)
    resign(folder)
    assert "ONNX Runtime cannot read the encoder" in refusal(folder)


def resign(folder: Path) -> None:
    """Make the digests hold for what lies there, as a careful stranger would."""
    import hashlib

    import msgspec

    config = artifact.read_config(folder)
    parts = {
        language: msgspec.structs.replace(
            part,
            sha256={name: hashlib.sha256((folder / language / name).read_bytes()).hexdigest() for name in part.sha256},
        )
        for language, part in config.parts.items()
    }
    artifact.sign(folder, config.id, config.version, parts, Calibration())

"""The model repository that the embedded Triton reads: ours, with the Python backend in the place of ONNX Runtime's.

PyPI's tritonserver has the Python backend alone. Each ONNX model keeps its configuration (names, batching, parameters,
versions) and its files, as links; `triton_model.py` runs the same `model.onnx` in onnxruntime.
"""

import shutil
from pathlib import Path

from google.protobuf import text_format  # type: ignore[import-untyped]
from tritonclient.grpc import model_config_pb2

from workers.embedded.errors import EmbeddedError

_MODEL = Path(__file__).with_name("triton_model.py")
_KEPT_PLATFORM = "ensemble"


def build_overlay(repository: Path, target: Path) -> list[str]:
    """Replaces the target; returns the models' names."""
    if not repository.is_dir():
        raise EmbeddedError(f"There is no model repository at {repository}.")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    models = sorted(path for path in repository.iterdir() if path.is_dir() and not path.name.startswith("."))
    for model in models:
        _overlay(model, target / model.name)
    return [model.name for model in models]


def _overlay(model: Path, target: Path) -> None:
    config = _read(model)
    target.mkdir()
    if config.platform == _KEPT_PLATFORM or config.backend == "python":
        versions_of = None
    elif config.backend == "onnxruntime" or config.platform == "onnxruntime_onnx":
        versions_of = config.default_model_filename or "model.onnx"
        config.backend = "python"
        config.ClearField("platform")
        config.ClearField("default_model_filename")
        for group in config.instance_group:  # the wheel's server has no GPU support
            group.kind = model_config_pb2.ModelInstanceGroup.KIND_CPU
            group.ClearField("gpus")
    else:
        raise EmbeddedError(
            f"Model {model.name} uses the backend {config.backend or config.platform!r}; the embedded Triton serves "
            "onnxruntime, python and ensembles. Run it with `docker compose up triton` and set TRITON_URL."
        )
    (target / "config.pbtxt").write_text(text_format.MessageToString(config))
    found = False
    for path in sorted(model.iterdir()):
        if versions_of and path.is_dir() and path.name.isdigit():
            _version(path.resolve(), target / path.name, versions_of)
            found = True
        elif path.name != "config.pbtxt":
            (target / path.name).symlink_to(path.resolve())
    if versions_of and not found:
        raise EmbeddedError(f"Model {model.name} has no version: {model / '1' / versions_of} is missing.")


def _version(version: Path, target: Path, filename: str) -> None:
    if not (version / filename).is_file():
        raise EmbeddedError(f"{version / filename} is missing; see the README for how models are exported.")
    target.mkdir()
    for path in version.iterdir():  # weights may lie beside the graph
        if path.name != _MODEL.name:
            (target / path.name).symlink_to(path.resolve())
    if filename != "model.onnx":
        (target / "model.onnx").symlink_to(version / filename)
    (target / "model.py").symlink_to(_MODEL)


def _read(model: Path) -> model_config_pb2.ModelConfig:
    file = model / "config.pbtxt"
    config = model_config_pb2.ModelConfig()
    try:
        text_format.Parse(file.read_text(), config)
    except OSError as error:
        raise EmbeddedError(f"Can't read {file}: {error.strerror}.") from None
    except text_format.ParseError as error:
        raise EmbeddedError(f"{file} is no model configuration: {error}.") from None
    return config

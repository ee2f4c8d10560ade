"""A real tritonserver from the `nvidia-pytriton` wheel as our child."""

import hashlib
import importlib.util
import os
import platform
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from models.repository import REPOSITORY
from workers.embedded.child import Child, wait_ready
from workers.embedded.errors import EmbeddedError
from workers.embedded.machine import HOST, answers, free_ports, require_packages, require_port
from workers.embedded.overlay import build_overlay
from workers.embedded.part import Part, Progress

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - the system's name
_MIB = 1024 * 1024


class EmbeddedTriton(Part):
    """Serves a model repository on CPU: onnxruntime, python and ensemble models.

    The server runs each model in a process of its own, which sees within seconds when the server is killed, ends, and
    removes its shared memory.

    Args:
        folder: for links, logs.
        model_repository: as for the official image; `triton_repo/` where not named.
        port: of gRPC; a free one where not named.
        options: of tritonserver, over ours.
        client: how our own probe connects, where options ask for TLS.
    """

    name = "Triton"
    stop_timeout_s = 15.0

    def __init__(
        self,
        folder: Path,
        model_repository: Path | None = None,
        *,
        port: int | None = None,
        options: Mapping[str, str] | None = None,
        client: Mapping[str, Any] | None = None,
        start_timeout_s: float = 120.0,
        on_progress: Progress | None = None,
    ) -> None:
        super().__init__(folder, start_timeout_s=start_timeout_s, on_progress=on_progress)
        self._repository = (model_repository or REPOSITORY).expanduser().absolute()
        self._named_port = port
        self._ports: list[int] = []  # gRPC, metrics
        self._options = dict(options or {})
        self._client = dict(client or {})
        self.models: list[str] = []
        # The same for each start in this folder (the lock keeps others out), so that what a killed one left is found.
        owner = f"{platform.node()}:{os.getuid()}:{self.folder}"
        self.shared_prefix = f"talentstream_{hashlib.sha256(owner.encode()).hexdigest()[:12]}_"

    @property
    def url(self) -> str:
        """host:port of gRPC."""
        return f"{HOST}:{self._ports[0]}"

    address = url

    @property
    def metrics_url(self) -> str:
        """For Prometheus."""
        return f"http://{HOST}:{self._ports[1]}/metrics"

    async def _start(self) -> None:
        require_packages("pytriton", "onnxruntime")
        if self._named_port is not None:
            require_port(self.name, self._named_port)
        if not self._ports:
            named = [] if self._named_port is None else [self._named_port]
            self._ports = named + free_ports(2 - len(named))
        self._clean()
        self.models = build_overlay(self._repository, self.folder / "models")
        package = _package()
        backends = _backends(package, self.folder / "backends")
        options = {
            "id": self.shared_prefix,
            "model-repository": self.folder / "models",
            "backend-directory": backends,
            "grpc-address": HOST,
            "grpc-port": self._ports[0],
            "allow-http": "false",
            "metrics-address": HOST,
            "metrics-port": self._ports[1],
            "allow-gpu-metrics": "false",
            "pinned-memory-pool-byte-size": 0,
            "log-verbose": 0,
            "log-info": "false",
            "exit-timeout-secs": 10,
            **self._options,
        }
        python_backend = {
            "stub-timeout-seconds": 60,
            "shm-region-prefix-name": self.shared_prefix,
            # Large enough never to grow while a request is in it: that moves the memory; a process was seen to die so.
            "shm-default-byte-size": 16 * _MIB,
            "shm-growth-byte-size": 4 * _MIB,
        }
        command = [
            str(package / "bin" / "tritonserver"),
            # Configurations are complete; looking for more would load every model twice.
            "--disable-auto-complete-config",
            *(f"--{key}={value}" for key, value in options.items()),
            *(f"--backend-config=python,{key}={value}" for key, value in python_backend.items()),
        ]
        child = Child(self.name, command, log=self.folder / "triton.log", folder=self.folder, env=_environment(package))
        self.children = [child]
        child.start()
        await wait_ready([child], self._answers, self._start_timeout_s)

    async def _answers(self) -> bool:
        """The server and each model are ready, and it is ours, not another's on the same port."""
        if not await answers(self._ports[0]):
            return False
        async with InferenceServerClient(self.url, **self._client) as client:
            try:
                if (await client.get_server_metadata(client_timeout=2)).name != self.shared_prefix:
                    return False
                if not await client.is_server_ready(client_timeout=2):
                    return False
                for model in self.models:
                    if not await client.is_model_ready(model, client_timeout=2):
                        return False
            except InferenceServerException:
                return False
            return True

    def _forget_ports(self) -> None:
        self._ports = []

    def _clean(self) -> None:
        """Shared memory that the Python backend leaves when it is killed."""
        for path in _SHARED_MEMORY.glob(self.shared_prefix + "*"):
            path.unlink(missing_ok=True)


def _package() -> Path:
    spec = importlib.util.find_spec("pytriton")
    if spec is None or spec.origin is None:  # pragma: no cover - require_packages has looked
        raise EmbeddedError("The package nvidia-pytriton has no files.")
    return Path(spec.origin).with_name("tritonserver")


def _backends(package: Path, target: Path) -> Path:
    """The wheel's backends, with the stub of this Python where the server looks for it."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    stub = package / "python_backend_stubs" / version / "triton_python_backend_stub"
    if not stub.is_file():
        known = ", ".join(sorted(path.name for path in stub.parents[1].glob("*")))
        raise EmbeddedError(f"nvidia-pytriton has no Python backend for Python {version} (it has {known}).")
    shutil.rmtree(target, ignore_errors=True)
    (target / "python").mkdir(parents=True)
    for path in [*(package / "backends" / "python").iterdir(), stub]:
        (target / "python" / path.name).symlink_to(path)
    return target


def _environment(package: Path) -> dict[str, str]:
    """The stub is an isolated Python: it finds the packages by the `python3` on PATH, and libpython by the loader."""
    libraries = [str(package.parents[1] / "nvidia_pytriton.libs"), str(sysconfig.get_config_var("LIBDIR"))]
    paths = [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    previous = os.environ.get("LD_LIBRARY_PATH")
    return {
        **os.environ,
        "PATH": os.pathsep.join(paths),
        "LD_LIBRARY_PATH": os.pathsep.join([*libraries, previous] if previous else libraries),
    }

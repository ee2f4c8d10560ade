"""What the parts need of the machine: platform, packages, ports, a folder of their own."""

import asyncio
import fcntl
import importlib.util
import os
import platform
import random
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO

from workers.embedded.errors import EmbeddedError

HOST = "127.0.0.1"
_FIRST_PORT = 20_000


def require_platform(system: str = sys.platform, machine: str | None = None) -> None:
    """The wheels with the real servers exist for Linux on x86_64 alone."""
    machine = machine or platform.machine()
    if system != "linux" or machine not in ("x86_64", "AMD64"):
        raise EmbeddedError(
            f"The embedded parts run on Linux x86_64, not on {system} {machine}. "
            "Use `docker compose up`, or name running services with KAFKA_BOOTSTRAP_SERVERS, TRITON_URL and REDIS_URL."
        )


def require_packages(*names: str) -> None:
    """All from the extra `embedded`."""
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        raise EmbeddedError(
            f"The extra `embedded` is not installed (missing: {', '.join(missing)}). "
            "Install it with `pip install 'talentstream[embedded]'`, or `uv sync --extra embedded` in a checkout."
        )


def is_free(port: int) -> bool:
    """Nobody listens there."""
    with socket.socket() as probe:
        # As the servers do; without it a port would count as taken for a minute after its last connection.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def free_ports(count: int) -> list[int]:
    """Below the range of outgoing connections.

    A port of that range may be taken by a client's connection while its server is down; worse, a client that keeps
    trying to reconnect may at last connect to itself, and the server never gets its port back.
    """
    last = 32_768
    with suppress(OSError, ValueError):
        last = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    candidates = list(range(_FIRST_PORT, last)) or list(range(1024, 65_536))
    random.shuffle(candidates)
    found: list[int] = []
    for port in candidates:
        if is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise EmbeddedError(f"No free port between {_FIRST_PORT} and {last}.")


async def answers(port: int) -> bool:
    """Somebody accepts connections there."""
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True


def require_port(name: str, port: int) -> None:
    """For a port that the user named."""
    if not is_free(port):
        raise EmbeddedError(
            f"{name}: port {port} of {HOST} is taken by another program.\nName another, leave it out for a free one, "
            f"or see who has it: ss -ltnp 'sport = :{port}'"
        )


def prepare_folder(folder: Path) -> Path:
    """Created where new; absolute."""
    folder = folder.expanduser().absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EmbeddedError(f"Can't create the data folder {folder}: {error.strerror}. {_ELSEWHERE}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise EmbeddedError(f"Can't write to the data folder {folder}. {_ELSEWHERE}")
    return folder


_ELSEWHERE = "Name another with TALENTSTREAM_DATA_DIR."


class FolderLock:
    """Keeps a second stack out of a data folder; the kernel frees it when we die, however we die."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"
        self._file: IO[str] | None = None

    @property
    def held(self) -> bool:
        """By us."""
        return self._file is not None

    def acquire(self) -> None:
        """Nothing happens when already ours."""
        if self._file is not None:
            return
        try:
            file = self._path.open("a+")
        except OSError as error:
            raise EmbeddedError(f"Can't write {self._path}: {error.strerror}. {_ELSEWHERE}") from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            file.close()
            raise EmbeddedError(
                f"The data folder {self._path.parent} is in use by another stack (process {owner}). "
                f"Stop that one first. {_ELSEWHERE}"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file

    def release(self) -> None:
        """Nothing happens when not ours."""
        if self._file is not None:
            self._file.close()
            self._file = None

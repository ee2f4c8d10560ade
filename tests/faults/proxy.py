"""A TCP proxy that can cut, hold, delay and strand connections, and a broker with one before each worker."""

import asyncio
import contextlib
import socket
import struct
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from workers.embedded import EmbeddedKafka
from workers.embedded.machine import HOST, free_ports

Direction = Literal["up", "down"]


class Proxy:
    """Listens on `port` for `target`, both on this machine; an async context manager."""

    def __init__(self, target: int, port: int | None = None) -> None:
        self.target = target
        self.port = port or free_ports(1)[0]
        self.delay_s = 0.0
        self._refusing = False
        self._open: dict[Direction, asyncio.Event] = {"up": asyncio.Event(), "down": asyncio.Event()}
        self._connections: set[asyncio.Task[None]] = set()
        self.heal()

    def heal(self) -> None:
        """New connections are let in, what was held goes on."""
        self._refusing = False
        self.delay_s = 0.0
        for gate in self._open.values():
            gate.set()

    def cut(self) -> None:
        """Resets all connections and refuses new ones."""
        self._refusing = True
        for connection in self._connections:
            connection.cancel()

    def hold(self, *directions: Direction) -> None:
        """A network that drops packets: nothing comes through this way (or both) until it heals, then all does."""
        for direction in directions or ("up", "down"):
            self._open[direction].clear()

    def strand(self) -> None:
        """Connections of now stay open and never carry a byte again; new ones are as always."""
        self.hold()
        self._open = {"up": asyncio.Event(), "down": asyncio.Event()}
        self.heal()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, HOST, self.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.close()
        self.cut()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        writers = [writer]
        gates = self._open
        try:
            if self._refusing:
                return
            far_reader, far_writer = await asyncio.open_connection(HOST, self.target)
            writers.append(far_writer)
            ways = [
                asyncio.create_task(self._pump(reader, far_writer, gates["up"])),
                asyncio.create_task(self._pump(far_reader, writer, gates["down"])),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            for each in writers:
                _reset(each)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event) -> None:
        while chunk := await reader.read(64 * 1024):
            await asyncio.sleep(self.delay_s)
            await gate.wait()
            writer.write(chunk)
            await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Closes with RST instead of FIN."""
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class ProxiedKafka(EmbeddedKafka):
    """A broker with a listener for each worker, advertised at that worker's proxy."""

    def __init__(self, folder: Path, *, workers: int, **options: Any) -> None:
        super().__init__(folder, **options)
        ports = free_ports(2 * workers)
        self.proxies = [Proxy(target, port) for target, port in zip(ports[:workers], ports[workers:], strict=True)]

    @property
    def addresses(self) -> list[dict[str, str]]:
        """Settings of each worker."""
        return [{"KAFKA_BOOTSTRAP_SERVERS": f"{HOST}:{proxy.port}"} for proxy in self.proxies]

    def _properties(self, node: int) -> dict[str, str]:
        properties = super()._properties(node) | {"inter.broker.listener.name": "PLAINTEXT"}
        for number, proxy in enumerate(self.proxies):
            properties["listeners"] += f",WORKER{number}://{HOST}:{proxy.target}"
            properties["advertised.listeners"] += f",WORKER{number}://{HOST}:{proxy.port}"
            properties["listener.security.protocol.map"] += f",WORKER{number}:PLAINTEXT"
        return properties

"""The proxy does to connections what it says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.faults.proxy import Proxy
from workers.embedded.machine import HOST


class Client:
    """Sends a line and waits for its echo."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def echo(self, timeout_s: float = 2.0) -> bytes:
        self._writer.write(b"x\n")
        return await asyncio.wait_for(self._reader.readline(), timeout_s)


async def repeat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(line)


@asynccontextmanager
async def proxied() -> AsyncIterator[Proxy]:
    server = await asyncio.start_server(repeat, HOST, 0)
    async with server, Proxy(server.sockets[0].getsockname()[1]) as proxy:
        yield proxy


async def connect(proxy: Proxy) -> Client:
    return Client(*await asyncio.open_connection(HOST, proxy.port))


async def test_stranded_connections_stay_silent_and_new_ones_work() -> None:
    async with proxied() as proxy:
        old = await connect(proxy)
        assert await old.echo() == b"x\n"
        proxy.strand()
        with pytest.raises(TimeoutError):
            await old.echo(0.3)
        assert await (await connect(proxy)).echo() == b"x\n"


async def test_what_is_held_comes_after_healing() -> None:
    async with proxied() as proxy:
        for directions in ((), ("up",), ("down",)):
            client = await connect(proxy)
            assert await client.echo() == b"x\n"
            proxy.hold(*directions)
            with pytest.raises(TimeoutError):
                await client.echo(0.3)
            proxy.heal()
            assert await client.echo() == b"x\n"


async def test_cut_connections_are_reset_and_new_ones_refused_until_healed() -> None:
    async with proxied() as proxy:
        client = await connect(proxy)
        assert await client.echo() == b"x\n"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            await client.echo()
        with pytest.raises(ConnectionResetError):
            await (await connect(proxy)).echo()
        proxy.heal()
        assert await (await connect(proxy)).echo() == b"x\n"

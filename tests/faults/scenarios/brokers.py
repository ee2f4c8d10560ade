"""Brokers that die, bounce, hang, run out of disk; networks that break."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tests.faults.handlers import Behaviour
from tests.faults.judge import Verdict
from tests.faults.proxy import ProxiedKafka
from tests.faults.stage import SETTINGS, WORKERS, NotRunError, Stage

SESSION_S = float(SETTINGS["TALENTSTREAM_SESSION_TIMEOUT_S"])


async def broker_dies(stage: Stage) -> Verdict:
    """The only broker: SIGKILL, a clean bounce, SIGSTOP for longer than the session timeout.

    Guards: transactions, and clients built anew with back-off.
    """
    async with stage.broker() as kafka, stage.stream(kafka, seconds=20, stall_s=30) as stream:
        await stream.flowing()
        kafka.kill()
        await asyncio.sleep(0.5)
        await kafka.start()
        stream.mark()
        await stream.flowing()
        await kafka.stop()
        await kafka.start()
        stream.mark()
        await stream.flowing()
        kafka.pause()
        await asyncio.sleep(SESSION_S + 1.0)
        kafka.resume()
        stream.mark()
        return await stream.verdict()


async def leaders_move(stage: Stage) -> Verdict:
    """Three brokers: each in turn killed or stopped while the others go on, so leaders and coordinators move.

    Guards: replication, transactions, and clients that look for the new coordinator.
    """
    async with (
        stage.broker(nodes=3) as kafka,
        stage.stream(kafka, seconds=25, stall_s=30, replication=3) as stream,
    ):
        for node in range(3):
            await stream.flowing()
            if node == 1:
                await kafka.stop_node(node)
            else:
                kafka.kill_node(node)
            stream.mark()
            await asyncio.sleep(1.0)
            await kafka.start_node(node)
        return await stream.verdict()


async def network_breaks(stage: Stage) -> Verdict:
    """Connections of one worker reset; another's held both ways, then one way each, past the session timeout.

    Guard: the new owner of a partition fences the one behind the broken network.
    """
    async with AsyncExitStack() as after:
        kafka = await after.enter_async_context(stage.broker(ProxiedKafka, workers=WORKERS))
        assert isinstance(kafka, ProxiedKafka)
        for proxy in kafka.proxies:
            await after.enter_async_context(proxy)
        stream = await after.enter_async_context(
            stage.stream(kafka, seconds=32, addresses=kafka.addresses, behaviour=Behaviour(delay_s=0.001), stall_s=30)
        )
        await stream.flowing()
        kafka.proxies[0].cut()
        await asyncio.sleep(2.0)
        kafka.proxies[0].heal()
        stream.mark()
        for directions in ((), ("up",), ("down",)):
            await stream.flowing()
            kafka.proxies[1].hold(*directions)
            await asyncio.sleep(SESSION_S + 2.0)
            kafka.proxies[1].heal()
            stream.mark()
        return await stream.verdict()


async def late_commits(stage: Stage) -> Verdict:
    """Each worker sleeps inside a transaction for longer than its timeout, then commits: the broker has aborted it.

    Guard: a commit that fails is followed by a new session from the committed offset.
    """
    settings = {
        "TALENTSTREAM_TRANSACTION_TIMEOUT_S": "2",
        "TALENTSTREAM_SESSION_TIMEOUT_S": "8",
        "TALENTSTREAM_STALL_TIMEOUT_S": "20",
    }
    strikes = ("produced",) * WORKERS
    async with stage.stream(seconds=20, settings=settings, strikes=strikes, sleep_s=3.5) as stream:
        await stream.flowing()
        stream.mark()
        return await stream.verdict()


async def disk_fills(stage: Stage) -> Verdict:
    """The broker's disk fills up, the broker halts; room is made, it starts again.

    Guards: transactions, and clients built anew with back-off.
    """
    async with small_disk(stage.folder / "disk", 192) as disk:
        settings = {"log.dirs": str(disk / "data")}
        async with stage.broker(settings=settings) as kafka, stage.stream(kafka, seconds=15, stall_s=30) as stream:
            await stream.flowing()
            filler = disk / "filler"
            _fill(filler)
            async with asyncio.timeout(20):
                while kafka.running:  # noqa: ASYNC110 - another process's doing
                    await asyncio.sleep(0.1)
            await asyncio.sleep(1.0)
            filler.unlink()
            await kafka.start()
            stream.mark()
            return await stream.verdict()


@asynccontextmanager
async def small_disk(folder: Path, megabytes: int) -> AsyncIterator[Path]:
    """A file system of this size."""
    await asyncio.to_thread(folder.mkdir, parents=True)
    if os.getuid() != 0:
        raise NotRunError("only root may mount a small disk")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    done = await asyncio.to_thread(subprocess.run, mount, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NotRunError(f"no small disk: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        await asyncio.to_thread(subprocess.run, ["umount", "--lazy", str(folder)], check=False)


def _fill(file: Path) -> None:
    with file.open("wb", buffering=0) as filler:
        try:
            while filler.write(bytes(64 * 1024)) > 0:
                pass
        except OSError:
            return

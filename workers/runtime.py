"""Runs one worker process: connects its parts, serves health, stops on SIGTERM."""

import asyncio
import contextlib
import gc
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import structlog

from workers import cvs, matcher, postings, queries, telemetry, tracing
from workers import health as health_server
from workers.delivery import Backoff, Worker, run_worker
from workers.errors import RetryableError
from workers.health import Health
from workers.matching.matcher import Matcher
from workers.matching.session import run_matcher
from workers.settings import Settings

log = structlog.get_logger()

WORKERS: dict[str, Callable[[Settings], AbstractAsyncContextManager[Worker | Matcher]]] = {
    postings.NAME: postings.worker,
    cvs.NAME: cvs.worker,
    queries.NAME: queries.worker,
    matcher.NAME: matcher.worker,
}
# Settings that suit each where the environment says nothing.
DEFAULTS: dict[str, dict[str, Any]] = {queries.NAME: queries.DEFAULTS}
# What each would mark its results with now.
MADE_BY: dict[str, Callable[[Settings], Awaitable[str]]] = {
    postings.NAME: postings.made_by,
    cvs.NAME: cvs.made_by,
    queries.NAME: queries.made_by,
}
# Under which name each caches the result of an input.
CONTENT_HASH: dict[str, Callable[[Any], str]] = {
    postings.NAME: lambda posting: posting.content_hash,
    cvs.NAME: cvs.content_hash,
    queries.NAME: lambda query: query.content_hash,
}


@asynccontextmanager
async def stop_on_signals() -> AsyncIterator[asyncio.Event]:
    """An event that SIGTERM or SIGINT sets; a second signal takes its usual course."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def first(number: signal.Signals) -> None:
        log.info("stopping", signal=number.name)
        stop.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, first, number)
    try:
        yield stop
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


@asynccontextmanager
async def in_background(worker: Worker | Matcher, settings: Settings) -> AsyncIterator[asyncio.Task[None]]:
    """`worker` as a task of this process: ready on entering, drained on leaving.

    Raises:
        FatalError: on entering or leaving, what ended the worker.
    """
    stop, health = asyncio.Event(), Health(settings.stall_timeout_s)
    work = asyncio.create_task(_work(worker, settings, health, stop))
    ready = asyncio.create_task(health.wait_ready())
    try:
        await asyncio.wait([work, ready], return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            await work
        yield work
    finally:
        ready.cancel()
        stop.set()
        await work


async def _work(worker: Worker | Matcher, settings: Settings, health: Health, stop: asyncio.Event) -> None:
    run = run_matcher if isinstance(worker, Matcher) else run_worker
    await run(worker, settings, health, stop)  # type: ignore[arg-type]


def spare_garbage_collection() -> None:
    """Collects seldom, and never looks again at what is loaded now.

    Each batch makes and drops thousands of objects without cycles, which reference counts free; Python's default of a
    collection every 700 objects was measured at a tenth to a fifth of the engine's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


async def run(name: str, settings: Settings, stop: asyncio.Event) -> None:
    """Runs worker `name` until `stop`; waits for parts that are not there yet.

    Raises:
        FatalError: as the worker's parts and :func:`workers.delivery.run_worker` raise it.
    """
    health = Health(settings.stall_timeout_s)
    tracing.configure()
    measuring = asyncio.create_task(telemetry.measure_loop_lag(name))
    try:
        with health_server.serve(health, settings) as port:
            log.info("worker starting", worker=name, http_port=port, delivery=settings.delivery)
            async with AsyncExitStack() as parts:
                worker = await _connected(parts, name, settings, health, stop)
                if worker is not None:
                    spare_garbage_collection()
                    await _work(worker, settings, health, stop)
    finally:
        measuring.cancel()
        await asyncio.to_thread(tracing.shutdown)
    log.info("worker stopped", worker=name)


@asynccontextmanager
async def _beating(health: Health) -> AsyncIterator[None]:
    """Alive while parts are made: the first index of a taxonomy takes a minute; each call has a deadline of its own."""

    async def beat() -> None:
        while True:
            health.beat()
            await asyncio.sleep(1)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()


async def _connected(
    parts: AsyncExitStack, name: str, settings: Settings, health: Health, stop: asyncio.Event
) -> Worker | Matcher | None:
    """The worker; None when stopped while waiting for its parts."""
    backoff = Backoff(settings.retry_initial_s, min(settings.retry_max_s, settings.stall_timeout_s / 2))
    attempt = 0
    while not stop.is_set():
        health.beat()
        try:
            async with _beating(health):
                return await parts.enter_async_context(WORKERS[name](settings))
        except RetryableError as error:
            attempt += 1
            log.warning("waiting for parts", worker=name, error=str(error), attempt=attempt)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), backoff.delay(attempt, random.random))
    return None

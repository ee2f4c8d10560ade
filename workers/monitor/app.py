"""The Faust app around the monitor's state: it reads, remembers in tables with changelogs, judges and publishes.

Only a driver: what is remembered is :mod:`workers.monitor.state`, what is said :mod:`workers.monitor.measures`. Faust
is known to stall after a rebalance and to repeat after a scale-out, hence

- the monitor is not in the delivery path, and one process does all of it. Another stands by outside the group until
  that is empty; should the group rebalance all the same, the app is made anew and reads its tables back;
- a record that is met again changes nothing, and a report has the same `ce_id` however often it is published;
- a process in which records wait and none is taken fails /livez, to be restarted.

Faust's own log lines may quote records, so they are silenced: nothing of `cv-groups.v1` may reach a log.
"""

import asyncio
import contextlib
import logging
import random
import tempfile
import time
from collections.abc import AsyncIterator
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from topics.catalogue import CV_GROUPS, FAIRNESS_REPORTS, MATCHES, OUTCOMES, REJECTIONS
from topics.envelope import encode, output_headers
from topics.validation import InvalidEventError
from workers import admin, kafka, telemetry
from workers import health as health_server
from workers.delivery import Backoff, Record, group_of
from workers.delivery.messages import make_rejection
from workers.errors import FatalError, RetryableError
from workers.health import Health
from workers.monitor import NAME, gauges
from workers.monitor.driver import TABLES, changelogs, make_app
from workers.monitor.measures import judge
from workers.monitor.state import Plan, State
from workers.publish import idempotent_producer
from workers.settings import Settings

log = structlog.get_logger()

SOURCES = (MATCHES, CV_GROUPS, OUTCOMES)
_TICK_S = 1.0
_HELD_S = 0.2
# Time to become the only member, in session timeouts: a member that died is one for the first.
_JOIN_SESSIONS = 3
_STOP_TIMEOUT_S = 10.0


class Monitor:
    """One run of the app; made and used in one event loop."""

    def __init__(self, settings: Settings, producer: AIOKafkaProducer, folder: str) -> None:
        self._settings = settings
        self._producer = producer
        self.plan = Plan.of(settings)
        self._app = make_app(settings, folder)
        self.state = State(**{name: self._app.Table(name, partitions=1) for name in TABLES})
        # Of each partition the last record taken in: its offset and time.
        self._last: dict[Any, tuple[int, int]] = {}
        self._taken = 0
        self._caught_up: set[Any] = set()
        # Number of the rebalance after which all partitions were ours.
        self._whole_since: int | None = None
        self._failed: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        source = self._app.topic(
            *(topic.name for topic in SOURCES),
            key_type=bytes,
            value_type=bytes,
            value_serializer="raw",
            allow_empty=True,
        )
        self._app.agent(source, name=NAME)(self._take_all)

    async def _take_all(self, stream: Any) -> None:
        async for event in stream.events():
            m = event.message
            record = Record(
                m.topic, m.partition, m.offset, m.key, m.value, tuple(m.headers or ()), int(m.timestamp * 1000)
            )
            try:
                await self._until_whole()
                await self._take(record)
            except Exception as error:  # whatever it is, going on would skip the record
                self._failed.set_result(error)
                await asyncio.Event().wait()
            self._last[m.tp] = record.offset, record.timestamp_ms
            self._taken += 1

    async def _until_whole(self) -> None:
        while not self._whole():  # noqa: ASYNC110 - Faust has no event for it
            await asyncio.sleep(_HELD_S)

    async def _take(self, record: Record) -> None:
        try:
            result = self.state.apply(self.plan, record, _now_ms())
        except InvalidEventError as error:
            result = "rejected"
            await self._reject(record, error)
        except ValueError as error:
            # Of our own topic: a newer release writes what this one can't read.
            raise FatalError(f"{record.identity} can't be read ({type(error).__name__}); update the monitor") from None
        telemetry.EVENTS.labels(NAME, result).inc()

    async def _reject(self, record: Record, error: InvalidEventError) -> None:
        message = make_rejection(NAME, record, error.errors)
        await self._producer.send_and_wait(
            message.topic, key=message.key, value=message.value, headers=list(message.headers)
        )

    async def run(self, health: Health, stop: asyncio.Event) -> None:
        """Until `stop`.

        Raises:
            FatalError: a record can't be taken in, or Kafka refuses us.
            RetryableError: Faust has given up, or another monitor has joined the group; connect again.
            KafkaError: a rejection could not be published.
        """
        starting = asyncio.create_task(self._app.start())
        try:
            await self._watch(starting, health, stop)
        finally:
            health.ready = False
            starting.cancel()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STOP_TIMEOUT_S):
                    await self._app.stop()

    async def _watch(self, starting: "asyncio.Task[None]", health: Health, stop: asyncio.Event) -> None:
        seen, moved = -1, time.monotonic()
        judging: asyncio.Task[None] | None = None
        judged = 0.0
        # While the tables are read back it moves on.
        deadline = moved + _JOIN_SESSIONS * self._settings.session_timeout_s
        try:
            while not stop.is_set():
                if self._failed.done():
                    raise self._failed.result()
                reason = self._app.crash_reason or (starting.exception() if starting.done() else None)
                if reason is not None:
                    await kafka.raise_refusal(self._settings, reason)
                    raise RetryableError(f"Faust has stopped: {type(reason).__name__}")
                ready = starting.done() and self._whole()
                if not ready and time.monotonic() > deadline:
                    raise RetryableError("not all partitions are ours: another monitor is at work")
                now_ms = _now_ms()
                until_ms = await self._read_until(now_ms) if ready else 0
                # While tables are read back they grow; with nothing left to take, standing still is no stall.
                size = self._taken + sum(len(getattr(self.state, name)) for name in TABLES)
                if size != seen or until_ms == now_ms:
                    seen, moved = size, time.monotonic()
                    deadline = moved + _JOIN_SESSIONS * self._settings.session_timeout_s
                health.ready = ready
                health.beat(stalled_s=time.monotonic() - moved)
                telemetry.STALL.labels(NAME).set(time.monotonic() - moved)
                if judging is not None and judging.done():
                    await self._judged(judging)
                    judging, judged = None, time.monotonic()
                elif ready and judging is None and time.monotonic() - judged >= self._settings.fairness_interval_s:
                    judging = asyncio.create_task(self.judge(until_ms))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _TICK_S)
        finally:
            if judging is not None:
                judging.cancel()

    async def _judged(self, judging: "asyncio.Task[None]") -> None:
        try:
            judging.result()
        except KafkaError as error:  # the window has no verdict yet: the next round tries again
            await kafka.raise_refusal(self._settings, error)
            log.warning("reports not published", worker=NAME, error=type(error).__name__)
            telemetry.RETRIES.labels(NAME, type(error).__name__).inc()

    def _whole(self) -> bool:
        """Whether every partition of the sources is ours and the tables are read back.

        Raises:
            RetryableError: the group has rebalanced since that was so.
        """
        app = self._app
        if self._whole_since is None:
            numbers = [app.consumer.topic_partitions(topic.name) for topic in SOURCES]
            if app.rebalancing or app.in_recovery or None in numbers or len(self._sources()) != sum(numbers):
                return False
            self._whole_since = app.rebalancing_count
        if app.rebalancing_count != self._whole_since:
            raise RetryableError("the group has rebalanced")
        return True

    async def _read_until(self, now_ms: int) -> int:
        """Up to which time all is taken in: now, or where a partition has more, its last record's.

        0 until each partition has been at its end once: what is older than the monitor comes in no order of time.
        """
        until = now_ms
        consumer = self._app.consumer
        for partition in self._sources():
            end, position = consumer.highwater(partition), await consumer.position(partition)
            offset, time_ms = self._last.get(partition, (-1, 0))
            whole = end is not None and position is not None and position >= end
            if whole and consumer._thread.fetched.get(partition, -1) <= offset:
                self._caught_up.add(partition)
            else:
                until = min(until, time_ms if partition in self._caught_up else 0)
        return until

    def _sources(self) -> list[Any]:
        """Partitions of the sources that are ours."""
        names = {topic.name for topic in SOURCES}
        return [partition for partition in self._app.consumer.assignment() if partition.topic in names]

    async def judge(self, until_ms: int) -> None:
        """Judges the windows that are over and publishes what is new."""
        now_ms = _now_ms()
        self.state.expire(self.plan, now_ms)
        for window in self.state.due(self.plan, until_ms, now_ms):
            # Off the loop: a market of a million CVs takes half a minute.
            reports = await asyncio.to_thread(judge, self.plan, self.state.case(self.plan, window))
            for report in self.state.unseen(window, reports):
                value = encode(report)
                headers = output_headers(
                    FAIRNESS_REPORTS,
                    worker=NAME,
                    subject=report.market,
                    # The same content again is the same event.
                    cause=value.decode(),
                    time_ms=window.end_ms,
                )
                await self._producer.send_and_wait(
                    FAIRNESS_REPORTS.name, key=report.market.encode(), value=value, headers=list(headers)
                )
                log.info("window judged", worker=NAME, report=report.id, flagged=report.flagged)
            self.state.settle(window, reports)
        gauges.show(self.state.reports(), until_ms)


@contextlib.asynccontextmanager
async def connect(settings: Settings) -> AsyncIterator[Monitor]:
    """The monitor with its topics made.

    Raises:
        RetryableError: the broker or a topic is not there yet, or another monitor is.
        FatalError: Kafka refuses us.
    """
    for name in ("faust", "mode"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        existing = {state.topic.name: state.partitions for state in await admin.states(settings)}
        if missing := [t.name for t in (*SOURCES, FAIRNESS_REPORTS, REJECTIONS) if not existing.get(t.name)]:
            raise RetryableError(f"no topic {', '.join(missing)}, or no right to see it; `talentstream topics apply`")
        if await admin.members(settings, group_of(settings, NAME)):
            raise RetryableError("another monitor is at work; standing by")
        await admin.apply(settings.model_copy(update={"partitions": 1}), changelogs(settings))
    except (KafkaError, TimeoutError) as error:
        await kafka.raise_refusal(settings, error)
        raise RetryableError(f"Kafka: {type(error).__name__}") from error
    with tempfile.TemporaryDirectory(prefix="talentstream-monitor-") as folder:
        async with idempotent_producer(settings, FAIRNESS_REPORTS) as producer:
            yield Monitor(settings, producer, folder)


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Runs the monitor until `stop`; waits for a broker and topics that are not there yet.

    Raises:
        FatalError: as :func:`connect` and :meth:`Monitor.run` raise it.
    """
    health = Health(settings.stall_timeout_s)
    backoff = Backoff(settings.retry_initial_s, min(settings.retry_max_s, settings.stall_timeout_s / 2))
    attempt = 0
    with health_server.serve(health, settings) as port:
        log.info("monitor starting", worker=NAME, http_port=port)
        while not stop.is_set():
            health.beat()
            try:
                async with connect(settings) as monitor:
                    await monitor.run(health, stop)
            except RetryableError as error:
                attempt += 1
                log.warning("waiting for parts", worker=NAME, error=str(error), attempt=attempt)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), backoff.delay(attempt, random.random))
    log.info("monitor stopped", worker=NAME)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

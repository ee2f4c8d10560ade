"""The parts of Faust that the monitor uses, bent where it needs them; the only module of it that imports Faust."""

import asyncio
import ssl
from typing import Any

import faust
from faust.exceptions import ProducerSendError
from faust.transport.drivers import aiokafka as driver

from topics.catalogue import DELETE_RETENTION_MS, MATCHES, MAX_COMPACTION_LAG_MS, Topic
from workers import kafka
from workers.delivery import group_of
from workers.monitor import NAME
from workers.settings import Settings

TABLES = ("lists", "panes", "members", "groups", "decisions", "verdicts")


class _CommittedThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """Reads committed records alone, which Faust does only where it writes transactions itself.

    Attributes:
        fetched: of each partition the last offset that was handed to Faust, which may hold it for a while.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fetched: dict[Any, int] = {}

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        return consumer

    async def _fetch_records(self, *args: Any, **kwargs: Any) -> Any:
        fetched = await super()._fetch_records(*args, **kwargs)
        self.fetched.update({partition: records[-1].offset for partition, records in fetched.items()})
        return fetched


class _Consumer(driver.Consumer):  # type: ignore[misc]
    """Commits an offset once the changes that its records made are written.

    Faust commits without looking: what a crash keeps from a changelog would be missing from the table for good.
    """

    def _new_consumer_thread(self) -> Any:
        return _CommittedThread(self, loop=self.loop, beacon=self.beacon)

    async def _handle_attached(self, commit_offsets: Any) -> None:
        await super()._handle_attached(commit_offsets)
        if pending := set(self.app.changes):
            await asyncio.wait(pending)
        if any(change.exception() is not None for change in pending):
            raise ProducerSendError("a change could not be written")


class _Transport(driver.Transport):  # type: ignore[misc]
    Consumer = _Consumer


class _Table(faust.Table):  # type: ignore[misc]
    """Written from a timer too, where Faust knows no partition: its changelog has one."""

    def partition_for_key(self, key: Any) -> int:
        return 0

    def send_changelog(self, *args: Any, **kwargs: Any) -> Any:
        change = super().send_changelog(*args, **kwargs)
        changes = self.app.changes
        changes.add(change)
        # A failed one stays, for the next commit to find.
        change.add_done_callback(lambda done: None if done.cancelled() or done.exception() else changes.discard(done))
        return change


def changelogs(settings: Settings) -> list[Topic]:
    """Topics that the tables live in: as restricted as `cv-groups.v1`. Of one partition, read whole by one process."""
    return [
        _Changelog(
            f"{group_of(settings, NAME)}-{table}-changelog", "as in the table", None, None, "state", "compact", table
        )
        for table in TABLES
    ]


class _Changelog(Topic):
    """Not of the catalogue, whose partitions `TALENTSTREAM_PARTITIONS` may set."""

    __slots__ = ()

    def config(self) -> dict[str, str]:
        return {
            "cleanup.policy": "compact",
            "max.compaction.lag.ms": str(MAX_COMPACTION_LAG_MS),
            "delete.retention.ms": str(DELETE_RETENTION_MS),
        }


def make_app(settings: Settings, folder: str) -> Any:
    """A Faust app without agents.

    Args:
        folder: an empty one, for what Faust puts down.
    """
    options = kafka.connection(settings)
    app = faust.App(
        group_of(settings, NAME),
        broker=[f"kafka://{address}" for address in str(options["bootstrap_servers"]).split(",")],
        broker_credentials=_credentials(options),
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=settings.session_timeout_s / 5,
        broker_commit_interval=1.0,
        consumer_auto_offset_reset="earliest",
        processing_guarantee="at_least_once",
        stream_wait_empty=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        producer_max_request_size=MATCHES.max_message_bytes,
        store="memory://",
        datadir=folder,
        web_enabled=False,
        Table=_Table,
        autodiscover=False,
    )
    app.changes = set()
    app.transport = _Transport(app.conf.broker_consumer, app, loop=app.loop)
    return app


def _credentials(options: dict[str, Any]) -> Any:
    context: ssl.SSLContext | None = options.get("ssl_context")
    if "sasl_mechanism" in options:
        return faust.SASLCredentials(
            mechanism=options["sasl_mechanism"],
            username=options["sasl_plain_username"],
            password=options["sasl_plain_password"],
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context is not None else None

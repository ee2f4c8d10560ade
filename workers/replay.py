"""Publishes inputs again, so that the worker answers them anew: after a model switch, a degraded stage, a dead letter.

A replayed record carries `ce_replayof` and counts at its original's place, so it can't overtake a newer input at the
worker. In the topic it does stand last, and compaction keeps what stands last: whoever replays looks again afterwards.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum

from topics.catalogue import Flow, Topic
from topics.envelope import ERASURE, REPLAY_OF, Headers, encode, header
from topics.ledger import LedgerEntry
from topics.validation import InvalidEventError, parse
from workers import records
from workers.delivery import Record
from workers.delivery.ledger import Ledger, Verdict, digest, position
from workers.publish import idempotent_producer
from workers.records import Offsets
from workers.settings import Settings


class Where(StrEnum):
    """Which answered keys to replay."""

    stale_model = "stale-model"
    degraded = "degraded"
    all = "all"


@dataclass(frozen=True, slots=True)
class Summary:
    """What a replay did.

    Attributes:
        chosen: keys that the ledger names.
        published: their newest inputs, published again.
        superseded: of those, keys for which somebody published a newer input meanwhile, which then was put last again.
        missing: keys without a live input in the source.
    """

    chosen: int
    published: int
    superseded: int
    missing: int


class NewestInputs:
    """The newest valid input of some keys, by the rule that the worker's ledger follows; tombstones are inputs too.

    Attributes:
        newest: by key.
        last: by key, the one that stands last in its partition; compaction will keep it.
    """

    def __init__(self, source: Topic, keys: Collection[bytes], known: Mapping[bytes, LedgerEntry] = {}) -> None:
        self.newest: dict[bytes, Record] = {}
        self.last: dict[bytes, Record] = {}
        self._source = source
        self._keys = frozenset(keys)
        self._ledger = Ledger()
        for key, entry in known.items():
            self._ledger.set(key, encode(entry))

    def add(self, record: Record) -> None:
        """The next record of a partition, in its order."""
        key = record.key
        if key is None or key not in self._keys:
            return
        entry = self._entry(key, record)
        if entry is None:
            return
        self.last[key] = record
        if not self._is_stale(key, entry):
            self.newest[key] = record
            self._ledger.set(key, encode(entry))

    def outdates(self, record: Record) -> bool:
        """Whether a newer input of the record's key was seen, or the record is no valid input at all."""
        key = record.key or b""
        entry = self._entry(key, record)
        return entry is None or self._is_stale(key, entry)

    @property
    def misplaced(self) -> list[Record]:
        """The newest inputs after which an older one of their key stands."""
        return [record for key, record in self.newest.items() if position(self.last[key]) < position(record)]

    def _is_stale(self, key: bytes, entry: LedgerEntry) -> bool:
        if entry.deleted:
            known = self._ledger.get(key)
            return known is not None and entry.position < known.position
        return self._ledger.judge(key, entry.version, entry.position, entry.digest, entry.made_by) is Verdict.stale

    def _entry(self, key: bytes, record: Record) -> LedgerEntry | None:
        """As the worker would remember the record; None for one that it rejects."""
        if record.value is None:
            known = None if header(record.headers, ERASURE) is not None else self._ledger.get(key)
            version = known.version if known is not None else 0
            return LedgerEntry(version=version, position=position(record), digest="", made_by="", deleted=True)
        try:
            value = parse(self._source, key, record.value, record.headers)
        except InvalidEventError:
            return None
        version = int(getattr(value, "version", 0))
        return LedgerEntry(version=version, position=position(record), digest=digest(record.value), made_by="")


def is_chosen(entry: LedgerEntry, where: Where, made_by: str) -> bool:
    """Whether a key with this entry is to be replayed; `made_by` is what an answer would be made by now."""
    if entry.deleted:
        return False
    match where:
        case Where.stale_model:
            return entry.made_by != made_by
        case Where.degraded:
            return bool(entry.degraded)
        case Where.all:
            return True


async def entries(settings: Settings, flow: Flow, *, since_ms: int = 0) -> dict[bytes, LedgerEntry]:
    """The flow's memory: the latest entry of each key, where that was written at or after `since_ms`.

    Raises:
        ValueError: the flow keeps none.
    """
    if flow.ledger is None:
        raise ValueError(f"the {flow.worker} worker keeps no ledger")
    found: dict[bytes, LedgerEntry] = {}
    async with aclosing(records.scan(settings, [flow.ledger.name])) as ledger:
        async for record in ledger:
            key = record.key or b""
            found.pop(key, None)
            if record.value is not None and record.timestamp_ms >= since_ms:
                found[key] = LedgerEntry.model_validate_json(record.value)
    return found


async def read_into(inputs: NewestInputs, settings: Settings, source: Topic) -> Offsets:
    """Reads the source once; returns where it ended before, for :func:`republish`."""
    ends = await records.end_offsets(settings, [source.name])
    async with aclosing(records.scan(settings, [source.name])) as found:
        async for record in found:
            inputs.add(record)
    return ends


async def replay(
    settings: Settings,
    flow: Flow,
    keys: Collection[bytes],
    *,
    dry_run: bool,
    on_published: Callable[[], None] = lambda: None,
) -> Summary:
    """Publishes the newest input of each key again; as many values as keys are held in memory."""
    inputs = NewestInputs(flow.source, keys)
    ends = await read_into(inputs, settings, flow.source)
    live = [record for record in inputs.newest.values() if record.value is not None]
    superseded = 0
    if live and not dry_run:
        superseded = await republish(settings, flow.source, live, ends, on_published)
    return Summary(len(keys), 0 if dry_run else len(live), superseded, len(keys) - len(live))


async def republish(
    settings: Settings,
    source: Topic,
    inputs: Sequence[Record],
    read_to: Offsets,
    on_published: Callable[[], None] = lambda: None,
) -> int:
    """Publishes inputs again, each to its own partition, then puts right what came in between.

    Args:
        source: their topic.
        inputs: the newest of their keys as of `read_to`.
        read_to: from where newer ones may have been published since.
        on_published: called for each.

    Returns:
        how many keys somebody had published a newer input for before ours; it now stands last again.
    """
    healed: set[bytes] = set()
    async with idempotent_producer(settings, source) as producer:

        async def send(record: Record) -> None:
            await producer.send_and_wait(
                source.name,
                key=record.key,
                value=record.value,
                partition=record.partition,
                headers=list(replayed_headers(record)),
            )
            on_published()

        for record in inputs:
            await send(record)
        while True:
            tail = NewestInputs(source, {record.key or b"" for record in inputs})
            for record in inputs:
                tail.add(record)
            async with aclosing(records.scan(settings, [source.name], starts=read_to)) as since:
                async for record in since:
                    tail.add(record)
            if not tail.misplaced:
                return len(healed)
            for record in tail.misplaced:
                healed.add(record.key or b"")
                await send(record)


def replayed_headers(record: Record) -> Headers:
    """The record's own headers and the place it counts at: its own, or the original's where it is a replay itself."""
    origin = f"{record.topic}/{record.partition}/{position(record)}"
    return (*without(record.headers, (REPLAY_OF,)), (REPLAY_OF, origin.encode()))


def without(headers: Headers, names: Iterable[str]) -> Headers:
    """The headers of other names."""
    return tuple((name, value) for name, value in headers if name not in names)

"""Erases one entity: from the topics, the worker's memory, the dead letters and the cached results.

Kafka can't delete a record; a null value under its key lets compaction drop what was published before it, and tells
readers of topics that keep records for days, such as those of queries, to forget the key sooner. The worker publishes
those of its own topics, in answer to a tombstone in its source; nobody answers for the dead letters and for what others
publish about the entity (declared groups, recruiters' decisions), so theirs are published here; the fairness monitor
forgets it then. The matcher removes the entity's list of matches and makes those anew in which it stands. Rejections
name the key and hold no content; they expire.
"""

import asyncio
import json
import time
import uuid
from collections import Counter, defaultdict
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime

from topics.catalogue import (
    BY_NAME,
    CV_GROUPS,
    DEAD_LETTERS,
    MATCHER_FLOW,
    MATCHES,
    MAX_COMPACTION_LAG_MS,
    OUTCOMES,
    REJECTIONS,
    Flow,
    Topic,
)
from topics.envelope import ERASURE, input_headers
from topics.validation import InvalidEventError, parse
from workers import cache, records, runtime
from workers.delivery import Record
from workers.dlq import read_letter
from workers.publish import idempotent_producer
from workers.settings import Settings

SOURCE = "/talentstream/erase"
# Inputs that speak of an entity beside its own topic: under its key, or with its id in the value.
_ABOUT: dict[str, tuple[Topic, ...]] = {"posting": (OUTCOMES,), "cv": (CV_GROUPS, OUTCOMES)}


@dataclass(slots=True)
class Found:
    """What of a key is on the cluster.

    Attributes:
        records: values under it, by topic, those before a tombstone included: they stay until compaction.
        live: topics in which its newest record is a value.
        partition: of the source, where it was found.
        lists: lists of matches that are the entity's, or that it stands in.
        letters: partition of each dead letter.
        contents: hashes of the contents that results may be cached for.
        expires_ms: when its newest record in a topic that keeps records for a time is past it, by topic.
        about: of each topic about it the partition of each key that still has a value.
    """

    records: Counter[str] = field(default_factory=Counter)
    live: set[str] = field(default_factory=set)
    partition: int | None = None
    lists: set[bytes] = field(default_factory=set)
    letters: set[int] = field(default_factory=set)
    contents: set[str] = field(default_factory=set)
    expires_ms: dict[str, int] = field(default_factory=dict)
    about: dict[str, dict[bytes, int]] = field(default_factory=lambda: defaultdict(dict))


@dataclass(frozen=True, slots=True)
class Row:
    """What was done in one topic.

    Attributes:
        records: values found under the key.
        tombstone: `partition/offset` of the (last) null that stands last now, None where there is none.
        state: `complete`, `pending`, `absent` (nothing to erase) or `expires`.
        gone_by: when its bytes are off the disks.
    """

    topic: str
    records: int
    tombstone: str | None
    state: str
    gone_by: str | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was erased; `cached` is the number of results removed, None where no cache is set."""

    entity: str
    id: str
    rows: tuple[Row, ...]
    cached: int | None

    @property
    def pending(self) -> list[str]:
        """Topics that the worker has not erased yet."""
        return [row.topic for row in self.rows if row.state == "pending"]


async def find(settings: Settings, flow: Flow, key: bytes) -> Found:
    """Reads every topic that may hold the key."""
    found = Found()
    about = {topic.name for topic in _ABOUT.get(flow.entity, ())}
    async with aclosing(records.scan(settings, [topic.name for topic in _touched(flow)])) as scanned:
        async for record in scanned:
            if record.topic in about:
                _note_about(found, flow, key, record)
            elif record.topic == MATCHES.name:
                _note_list(found, flow, key, record)
            elif record.key == key:
                _note(found, flow, record)
    return found


def _note_about(found: Found, flow: Flow, key: bytes, record: Record) -> None:
    if record.key is None:
        return
    keys = found.about[record.topic]
    if record.value is None:
        keys.pop(record.key, None)
    elif record.key == key if record.topic == CV_GROUPS.name else _names(record, flow, key):
        keys[record.key] = record.partition
        found.records[record.topic] += 1
    (found.live.add if keys else found.live.discard)(record.topic)


def _note_list(found: Found, flow: Flow, key: bytes, record: Record) -> bool:
    """Whether the record removed the entity from a list, or the list."""
    list_key = record.key or b""
    own = list_key == f"{flow.entity}:".encode() + key
    if record.value is not None and (own or _stands_in(list_key, record.value, flow, key)):
        found.lists.add(list_key)
        found.live.add(MATCHES.name)
        found.records[MATCHES.name] += 1
        return False
    left = list_key in found.lists
    found.lists.discard(list_key)
    if not found.lists:
        found.live.discard(MATCHES.name)
    return left


def _stands_in(list_key: bytes, value: bytes, flow: Flow, key: bytes) -> bool:
    other_side = not list_key.startswith(f"{flow.entity}:".encode())
    return other_side and key in value and key.decode() in {match["id"] for match in json.loads(value)["matches"]}


def _names(outcome: Record, flow: Flow, key: bytes) -> bool:
    """Whether a decision is on the entity; of one that can't be read its key says so."""
    try:
        return bool(json.loads(outcome.value or b"")[f"{flow.entity}_id"] == key.decode())
    except (ValueError, LookupError, TypeError):
        named = outcome.key or b""
        return named.endswith(b":" + key) if flow.entity == "cv" else named.startswith(key + b":")


def _note(found: Found, flow: Flow, record: Record) -> None:
    topic = record.topic
    if topic == DEAD_LETTERS.name:
        letter = read_letter(record)
        if letter is None:
            found.letters.discard(record.partition)
            found.live.discard(topic)
            return
        # Another entity may have the same id; its letters stay, unless compaction took them for ours already.
        if letter.original.topic != flow.source.name:
            return
        found.letters.add(record.partition)
        _note_content(found, flow, letter.original)
    elif topic == REJECTIONS.name:
        if json.loads(record.value or b"{}").get("topic") != flow.source.name:
            return
    elif topic == flow.source.name:
        found.partition = record.partition
        _note_content(found, flow, record)
    elif record.value is not None and (content_hash := json.loads(record.value).get("content_hash")):
        found.contents.add(content_hash)
    if record.value is not None and not BY_NAME[topic].compacted:
        found.expires_ms[topic] = record.timestamp_ms + (BY_NAME[topic].retention_ms or 0)
    if topic != REJECTIONS.name:
        (found.live.discard if record.value is None else found.live.add)(topic)
    found.records[topic] += record.value is not None


def _note_content(found: Found, flow: Flow, record: Record) -> None:
    # The outputs name the hash too, but an input may have got no further than the cache.
    try:
        value = parse(flow.source, record.key, record.value or b"")
    except InvalidEventError:
        return
    found.contents.add(runtime.CONTENT_HASH[flow.worker](value))


async def erase(settings: Settings, flow: Flow, entity_id: str, found: Found, timeout_s: float) -> Receipt:
    """Erases what was found; a worker must be running to answer the tombstone.

    Raises:
        KafkaError: the broker is out of reach; erasing again goes on where this stopped.
        RetryableError: the cache is out of reach; set REDIS_URL right and erase again.
    """
    key = entity_id.encode()
    answering = [topic.name for topic in _answering(flow)]
    # Before anything else, so that a cache out of reach stops us while what it may hold can still be found; and again
    # once no worker can add to it.
    cached = await _forget(settings, flow, found)
    watched = [*answering, *(topic.name for topic in _lists(flow))]
    ends = await records.end_offsets(settings, watched)
    tombstones = {flow.source.name: await _publish(settings, flow.source, key, found.partition)}
    for topic in _ABOUT.get(flow.entity, ()):
        for about, partition in found.about[topic.name].items():
            tombstones[topic.name] = await _publish(settings, topic, about, partition)
    for partition in found.letters:
        tombstones[DEAD_LETTERS.name] = await _publish(settings, DEAD_LETTERS, key, partition)
    try:
        async with (
            asyncio.timeout(timeout_s),
            aclosing(records.scan(settings, watched, starts=ends, follow=True)) as answers,
        ):
            async for record in answers:
                if record.topic == MATCHES.name:
                    if _note_list(found, flow, key, record):
                        tombstones[MATCHES.name] = f"{record.partition}/{record.offset}"
                elif record.key != key:
                    continue
                elif record.value is None:
                    tombstones[record.topic] = f"{record.partition}/{record.offset}"
                else:
                    # Answered before the worker met the tombstone.
                    tombstones.pop(record.topic, None)
                if all(topic in tombstones for topic in answering) and not found.lists:
                    break
    except TimeoutError:
        pass  # the receipt names what is pending
    cached += await _forget(settings, flow, found)
    rows = tuple(_row(topic, found, tombstones) for topic in _touched(flow))
    return Receipt(flow.entity, entity_id, rows, cached if settings.redis_url is not None else None)


async def _forget(settings: Settings, flow: Flow, found: Found) -> int:
    async with cache.connect(settings, flow.worker) as results:
        return await results.forget(found.contents)


def _row(topic: Topic, found: Found, tombstones: dict[str, str]) -> Row:
    tombstone = tombstones.get(topic.name)
    records = found.records[topic.name]
    if topic is MATCHES and found.lists:
        return Row(topic.name, records, tombstone, "pending", None)
    if tombstone is None and topic is not REJECTIONS:
        state = "absent" if topic in (MATCHES, DEAD_LETTERS, CV_GROUPS, OUTCOMES) else "pending"
        return Row(topic.name, records, None, state, None)
    if not topic.compacted:
        # No tombstone hastens what is kept for a time; it tells readers that the key is to be forgotten.
        expires_ms = found.expires_ms.get(topic.name)
        state = "expires" if expires_ms is not None else "absent"
        return Row(topic.name, records, tombstone, state, _day(expires_ms))
    gone = time.time() * 1000 + MAX_COMPACTION_LAG_MS
    return Row(topic.name, records, tombstone, "complete", _day(gone))


def _day(time_ms: float | None) -> str | None:
    return datetime.fromtimestamp(time_ms / 1000, UTC).date().isoformat() if time_ms is not None else None


def _touched(flow: Flow) -> tuple[Topic, ...]:
    """All topics that may hold something of an entity."""
    return (flow.source, *_answering(flow), *_lists(flow), *_ABOUT.get(flow.entity, ()), DEAD_LETTERS, REJECTIONS)


def _lists(flow: Flow) -> tuple[Topic, ...]:
    """Where it may be listed: queries are matched with nothing."""
    return (MATCHES,) if set(flow.derived) & set(MATCHER_FLOW.sources) else ()


def _answering(flow: Flow) -> tuple[Topic, ...]:
    """Topics in which the worker answers a tombstone that erases."""
    return (*flow.derived, flow.ledger) if flow.ledger is not None else flow.derived


async def _publish(settings: Settings, topic: Topic, key: bytes, partition: int | None) -> str:
    """A tombstone that erases; its place, `partition/offset`."""
    headers = (*input_headers(topic, event_id=str(uuid.uuid4()), source=SOURCE), (ERASURE, b"true"))
    async with idempotent_producer(settings, topic) as producer:
        sent = await producer.send_and_wait(topic.name, key=key, value=None, partition=partition, headers=list(headers))
    return f"{sent.partition}/{sent.offset}"

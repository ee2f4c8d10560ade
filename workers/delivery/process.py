"""One batch of records to the messages that answer it: each input gives its outputs, or one rejection, or nothing new.

An input that fails though it is valid leaves two records: a rejection for its producer and, for on-call, a dead letter
with the original bytes (headers of KIP-1034). An input that the ledger knows as stale or as a duplicate leaves none.
"""

import asyncio
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import structlog

from topics.catalogue import DEAD_LETTERS
from topics.envelope import ERASURE, encode, header
from topics.ledger import LedgerEntry
from topics.rejections import DEAD_LETTER_HEADERS, FieldError
from topics.validation import InvalidEventError, parse
from workers import telemetry
from workers.delivery.core import Record
from workers.delivery.early import Early
from workers.delivery.ledger import Ledger, Verdict, digest, position
from workers.delivery.messages import Message, make_message, make_rejection
from workers.delivery.outcomes import Event, Outcome, Worker
from workers.errors import FatalError, PoisonError, RetryableError, SuspectError

log = structlog.get_logger()

# What a record may take beside its value, of its topic's max.message.bytes.
ENVELOPE_BYTES = 8 * 1024
MAX_STACK_CHARS = 16 * 1024


@dataclass(frozen=True, slots=True)
class Answers:
    """What a batch comes to.

    Attributes:
        messages: to publish, in the records' order.
        poisoned: for each event that was handled, in order, whether it had to be dead-lettered.
    """

    messages: list[Message]
    poisoned: list[bool]


class _Answer(NamedTuple):
    """To one handled event; `poisoned` where the messages are a rejection and a dead letter."""

    messages: list[Message]
    degraded: tuple[str, ...] = ()
    poisoned: bool = False


async def process(
    worker: Worker,
    records: Sequence[Record],
    ledger: Ledger,
    *,
    timeout_s: float,
    condemn: bool = False,
    early: Early | None = None,
) -> Answers:
    """Answers all records; `ledger` then holds what is to be published.

    Args:
        worker: whose handler is called, perhaps several times.
        records: of one partition, in order.
        ledger: of that partition; left alone where the worker's flow has none.
        timeout_s: deadline of each call of the handler.
        condemn: where the handler raises :class:`SuspectError`, find the event at fault; else that is retryable.
        early: what was and will be announced of the records.

    Raises:
        RetryableError: nothing is to be published; the same records are to be tried again.
        FatalError: the worker must stop.
    """
    early = early if early is not None else Early(worker)
    batch = _Batch(worker, ledger)
    rejected: dict[int, Message] = {}
    inputs: dict[int, _Input] = {}
    to_handle: list[Event[Any]] = []
    changing: set[bytes] = set()
    first: set[int] = set()
    for record in records:
        key = record.key or b""
        if _is_tombstone(record):
            changing.add(key)
            continue
        try:
            value = parse(worker.flow.source, record.key, record.value or b"", record.headers)
        except InvalidEventError as error:
            rejected[record.offset] = make_rejection(worker.name, record, error.errors)
            continue
        one = inputs[record.offset] = _Input.of(
            Event(key.decode(), value, record, early.announced(record), partial(early.announce, record))
        )
        # After another record of its key in this batch, only the ledger as that one leaves it can tell (see below).
        if key in changing:
            to_handle.append(one.event)
        elif batch.judge(one) is Verdict.new:
            changing.add(key)
            first.add(record.offset)
            to_handle.append(one.event)
    handled: dict[int, _Answer] = {}
    await _handle(worker, to_handle, handled, timeout_s, condemn, early)
    # From here on nothing awaits or fails: the ledger changes for the whole batch or not at all.
    for record in records:
        if record.offset in rejected:
            batch.reject(rejected[record.offset])
        elif record.offset in inputs:
            batch.answer(inputs[record.offset], handled.get(record.offset), judged=record.offset in first)
        else:
            batch.delete(record)
    return batch.close()


def _is_tombstone(record: Record) -> bool:
    return record.value is None and record.key is not None


class _Input(NamedTuple):
    """A valid event as the ledger sees it."""

    event: Event[Any]
    version: int
    position: int
    digest: str

    @classmethod
    def of(cls, event: Event[Any]) -> "_Input":
        record = event.record
        return cls(event, getattr(event.value, "version", 0), position(record), digest(record.value or b""))


class _Batch:
    """Gathers the answers in the records' order, and what they change in the ledger."""

    def __init__(self, worker: Worker, ledger: Ledger) -> None:
        self._worker = worker
        self._ledger = ledger
        # Asked before handling: should the model be switched meanwhile, the entry names the older one, and a replay of
        # stale results looks at it once too often rather than never.
        self._made_by = worker.made_by()
        self._messages: list[Message] = []
        self._poisoned: list[bool] = []
        self._changed: dict[bytes, Message] = {}
        self._results: Counter[str] = Counter()

    def judge(self, one: _Input) -> Verdict:
        """What the input is to the ledger as it stands."""
        if self._worker.flow.ledger is None:
            return Verdict.new
        return self._ledger.judge(one.event.record.key or b"", one.version, one.position, one.digest, self._made_by)

    def reject(self, rejection: Message) -> None:
        """An input that breaks its contract."""
        self._messages.append(rejection)
        self._results["rejected"] += 1

    def answer(self, one: _Input, answer: _Answer | None, judged: bool) -> None:
        """A valid input; `answer` is None where it needed no handling, `judged` where its verdict is known: new."""
        if answer is not None and answer.poisoned:
            self._messages += answer.messages
            self._poisoned.append(True)
            self._results["rejected"] += 1
            return
        verdict = Verdict.new if judged else self.judge(one)
        if verdict is not Verdict.new or answer is None:
            self._results[verdict] += 1
            return
        self._messages += answer.messages
        self._poisoned.append(False)
        self._results["processed"] += 1
        for reason in answer.degraded:
            telemetry.DEGRADED.labels(self._worker.name, reason).inc()
        self._remember(
            one.event.record,
            LedgerEntry(
                version=one.version,
                position=one.position,
                digest=one.digest,
                made_by=self._made_by,
                degraded=answer.degraded,
            ),
        )

    def delete(self, record: Record) -> None:
        """A tombstone: once for each derived topic, however often it comes."""
        erased = header(record.headers, ERASURE) is not None
        known = self._ledger.get(record.key or b"")
        if known is not None and position(record) < known.position:  # a replayed one
            self._results["stale"] += 1
            return
        if known is not None and known.deleted and not erased:
            self._results["duplicate"] += 1
            return
        for topic in self._worker.flow.derived:
            self._messages.append(make_message(self._worker.name, record, topic, record.key, None))
        self._results["tombstone"] += 1
        version = known.version if known is not None else 0
        entry = LedgerEntry(version=version, position=position(record), digest="", made_by="", deleted=True)
        self._remember(record, None if erased else entry)

    def close(self) -> Answers:
        """All of it, with one ledger record for each key that changed."""
        for result, count in self._results.items():
            telemetry.EVENTS.labels(self._worker.name, result).inc(count)
        return Answers([*self._messages, *self._changed.values()], self._poisoned)

    def _remember(self, record: Record, entry: LedgerEntry | None) -> None:
        topic = self._worker.flow.ledger
        if topic is None:
            return
        key = record.key or b""
        value = encode(entry) if entry is not None else None
        self._ledger.set(key, value)
        self._changed[key] = Message(topic.name, key, value, (), record.partition, remembers=True)


async def _handle(
    worker: Worker,
    events: Sequence[Event[Any]],
    answers: dict[int, _Answer],
    timeout_s: float,
    condemn: bool,
    early: Early,
) -> None:
    """Fills `answers`; a batch on which the handler fails is halved until the event at fault stands alone."""
    if not events:
        return
    try:
        outcomes = await _call(worker, events, timeout_s)
    except FatalError:
        raise
    except Exception as error:
        if isinstance(error, RetryableError) and not (condemn and isinstance(error, SuspectError)):
            raise
        if len(events) == 1:
            answers[events[0].record.offset] = _failure(worker, events[0].record, error)
            return
        # The call that failed may have announced something for any of them.
        events = [replace(event, announced=early.announced(event.record)) for event in events]
        middle = len(events) // 2
        await _handle(worker, events[:middle], answers, timeout_s, condemn, early)
        await _handle(worker, events[middle:], answers, timeout_s, condemn, early)
        return
    for event, outcome in zip(events, outcomes, strict=True):
        try:
            answers[event.record.offset] = _answer(worker, event.record, outcome, early)
        except Exception as error:
            answers[event.record.offset] = _failure(worker, event.record, error)


async def _call(worker: Worker, events: Sequence[Event[Any]], timeout_s: float) -> Sequence[Outcome]:
    try:
        async with asyncio.timeout(timeout_s) as deadline:
            outcomes = await worker.handle(events)
    except TimeoutError as error:
        if deadline.expired():
            raise SuspectError(f"{worker.name}: no outcome within {timeout_s:g} s") from error
        raise
    if len(outcomes) != len(events):
        raise FatalError(f"{worker.name}: {len(outcomes)} outcomes for {len(events)} events")
    return outcomes


def _answer(worker: Worker, record: Record, outcome: Outcome, early: Early) -> _Answer:
    numbers: Counter[str] = Counter()
    messages = []
    for output in outcome:
        number = numbers[output.topic.name]
        numbers[output.topic.name] += 1
        message = make_message(worker.name, record, output.topic, output.key.encode(), output.value, number)
        if len(message.value or b"") > output.topic.max_message_bytes - ENVELOPE_BYTES:
            raise PoisonError(f"the output for {message.topic} is larger than its max.message.bytes")
        if not early.is_out(record, output.topic, number):
            messages.append(message)
    return _Answer(messages, degraded=tuple(dict.fromkeys(reason for o in outcome for reason in o.degraded)))


def _failure(worker: Worker, record: Record, error: Exception) -> _Answer:
    # The type alone goes to the log: an exception's text may quote the event. The dead letter, which holds the event
    # anyway, gets everything.
    log.error("event dead-lettered", worker=worker.name, record=record.identity, error=type(error).__name__)
    telemetry.DEAD_LETTERS.labels(worker.name, type(error).__name__).inc()
    details = (
        f"{type(error).__module__}.{type(error).__qualname__}",
        "".join(traceback.format_exception(error))[-MAX_STACK_CHARS:],
        str(error)[:MAX_STACK_CHARS],
        record.topic,
        str(record.partition),
        str(record.offset),
    )
    headers = record.headers + tuple(
        (name, value.encode("utf-8", "replace")) for name, value in zip(DEAD_LETTER_HEADERS, details, strict=True)
    )
    dead_letter = Message(DEAD_LETTERS.name, record.key, record.value, headers, record.partition)
    notice = FieldError(code="processing_failed", field="$value", message="processing failed; kept as a dead letter")
    return _Answer([make_rejection(worker.name, record, [notice]), dead_letter], poisoned=True)

"""What to take, when to pause, how long to wait, when to give up: decisions without clock, network or tasks.

Invariants, held by property tests:
- records leave a queue in offset order, each at most once, none skipped;
- a batch has at most `batch_events` records and, unless it is a single record, at most `batch_tokens` tokens;
- a record waits for batch mates at most `batch_wait_s`;
- `next_offset` after a batch is one past its last record, so a commit never passes a hole;
- the poison limit trips no earlier and no later than its run or its ratio says.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from topics.envelope import Headers

# English and French text in WordPiece tokens, markup included.
BYTES_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Record:
    """One Kafka record as it came."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int

    @property
    def identity(self) -> str:
        """Names the record for ids and logs, without anything of its content."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def size(self) -> int:
        """Bytes of key and value."""
        return len(self.key or b"") + len(self.value or b"")

    @property
    def tokens(self) -> int:
        """About what a model reads of it: counting truly would mean parsing and tokenising before batching."""
        return len(self.value or b"") // BYTES_PER_TOKEN


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one partition's queue and batches."""

    batch_events: int
    batch_tokens: int
    batch_wait_s: float
    queue_events: int
    queue_bytes: int


@dataclass(slots=True)
class PartitionQueue:
    """Records of one partition between the poll and the handler."""

    limits: Limits
    next_offset: int
    _records: deque[Record] = field(default_factory=deque)
    _bytes: int = 0
    _tokens: int = 0
    _waiting_since: float = 0.0

    def offer(self, records: Iterable[Record], now: float) -> None:
        """Appends what is new. Offsets already seen are dropped: a seek during a rebalance can fetch them again."""
        if not self._records:
            self._waiting_since = now
        for record in records:
            if record.offset >= self.next_offset:
                self._records.append(record)
                self._bytes += record.size
                self._tokens += record.tokens
                self.next_offset = record.offset + 1

    def due_in(self, now: float) -> float | None:
        """Seconds until a batch should be taken: 0 when one is full or has waited enough, None when there is none."""
        if not self._records:
            return None
        if len(self._records) >= self.limits.batch_events or self._tokens >= self.limits.batch_tokens:
            return 0.0
        return max(0.0, self._waiting_since + self.limits.batch_wait_s - now)

    def take(self, now: float) -> list[Record]:
        """The next batch, full or not; empty when there is none."""
        batch: list[Record] = []
        tokens = 0
        while self._records and len(batch) < self.limits.batch_events:
            tokens += self._records[0].tokens
            if batch and tokens > self.limits.batch_tokens:
                break
            batch.append(self._records.popleft())
        self._bytes -= sum(record.size for record in batch)
        self._tokens -= sum(record.tokens for record in batch)
        self._waiting_since = now
        return batch

    def __len__(self) -> int:
        return len(self._records)

    @property
    def should_pause(self) -> bool:
        """Full, in records or in bytes: fetch no more of this partition."""
        return len(self._records) >= self.limits.queue_events or self._bytes >= self.limits.queue_bytes

    @property
    def should_resume(self) -> bool:
        """Half empty: fetch again. The gap to `should_pause` keeps a partition from flapping."""
        return len(self._records) <= self.limits.queue_events // 2 and self._bytes <= self.limits.queue_bytes // 2


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential back-off with equal jitter (Brooker, AWS Architecture Blog, 2015)."""

    initial_s: float
    max_s: float

    def delay(self, attempt: int, random: Callable[[], float]) -> float:
        """Seconds to wait after failure number `attempt` (from 1); `random` gives a number in [0, 1)."""
        ceiling = min(self.max_s, self.initial_s * 2.0 ** min(attempt - 1, 30))
        return ceiling * (0.5 + random() / 2)


@dataclass(slots=True)
class PoisonLimit:
    """When so many events can't be processed that the fault is ours: stop, rather than flood the dead letters.

    After `DlqLimit` of getsentry/arroyo: trips on `run` poisoned events in a row, or when more than `ratio` of the last
    `window` handled events were poisoned.
    """

    run: int
    ratio: float
    window: int
    _row: int = 0
    _recent: deque[bool] = field(default_factory=deque)
    _poisoned: int = 0

    def observe(self, poisoned: bool) -> bool:
        """Counts one handled event; True when the limit is reached."""
        self._row = self._row + 1 if poisoned else 0
        self._recent.append(poisoned)
        self._poisoned += poisoned
        if len(self._recent) > self.window:
            self._poisoned -= self._recent.popleft()
        full = len(self._recent) == self.window
        return self._row >= self.run or (full and self._poisoned > self.ratio * self.window)


@dataclass(slots=True)
class Patience:
    """How long failing work may be the fault of a part that lives, before it is the event's.

    Several attempts must have failed as well: a process that was stopped finds its time gone at once.
    """

    timeout_s: float
    attempts: int = 3
    _since: float | None = None
    _failures: int = 0

    def failed(self, suspect: bool, now: float) -> None:
        """Counts a failed attempt. One that is no suspect, such as an outage, speaks for the event."""
        if not suspect:
            self._since, self._failures = None, 0
            return
        self._failures += 1
        if self._since is None:
            self._since = now

    def spent(self, now: float) -> bool:
        """Time to find the event at fault."""
        return self._since is not None and self._failures >= self.attempts and now - self._since >= self.timeout_s

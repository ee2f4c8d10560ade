"""What to take, when to pause, how long to wait: the engine's decisions, without clock, network or tasks.

Invariants, held by property tests:
- records leave a queue in offset order, each at most once, none skipped;
- a batch has at most `batch_events` records and, unless it is a single record, at most `batch_bytes` bytes;
- `next_offset` after a batch is one past its last record, so a commit never passes a hole.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from topics.envelope import Headers


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


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one partition's queue and batches."""

    batch_events: int
    batch_bytes: int
    queue_events: int
    queue_bytes: int


@dataclass(slots=True)
class PartitionQueue:
    """Records of one partition between the poll and the handler."""

    limits: Limits
    next_offset: int
    _records: deque[Record] = field(default_factory=deque)
    _bytes: int = 0

    def offer(self, records: Iterable[Record]) -> None:
        """Appends what is new. Offsets already seen are dropped: a seek during a rebalance can fetch them again."""
        for record in records:
            if record.offset >= self.next_offset:
                self._records.append(record)
                self._bytes += record.size
                self.next_offset = record.offset + 1

    def take(self) -> list[Record]:
        """The next batch; empty when there is none."""
        batch: list[Record] = []
        size = 0
        while self._records and len(batch) < self.limits.batch_events:
            size += self._records[0].size
            if batch and size > self.limits.batch_bytes:
                break
            batch.append(self._records.popleft())
        self._bytes -= sum(record.size for record in batch)
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

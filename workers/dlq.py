"""The dead letters: what is there, and back to where it came from once the fault is mended."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum

from topics.catalogue import DEAD_LETTERS, FLOWS
from topics.envelope import header
from topics.ledger import LedgerEntry
from topics.rejections import DEAD_LETTER_HEADERS
from workers import records, replay
from workers.delivery import Record
from workers.delivery.ledger import digest, position
from workers.replay import NewestInputs
from workers.settings import Settings


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One record of `dead-letters.v1`.

    Attributes:
        id: `partition/offset` there.
        error: class of the exception.
        message: its text; may quote the event.
        stack: its stack trace; may quote the event.
        original: the input as it was, at its own place.
    """

    id: str
    error: str
    message: str
    stack: str
    original: Record

    @property
    def key(self) -> str:
        """Of the input."""
        return (self.original.key or b"").decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters a command is about; all of its conditions hold, absent ones always do.

    Attributes:
        ids: of letters.
        topic: that the input came from.
        error: part of the exception's class.
        key: of the input.
        since_ms: the letter's own timestamp is not before.
    """

    ids: frozenset[str] = frozenset()
    topic: str | None = None
    error: str | None = None
    key: str | None = None
    since_ms: int = 0

    def matches(self, letter: DeadLetter) -> bool:
        """Whether the letter is wanted."""
        return (
            (not self.ids or letter.id in self.ids)
            and self.topic in (None, letter.original.topic)
            and (self.error is None or self.error in letter.error)
            and self.key in (None, letter.key)
            and letter.original.timestamp_ms >= self.since_ms
        )


class Fate(StrEnum):
    """What a replay does with a letter."""

    replay = "replay"
    superseded = "superseded"
    answered = "answered"
    no_flow = "no flow"


def read_letter(record: Record) -> DeadLetter | None:
    """The letter in a record; None where the record is none, such as a tombstone or somebody else's."""
    error, stack, message, topic, partition, offset = (header(record.headers, name) for name in DEAD_LETTER_HEADERS)
    if record.value is None or topic is None or not (partition or "").isdecimal() or not (offset or "").isdecimal():
        return None
    original = Record(
        topic=topic,
        partition=int(partition or ""),
        offset=int(offset or ""),
        key=record.key,
        value=record.value,
        headers=replay.without(record.headers, DEAD_LETTER_HEADERS),
        timestamp_ms=record.timestamp_ms,
    )
    return DeadLetter(f"{record.partition}/{record.offset}", error or "", message or "", stack or "", original)


async def letters(settings: Settings, wanted: Wanted) -> list[DeadLetter]:
    """The wanted letters, oldest first; without those of keys that were erased after."""
    found: dict[bytes, list[DeadLetter]] = {}
    async with aclosing(records.scan(settings, [DEAD_LETTERS.name])) as dead:
        async for record in dead:
            key = record.key or b""
            if record.value is None:
                found.pop(key, None)
            elif (letter := read_letter(record)) is not None and wanted.matches(letter):
                found.setdefault(key, []).append(letter)
    return sorted((letter for of_key in found.values() for letter in of_key), key=lambda x: x.original.timestamp_ms)


async def replay_letters(
    settings: Settings,
    chosen: Sequence[DeadLetter],
    *,
    dry_run: bool,
    on_published: Callable[[], None] = lambda: None,
) -> list[tuple[DeadLetter, Fate]]:
    """Publishes the originals of those letters that still matter; what becomes, or would become, of each letter."""
    fates = {letter.id: Fate.no_flow for letter in chosen}
    for flow in FLOWS:
        own = [letter for letter in chosen if letter.original.topic == flow.source.name]
        if not own:
            continue
        known = await replay.entries(settings, flow) if flow.ledger is not None else {}
        inputs = NewestInputs(flow.source, {letter.original.key or b"" for letter in own}, known)
        ends = await replay.read_into(inputs, settings, flow.source)
        fates |= decide(own, inputs, known)
        due = [letter.original for letter in own if fates[letter.id] is Fate.replay]
        if due and not dry_run:
            await replay.republish(settings, flow.source, due, ends, on_published)
    return [(letter, fates[letter.id]) for letter in chosen]


def decide(own: Sequence[DeadLetter], inputs: NewestInputs, known: Mapping[bytes, LedgerEntry]) -> dict[str, Fate]:
    """The fate of each of a flow's letters, by id; of several that tell of a key's newest input, one is replayed.

    Args:
        own: the letters.
        inputs: the newest inputs of their keys, as the source and the ledger tell.
        known: the ledger's entries.
    """
    for letter in sorted(own, key=lambda letter: position(letter.original)):
        # Compaction may have taken the original from the source.
        if not inputs.outdates(letter.original):
            inputs.add(letter.original)
    last = {_place(letter): letter.id for letter in own}
    fates = {}
    for letter in own:
        entry = known.get(letter.original.key or b"")
        if entry is not None and not entry.degraded and entry.digest == digest(letter.original.value or b""):
            fates[letter.id] = Fate.answered
        elif inputs.outdates(letter.original) or last[_place(letter)] != letter.id:
            fates[letter.id] = Fate.superseded
        else:
            fates[letter.id] = Fate.replay
    return fates


def _place(letter: DeadLetter) -> tuple[int, int]:
    return letter.original.partition, position(letter.original)

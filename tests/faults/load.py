"""The load of a fault run: seeded events at a steady rate, with the repeats, late versions and poison it asks for."""

import asyncio
import hashlib
import json
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, count
from typing import Annotated

from aiokafka import AIOKafkaProducer
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from topics.envelope import Headers
from topics.validation import MAX_VALUE_BYTES

# An input's header that tells the judge with which code it must be rejected; the engine knows nothing of it.
EXPECT = "expect"
TICK_S = 0.02
WINDOW = 4_000
# An event keeps its neighbours for this long: repeats come from the last so many, late ones are held for so many.
NEAR = 200


class Item(BaseModel):
    """An input."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    id: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^\S+$")]
    version: Annotated[int, Field(ge=0)] = 0
    payload: Annotated[str, Field(max_length=1_000)]


class Echo(BaseModel):
    """An output."""

    id: str
    version: int
    digest: str
    note: str = ""


def digest(payload: str) -> str:
    """What an output says of its input's payload."""
    return hashlib.sha256(payload.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Sent:
    """One record to produce."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Mix:
    """Shares of the load that are not plain new versions, and how long a payload is."""

    repeats: float = 0.0
    late: float = 0.0
    poison: float = 0.0
    payload_bytes: int = 110


PLAIN = Mix()


def events(number_of: int, seed: int, mix: Mix = PLAIN) -> Iterator[Sent]:
    """So many records; the same for the same arguments."""
    rng = random.Random(seed)
    keys = max(1, number_of // 4)
    versions: Counter[str] = Counter()
    recent: deque[Sent] = deque(maxlen=NEAR)
    held: deque[tuple[int, Sent]] = deque()

    def new(key: str) -> Sent:
        versions[key] += 1
        value = json.dumps({"id": key, "version": versions[key], "payload": rng.randbytes(mix.payload_bytes).hex()})
        return Sent(key.encode(), value.encode())

    for number in range(number_of):
        roll = rng.random()
        if held and (held[0][0] < number or number + len(held) >= number_of):
            sent = held.popleft()[1]
        elif roll < mix.repeats and recent:
            sent = rng.choice(recent)
        elif roll < mix.repeats + mix.late:
            key = f"k{rng.randrange(keys)}"
            held.append((number + NEAR, new(key)))
            sent = new(key)
        elif roll < mix.repeats + mix.late + mix.poison:
            yield rng.choice(POISON)(f"bad{number}")
            continue
        else:
            sent = new(f"k{rng.randrange(keys)}")
        recent.append(sent)
        yield sent


def _bad(
    code: str, value: Callable[[str], bytes], key: Callable[[str], bytes | None] = str.encode
) -> Callable[[str], Sent]:
    return lambda name: Sent(key(name), value(name), ((EXPECT, code.encode()),))


def _item(**update: object) -> Callable[[str], bytes]:
    return lambda name: json.dumps({"id": name, "version": 1, "payload": "x", **update}).encode()


# The handler of `tests.faults.handlers` raises, or answers with, what such a payload names.
HANDLER_ERRORS = ("ValueError", "PoisonError", "RecursionError", "KeyError", "unencodable")

POISON: tuple[Callable[[str], Sent], ...] = (
    _bad("invalid_encoding", lambda name: b'{"id": "\xff"}'),
    _bad("invalid_encoding", _item(), lambda name: b"\xff" + name.encode()),
    _bad("invalid_json", lambda name: b'{"id": '),
    _bad("missing", lambda name: json.dumps({"id": name}).encode()),
    _bad("missing", _item(), lambda name: None),
    _bad("invalid", _item(payload=5)),
    _bad("too_large", _item(payload="x" * 1_001)),
    _bad("key_mismatch", _item(id="another")),
    _bad("too_deep", lambda name: b"[" * 10_000),
    lambda name: Sent(
        name.encode(), _item()(name), ((EXPECT, b"unsupported_version"), ("ce_type", b"talentstream.other.v9"))
    ),
    *(_bad("processing_failed", _item(payload=f"fail {error}")) for error in HANDLER_ERRORS),
)
# Too large to be many.
TOO_LARGE = _bad("too_large", lambda name: b'"' + b"x" * MAX_VALUE_BYTES + b'"')


class Load:
    """Produces records at a rate, whatever happens to the brokers meanwhile.

    After the records that it is given it goes on with plain ones until `enough` is set, so that no fault meets an idle
    stream.
    """

    def __init__(self, bootstrap_servers: str, topic: str, records: Iterator[Sent], rate: float) -> None:
        self.sent = 0
        self.enough = asyncio.Event()
        self._bootstrap_servers = bootstrap_servers
        self._topic = topic
        self._records = records
        self._rate = rate
        self._grown = asyncio.Event()

    async def run(self) -> None:
        """Until all records are acknowledged, and enough were sent."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap_servers,
            enable_idempotence=True,
            linger_ms=5,
            # An outage shorter than this is waited out; after it aiokafka would give a record up.
            request_timeout_ms=90_000,
            max_request_size=16 * MAX_VALUE_BYTES,
        )
        pending: set[asyncio.Future[object]] = set()
        async with producer:
            started = time.monotonic()
            for record in chain(self._records, self._further()):
                future = await producer.send(
                    self._topic, key=record.key, value=record.value, headers=list(record.headers)
                )
                pending.add(future)
                self.sent += 1
                self._grown.set()
                if self.sent >= (time.monotonic() - started) * self._rate:
                    await asyncio.sleep(TICK_S)
                if len(pending) >= WINDOW:
                    await asyncio.wait(pending)
                    _reap(pending)
            if pending:
                await asyncio.wait(pending)
                _reap(pending)

    def _further(self) -> Iterator[Sent]:
        for number in count():
            if self.enough.is_set():
                return
            key = f"more{number}"
            yield Sent(key.encode(), json.dumps({"id": key, "version": 1, "payload": f"{number:0220}"}).encode())

    async def reach(self, count: int) -> None:
        """Waits until so many are sent."""
        while self.sent < count:
            self._grown.clear()
            await self._grown.wait()


def _reap(pending: set[asyncio.Future[object]]) -> None:
    for future in list(pending):
        if future.done():
            future.result()
            pending.discard(future)

"""What the worker of a fault run does with an event: echo its payload's digest, after what the behaviour asks for."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc.aio
from pydantic import BaseModel

from tests.faults.load import Echo, digest
from topics.catalogue import Flow
from workers.delivery import Event, Handler, Outcome, Output
from workers.errors import PoisonError
from workers.settings import Settings

FAILURES: dict[str, type[Exception]] = {
    "ValueError": ValueError,
    "PoisonError": PoisonError,
    "RecursionError": RecursionError,
    "KeyError": KeyError,
}


WRONG = "wrong: "


class Behaviour(BaseModel):
    """How the handler works.

    Attributes:
        infer: asks Triton's model `tiny`.
        cached: looks the payload up in Redis.
        batch_s: delay for each call.
        delay_s: for each event; `control.json` in the run's folder replaces it while the process runs.
        poison_all: every event fails, until `control.json` says otherwise.
        remember: appends what is handled to `handled-PID` in the run's folder.
    """

    infer: bool = False
    cached: bool = False
    delay_s: float = 0.0
    batch_s: float = 0.0
    poison_all: bool = False
    remember: bool = False


@asynccontextmanager
async def behaving(behaviour: Behaviour, flow: Flow, settings: Settings, folder: Path) -> AsyncIterator[Handler]:
    """The handler, with the parts it needs."""
    target = flow.derived[0]
    infer: Any = None
    results: Any = None
    control = folder / "control.json"

    async def handle(events: Sequence[Event[Any]]) -> list[Outcome]:
        now = behaviour
        if control.exists():
            now = behaviour.model_copy(update=json.loads(control.read_text()))
        if behaviour.remember:
            lines = "".join(f"{event.key} {event.value.version}\n" for event in events)
            with (folder / f"handled-{os.getpid()}").open("a") as file:
                file.write(lines)
        await asyncio.sleep(now.batch_s + now.delay_s * len(events))
        if results is not None:
            await _look_up(results, events)
        notes = [""] * len(events) if infer is None else await _infer(infer, events)
        return [(_echo(event, text, now),) for event, text in zip(events, notes, strict=True)]

    def _echo(event: Event[Any], text: str, now: Behaviour) -> Output:
        payload = event.value.payload
        failure = payload.removeprefix("fail ") if payload.startswith("fail ") else "ValueError" * now.poison_all
        if failure in FAILURES:
            raise FAILURES[failure]("as told")
        # A wrong answer of a part goes out in the digest's place, where the judge looks.
        own = text if text.startswith(WRONG) else digest(payload)
        answer = Echo(id=event.key, version=event.value.version, digest=own, note=text)
        if failure == "unencodable":
            # A lone surrogate has no UTF-8.
            answer = answer.model_copy(update={"note": "\ud800"})
        return Output(target, event.key, answer)

    _jump_on_signal()
    async with AsyncExitStack() as parts:
        # Imported here: they take a second, which only these behaviours should pay.
        if behaviour.infer:
            from workers import inference

            infer = await parts.enter_async_context(inference.connect(settings, "tiny"))
        if behaviour.cached:
            from workers import cache

            results = await parts.enter_async_context(cache.connect(settings, flow.worker))
        yield handle


def _jump_on_signal() -> None:
    """SIGUSR1 sets this process's wall clock an hour ahead, SIGUSR2 an hour back."""
    true_time, offset = time.time, 0.0

    def jump(seconds: float) -> None:
        nonlocal offset
        offset += seconds

    time.time = lambda: true_time() + offset
    # gRPC makes deadlines by this clock, and its C core keeps them by the machine's: a true jump would move both.
    grpc.aio._utils.time = SimpleNamespace(time=true_time)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, jump, 3600.0)
    loop.add_signal_handler(signal.SIGUSR2, jump, -3600.0)


async def _infer(infer: Any, events: Sequence[Event[Any]]) -> list[str]:
    """The version of the model that answered each event."""
    notes = []
    inference = await infer([[event.value.version, len(event.value.payload)] for event in events])
    for event, answer in zip(events, inference.outputs, strict=True):
        total, version = float(answer["total"][0]), float(answer["version"][0])
        right = total == event.value.version + len(event.value.payload)
        right &= f"{version:.0f}" == inference.model.version
        notes.append(f"{version:.0f}" if right else f"{WRONG}{total} by {version}")
    return notes


async def _look_up(results: Any, events: Sequence[Event[Any]]) -> None:
    """Looks up and keeps what belongs to each payload, as the postings worker does."""
    hashes = [digest(event.value.payload) for event in events]
    found = await results.get("harness", hashes)
    for name, entry in zip(hashes, found, strict=True):
        if entry is not None and entry.decode() != name:
            raise ValueError("the cache holds another's result")
    await results.put("harness", {name: name.encode() for name, e in zip(hashes, found, strict=True) if e is None})

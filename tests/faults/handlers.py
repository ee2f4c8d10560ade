"""What the worker of a fault run does with an event: echo its payload's digest, after what the behaviour asks for."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

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


Note = Callable[[Sequence[Event[Any]]], Awaitable[list[str]]]


class Behaviour(BaseModel):
    """How the handler works.

    Attributes:
        kind: `echo` alone; `infer` asks Triton's model `tiny` first; `cached` looks into Redis first.
        delay_s: for each event; `control.json` in the run's folder replaces it while the process runs.
        poison_all: every event fails, until `control.json` says otherwise.
        remember: appends what is handled to `handled-PID` in the run's folder.
    """

    kind: Literal["echo", "infer", "cached"] = "echo"
    delay_s: float = 0.0
    poison_all: bool = False
    remember: bool = False


@asynccontextmanager
async def behaving(behaviour: Behaviour, flow: Flow, settings: Settings, folder: Path) -> AsyncIterator[Handler]:
    """The handler, with the parts it needs."""
    target = flow.derived[0]
    note: Note = _nothing
    control = folder / "control.json"

    async def handle(events: Sequence[Event[Any]]) -> list[Outcome]:
        now = behaviour
        if control.exists():
            now = behaviour.model_copy(update=json.loads(control.read_text()))
        if behaviour.remember:
            lines = "".join(f"{event.key} {event.value.version}\n" for event in events)
            with (folder / f"handled-{os.getpid()}").open("a") as file:
                file.write(lines)
        await asyncio.sleep(now.delay_s * len(events))
        notes = await note(events)
        return [(_echo(event, text, now),) for event, text in zip(events, notes, strict=True)]

    def _echo(event: Event[Any], text: str, now: Behaviour) -> Output:
        payload = event.value.payload
        failure = payload.removeprefix("fail ") if payload.startswith("fail ") else "ValueError" * now.poison_all
        if failure in FAILURES:
            raise FAILURES[failure]("as told")
        answer = Echo(id=event.key, version=event.value.version, digest=digest(payload), note=text)
        if failure == "unencodable":
            # A lone surrogate has no UTF-8.
            answer = answer.model_copy(update={"note": "\ud800"})
        return Output(target, event.key, answer)

    _jump_on_signal()
    if behaviour.kind == "infer":
        from workers import inference  # takes a second, which only this behaviour should pay

        async with inference.connect(settings, "tiny") as infer:
            note = _inferred(infer)
            yield handle
    elif behaviour.kind == "cached":
        from workers import cache

        async with cache.connect(settings, flow.worker) as results:
            note = _cached(results)
            yield handle
    else:
        yield handle


async def _nothing(events: Sequence[Event[Any]]) -> list[str]:
    return [""] * len(events)


def _inferred(infer: Any) -> Note:
    async def note(events: Sequence[Event[Any]]) -> list[str]:
        answers = await infer([[event.value.version, len(event.value.payload)] for event in events])
        return [json.dumps({name: array.tolist() for name, array in answer.items()}) for answer in answers]

    return note


def _cached(results: Any) -> Note:
    async def note(events: Sequence[Event[Any]]) -> list[str]:
        hashes = [digest(event.value.payload) for event in events]
        found = await results.get("harness", hashes)
        new = {name: name[:8].encode() for name, entry in zip(hashes, found, strict=True) if entry is None}
        await results.put("harness", new)
        return [(entry or new[name]).decode() for name, entry in zip(hashes, found, strict=True)]

    return note


def _jump_on_signal() -> None:
    """SIGUSR1 sets this process's wall clock an hour ahead, SIGUSR2 an hour back."""
    true_time, offset = time.time, 0.0

    def jump(seconds: float) -> None:
        nonlocal offset
        offset += seconds

    time.time = lambda: true_time() + offset
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, jump, 3600.0)
    loop.add_signal_handler(signal.SIGUSR2, jump, -3600.0)

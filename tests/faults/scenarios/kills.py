"""Workers that die, stop, freeze and come and go."""

import asyncio
from collections import Counter

from tests.faults.handlers import Behaviour
from tests.faults.judge import Verdict
from tests.faults.stage import SETTINGS, Stage

POINTS = ("before", "produced", "committed")


async def kill_nine(stage: Stage) -> Verdict:
    """SIGKILL before producing, after producing, after committing; nine processes.

    Guard: outputs and offset are one transaction.
    """
    async with stage.stream(seconds=20, strikes=POINTS * 3) as stream:
        for _ in range(3):
            await stream.flowing()
            deaths = len(stream.fleet.exits)
            async with asyncio.timeout(30):
                while len(stream.fleet.exits) == deaths:  # noqa: ASYNC110 - another process's doing
                    await asyncio.sleep(0.05)
            stream.mark()
        return await stream.verdict()


async def stop_mid_batch(stage: Stage) -> Verdict:
    """SIGTERM while batches are handled, again and again; nothing may be handled twice.

    Guard: a bounded drain.
    """
    # One worker leaves while the others work; the batch of each takes a tenth of a second.
    behaviour = Behaviour(delay_s=0.003, remember=True)
    async with stage.stream(seconds=15, partitions=12, behaviour=behaviour) as stream:
        await stream.flowing()
        for turn in range(4):
            number = turn % len(stream.fleet.workers)
            await stream.fleet.stop(number)
            stream.mark()
            stream.fleet.start(len(stream.fleet.workers))
            await stream.flowing()
        verdict = await stream.verdict()
        handled: Counter[str] = Counter()
        for file in stream.folder.glob("handled-*"):
            handled.update(file.read_text().splitlines())
    again = sum(times - 1 for times in handled.values())
    return verdict.and_further(handled_again=again)


async def freeze(stage: Stage) -> Verdict:
    """SIGSTOP past the session timeout, then SIGCONT: a zombie with a batch in its hands.

    Guard: the new owner of a partition fences the old.
    """
    session_s = float(SETTINGS["TALENTSTREAM_SESSION_TIMEOUT_S"])
    async with stage.stream(seconds=24, behaviour=Behaviour(delay_s=0.001)) as stream:
        for turn in range(3):
            await stream.flowing()
            number = turn % len(stream.fleet.workers)
            stream.fleet.pause(number)
            await asyncio.sleep(session_s + 2.0)
            stream.fleet.resume(number)
            stream.mark()
        return await stream.verdict()


async def scale(stage: Stage) -> Verdict:
    """One worker, three, one, again and again.

    Guard: a revoke waits for the batch in flight, and the new owner reads the committed offset behind its fence.
    """
    # Batches that take longer than a takeover, and large, so that they are as many as the load.
    settings = {"TALENTSTREAM_BATCH_EVENTS": "512", "TALENTSTREAM_QUEUE_EVENTS": "1536"}
    slow = Behaviour(batch_s=2.5)
    async with stage.stream(seconds=24, workers=1, behaviour=slow, settings=settings) as stream:
        for _ in range(3):
            await stream.flowing()
            stream.fleet.start(3)
            await asyncio.sleep(2.0)
            stream.mark()
            await stream.flowing()
            await stream.fleet.stop(1, 2)
            stream.mark()
        return await stream.verdict()

"""All faults on one run, in a seeded order."""

import asyncio
import json
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from redis.asyncio import Redis

from tests.faults.handlers import Behaviour
from tests.faults.judge import Verdict
from tests.faults.load import Mix
from tests.faults.proxy import ProxiedKafka, Proxy
from tests.faults.scenarios.events import dead_letters_of, require_replicas
from tests.faults.scenarios.parts import DEADLINE_S, TinyTriton, redis_behind_proxy
from tests.faults.stage import SETTINGS, WORKERS, Stage, Stream
from workers.embedded import EmbeddedKafka, EmbeddedRedis
from workers.embedded.machine import HOST

SESSION_S = float(SETTINGS["TALENTSTREAM_SESSION_TIMEOUT_S"])
PER_SECOND = 200


@dataclass
class Ground:
    """The parts of the long run, and what can be done to them; each method is one fault, over when it returns."""

    stream: Stream
    kafka: ProxiedKafka
    triton: TinyTriton
    triton_proxy: Proxy
    redis: EmbeddedRedis
    redis_proxy: Proxy
    client: Redis
    rng: random.Random
    version: int = 1

    @property
    def someone(self) -> int:
        return self.rng.randrange(WORKERS)

    async def worker_killed(self) -> None:
        self.stream.fleet.kill(self.someone)

    async def worker_stopped(self) -> None:
        await self.stream.fleet.stop(self.someone)
        self.stream.fleet.start(WORKERS)

    async def worker_frozen(self) -> None:
        number = self.someone
        self.stream.fleet.pause(number)
        await asyncio.sleep(self.rng.uniform(0.5, 2.0) * SESSION_S)
        self.stream.fleet.resume(number)

    async def scaled(self) -> None:
        await self.stream.fleet.stop(1, 2)
        await asyncio.sleep(1.0)
        self.stream.fleet.start(WORKERS)

    async def broker_killed(self) -> None:
        self.kafka.kill()
        await asyncio.sleep(self.rng.uniform(0.0, 2.0))
        await self.kafka.start()

    async def broker_bounced(self) -> None:
        await self.kafka.stop()
        await self.kafka.start()

    async def broker_hung(self) -> None:
        self.kafka.pause()
        await asyncio.sleep(self.rng.uniform(0.5, 1.5) * SESSION_S)
        self.kafka.resume()

    async def network_cut(self) -> None:
        proxy = self.rng.choice(self.kafka.proxies)
        proxy.cut()
        await asyncio.sleep(self.rng.uniform(0.0, 2.0))
        proxy.heal()

    async def network_held(self) -> None:
        proxy = self.rng.choice(self.kafka.proxies)
        proxy.hold(*self.rng.choice(((), ("up",), ("down",))))
        await asyncio.sleep(self.rng.uniform(0.5, 2.0) * SESSION_S)
        proxy.heal()

    async def triton_killed(self) -> None:
        self.triton.kill()
        await self.triton.start()

    async def triton_wrong(self) -> None:
        self.triton.tell(self.rng.choice(("nan", "shape", "error", "hang", "slow")))
        await asyncio.sleep(self.rng.uniform(1.0, 4.0))
        self.triton.tell("ok")

    async def model_changed(self) -> None:
        self.version += 1
        self.triton.add_version(self.version)
        await self.triton.stop()
        await self.triton.start()

    async def triton_stranded(self) -> None:
        self.triton_proxy.strand()

    async def redis_killed(self) -> None:
        self.redis.kill()
        await asyncio.sleep(1.0)
        await self.redis.start()

    async def redis_flushed(self) -> None:
        await self.client.flushall()

    async def redis_slow(self) -> None:
        self.redis_proxy.delay_s = 1.0
        await asyncio.sleep(2.0)
        self.redis_proxy.heal()

    async def redis_full(self) -> None:
        await self.client.config_set("maxmemory-policy", "noeviction")
        await self.client.config_set("maxmemory", "1mb")
        await asyncio.sleep(2.0)
        await self.client.config_set("maxmemory", "256mb")

    async def redis_stranded(self) -> None:
        self.redis_proxy.strand()

    async def dead_letters_stuck(self) -> None:
        await require_replicas(self.stream, 2)
        await asyncio.sleep(4.0)
        await require_replicas(self.stream, 1)

    async def clocks_jumped(self) -> None:
        self.stream.fleet.signal(self.rng.choice((signal.SIGUSR1, signal.SIGUSR2)))

    async def overloaded(self) -> None:
        control = self.stream.folder / "control.json"
        control.write_text(json.dumps({"delay_s": 0.1}))
        await asyncio.sleep(5.0)
        control.write_text(json.dumps({"delay_s": 0.0}))

    @property
    def faults(self) -> list[Callable[[], Awaitable[None]]]:
        return [
            self.worker_killed,
            self.worker_stopped,
            self.worker_frozen,
            self.scaled,
            self.broker_killed,
            self.broker_bounced,
            self.broker_hung,
            self.network_cut,
            self.network_held,
            self.triton_killed,
            self.triton_wrong,
            self.model_changed,
            self.triton_stranded,
            self.redis_killed,
            self.redis_flushed,
            self.redis_slow,
            self.redis_full,
            self.redis_stranded,
            self.dead_letters_stuck,
            self.clocks_jumped,
            self.overloaded,
        ]


async def everything(stage: Stage) -> Verdict:
    """Kills, stops, freezes, brokers, networks, Triton, Redis, clocks, overload in a seeded order; repeats, late
    versions and poison in the load.

    Guards: all of them.
    """
    seconds = stage.minutes * 60
    async with AsyncExitStack() as after:
        enter = after.enter_async_context
        kafka = await enter(stage.broker(ProxiedKafka, workers=WORKERS))
        assert isinstance(kafka, ProxiedKafka)
        for proxy in kafka.proxies:
            await enter(proxy)
        triton = await enter(TinyTriton(stage.folder / "triton"))
        triton_proxy = await enter(Proxy(int(triton.url.rpartition(":")[2])))
        redis, redis_proxy, redis_url = await enter(redis_behind_proxy(stage.folder / "redis"))
        client = await enter(Redis.from_url(redis.url))
        stream = await enter(
            stage.stream(
                kafka,
                seconds=seconds,
                count=max(5 * stage.events, int(seconds * PER_SECOND)),
                mix=Mix(repeats=0.05, late=0.03, poison=0.01),
                behaviour=Behaviour(infer=True, cached=True),
                settings={
                    "TRITON_URL": f"{HOST}:{triton_proxy.port}",
                    "REDIS_URL": redis_url,
                    "TALENTSTREAM_INFERENCE_TIMEOUT_S": DEADLINE_S,
                },
                addresses=kafka.addresses,
                stall_s=60,
            )
        )
        rng = random.Random(stage.seed)
        ground = Ground(stream, kafka, triton, triton_proxy, redis, redis_proxy, client, rng)
        done: Counter[str] = Counter()
        while stream.load.sent < stream.count:
            await stream.flowing()
            # Each fault once before any comes twice.
            least = min(done[fault.__name__] for fault in ground.faults)
            fault = rng.choice([fault for fault in ground.faults if done[fault.__name__] == least])
            done[fault.__name__] += 1
            stage.say(f"{stream.load.sent} events sent; {fault.__name__}")
            await fault()
            stream.mark()
            await asyncio.sleep(rng.uniform(0.5, 3.0))
        verdict = await stream.verdict()
        failed = sum(refusal.code == "processing_failed" for refusal in stream.watcher.refusals)
        letters = len(await dead_letters_of(stream))
        versions = {str(number) for number in range(1, ground.version + 1)}
        strange = set(await stream.notes()) - versions
    return verdict.and_further(dead_letters_too_many_or_few=abs(failed - letters), answers_of_two_versions=len(strange))


async def short(stage: Stage, kafka: EmbeddedKafka) -> Verdict:
    """Two workers killed, frozen and stopped, the broker bounced, with repeats, late versions and poison."""
    mix = Mix(repeats=0.1, late=0.05, poison=0.01)
    async with stage.stream(kafka, seconds=12, workers=2, mix=mix, strikes=("produced", "committed")) as stream:
        await stream.flowing()
        await kafka.stop()
        await kafka.start()
        stream.mark()
        await stream.flowing()
        stream.fleet.pause(0)
        await asyncio.sleep(SESSION_S + 1.0)
        stream.fleet.resume(0)
        stream.mark()
        await stream.flowing()
        await stream.fleet.stop(1)
        stream.fleet.start(2)
        stream.mark()
        return await stream.verdict()

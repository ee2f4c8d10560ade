"""Triton and Redis: dead, hung, slow, wrong, full."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis

from tests.faults.handlers import Behaviour
from tests.faults.judge import Verdict
from tests.faults.proxy import Proxy
from tests.faults.stage import Stage
from workers.cache import RETRY_S
from workers.embedded import EmbeddedRedis, EmbeddedTriton
from workers.embedded.machine import HOST

CONFIG = """
backend: "python"
max_batch_size: 64
input [ {{ name: "input_ids" data_type: TYPE_INT64 dims: [ -1 ] }},
        {{ name: "attention_mask" data_type: TYPE_INT64 dims: [ -1 ] }} ]
output [ {{ name: "total" data_type: TYPE_FP32 dims: [ 1 ] }}, {{ name: "version" data_type: TYPE_FP32 dims: [ 1 ] }} ]
parameters [ {{ key: "control" value: {{ string_value: "{control}" }} }} ]
instance_group [ {{ kind: KIND_CPU count: 2 }} ]
version_policy: {{ latest {{ num_versions: 1 }} }}
"""
MODEL = Path(__file__).parents[1] / "tiny_model.py"
DEADLINE_S = "2"


class TinyTriton(EmbeddedTriton):
    """Serves `tests.faults.tiny_model`, which does as it is told."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._model = folder / "repository" / "tiny"
        self._control = folder / "control"
        self.tell("ok")
        self.add_version(1)
        (self._model / "config.pbtxt").write_text(CONFIG.format(control=self._control))
        super().__init__(folder / "server", self._model.parent)

    def tell(self, mode: str) -> None:
        """From the next request on."""
        self._control.write_text(mode)

    def add_version(self, version: int) -> None:
        """Served, alone, after the next start."""
        (self._model / str(version)).mkdir(parents=True)
        shutil.copy(MODEL, self._model / str(version) / "model.py")


async def triton_fails(stage: Stage) -> Verdict:
    """Triton killed mid-request, hung, ten seconds slow, answering NaN, answering with a wrong shape, refusing.

    Guards: the check of each answer; a deadline on each request.
    """
    async with TinyTriton(stage.folder / "triton") as triton:
        settings = {"TRITON_URL": triton.url, "TALENTSTREAM_INFERENCE_TIMEOUT_S": DEADLINE_S}
        behaviour = Behaviour(infer=True)
        async with stage.stream(seconds=30, settings=settings, behaviour=behaviour, stall_s=30) as stream:
            for mode in ("nan", "shape", "error", "hang", "slow"):
                await stream.flowing()
                triton.tell(mode)
                await asyncio.sleep(float(DEADLINE_S) + 1.0)
                triton.tell("ok")
                stream.mark()
            await stream.flowing()
            triton.kill()
            await triton.start()
            stream.mark()
            return await stream.verdict()


async def model_changes(stage: Stage) -> Verdict:
    """Version 2 of the model takes version 1's place mid-stream.

    Guard: a request names its version, so all tensors of an event are of one.
    """
    async with TinyTriton(stage.folder / "triton") as triton:
        settings = {"TRITON_URL": triton.url, "TALENTSTREAM_INFERENCE_TIMEOUT_S": DEADLINE_S}
        async with stage.stream(seconds=20, settings=settings, behaviour=Behaviour(infer=True)) as stream:
            await stream.flowing()
            triton.add_version(2)
            await triton.stop()
            await triton.start()
            stream.mark()
            verdict = await stream.verdict()
            notes = set(await stream.notes())
        return verdict.and_further(
            versions_never_seen=len({"1", "2"} - notes), answers_of_two_versions=len(notes - {"1", "2"})
        )


async def grpc_dies(stage: Stage) -> Verdict:
    """Connections to Triton's gRPC carry nothing more, though the server is well and new connections would work.

    Guard: a deadline on each request.
    """
    async with TinyTriton(stage.folder / "triton") as triton, Proxy(int(triton.url.rpartition(":")[2])) as proxy:
        settings = {"TRITON_URL": f"{HOST}:{proxy.port}", "TALENTSTREAM_INFERENCE_TIMEOUT_S": DEADLINE_S}
        behaviour = Behaviour(infer=True)
        async with stage.stream(seconds=20, settings=settings, behaviour=behaviour, stall_s=45) as stream:
            await stream.flowing()
            proxy.cut()
            await asyncio.sleep(2.0)
            proxy.heal()
            stream.mark()
            await stream.flowing()
            proxy.strand()
            stream.mark()
            return await stream.verdict()


@asynccontextmanager
async def redis_behind_proxy(folder: Path) -> AsyncIterator[tuple[EmbeddedRedis, Proxy, str]]:
    """A Redis, its proxy, the URL through the proxy."""
    async with EmbeddedRedis(folder) as redis, Proxy(int(redis.url.rpartition(":")[2].removesuffix("/0"))) as proxy:
        yield redis, proxy, f"redis://{HOST}:{proxy.port}/0"


async def redis_fails(stage: Stage) -> Verdict:
    """Redis flushed, slow, silent, full, killed; then its connections carry nothing any more.

    Guards: the worker goes on without it; a deadline on each call.
    """
    async with redis_behind_proxy(stage.folder / "redis") as (redis, proxy, url):
        behaviour = Behaviour(cached=True)
        async with (
            stage.stream(seconds=35, settings={"REDIS_URL": url}, behaviour=behaviour) as stream,
            Redis.from_url(redis.url) as client,
        ):
            await stream.flowing()
            await client.flushall()
            stream.mark()
            await stream.flowing()
            proxy.delay_s = 1.0
            stream.mark()
            await asyncio.sleep(2.0)
            proxy.heal()
            await stream.flowing()
            await client.client_pause(2000)
            stream.mark()
            await asyncio.sleep(2.0)
            await client.config_set("maxmemory-policy", "noeviction")
            await client.config_set("maxmemory", "1mb")
            stream.mark()
            await asyncio.sleep(2.0)
            await stream.flowing()
            redis.kill()
            stream.mark()
            await asyncio.sleep(1.0)
            await redis.start()
            # Last, and once Redis is asked again: a killed Redis would end these connections, a skipped one has none.
            await asyncio.sleep(RETRY_S + 1.0)
            await stream.flowing()
            proxy.strand()
            stream.mark()
            return await stream.verdict()

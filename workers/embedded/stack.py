"""Kafka, Triton and Redis together; those that run elsewhere already are only named."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal

from workers.embedded.kafka import EmbeddedKafka
from workers.embedded.part import Part, Progress
from workers.embedded.redis import EmbeddedRedis
from workers.embedded.triton import EmbeddedTriton

PartName = Literal["kafka", "triton", "redis"]


@dataclass(frozen=True)
class Addresses:
    """Embedded or given; None where a part was not wanted.

    Attributes:
        kafka: bootstrap servers.
        triton: gRPC host:port.
        redis: redis:// URL.
        triton_metrics: for Prometheus; None where Triton was given.
    """

    kafka: str | None
    triton: str | None
    redis: str | None
    triton_metrics: str | None = None


class EmbeddedStack:
    """Starts, at once, the parts that have no address; an async context manager.

    When one part fails, the others are stopped and its error (`EmbeddedError`) comes out. When the task is cancelled
    (SIGINT, SIGTERM), all are stopped in order; cancelled once more, they are killed.

    Args:
        folder: of all data and logs; one stack at a time.
        kafka: a given bootstrap address starts no broker; likewise the next two.
        triton: gRPC address.
        redis: URL.
        wanted: the parts to start where they have no address.
        model_repository: for the embedded Triton; `triton_repo/` where not named.
        on_progress: called with one line per step.
    """

    def __init__(
        self,
        folder: Path,
        *,
        kafka: str | None = None,
        triton: str | None = None,
        redis: str | None = None,
        wanted: Collection[PartName] = ("kafka", "triton", "redis"),
        model_repository: Path | None = None,
        on_progress: Progress | None = None,
    ) -> None:
        folder = folder.expanduser().absolute()
        self._given = (kafka, triton, redis)
        starts = {name for name, given in (("kafka", kafka), ("triton", triton), ("redis", redis)) if not given}
        starts &= set(wanted)
        self.kafka = EmbeddedKafka(folder / "kafka", on_progress=on_progress) if "kafka" in starts else None
        self.triton = (
            EmbeddedTriton(folder / "triton", model_repository, on_progress=on_progress) if "triton" in starts else None
        )
        self.redis = EmbeddedRedis(folder / "redis", on_progress=on_progress) if "redis" in starts else None
        self._parts: list[Part] = [part for part in (self.kafka, self.triton, self.redis) if part is not None]

    async def __aenter__(self) -> Addresses:
        try:
            async with asyncio.TaskGroup() as group:
                for part in self._parts:
                    group.create_task(part.start())
        except BaseExceptionGroup as errors:
            await self._stop()
            raise errors.exceptions[0] from None
        except BaseException:
            await self._stop()
            raise
        kafka, triton, redis = self._given
        return Addresses(
            kafka=self.kafka.bootstrap_servers if self.kafka else kafka,
            triton=self.triton.url if self.triton else triton,
            redis=self.redis.url if self.redis else redis,
            triton_metrics=self.triton.metrics_url if self.triton else None,
        )

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stop()

    async def _stop(self) -> None:
        await asyncio.gather(*(part.stop() for part in self._parts))

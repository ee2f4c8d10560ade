"""The real servers that tests speak to, one of each for the whole run."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
import structlog

from workers import admin
from workers.embedded import EmbeddedKafka, EmbeddedRedis, EmbeddedTriton
from workers.embedded.redis import redis8_server
from workers.settings import Settings


@pytest.fixture(autouse=True)
def plain_logs() -> Iterator[None]:
    """Logging as it was: a command that a test ran writes to that test's captured stream, closed by now."""
    yield
    structlog.reset_defaults()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files from what is now")


@pytest_asyncio.fixture(scope="session")
async def kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedKafka]:
    """Apache Kafka 4.x, one node."""
    async with EmbeddedKafka(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest_asyncio.fixture(scope="session")
async def redis(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedRedis]:
    """A Redis server."""
    async with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest_asyncio.fixture(scope="session")
async def redis8(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedRedis]:
    """Redis 8, for vector sets."""
    folder = tmp_path_factory.mktemp("redis8")
    async with EmbeddedRedis(folder, executable=redis8_server(), keeps_all=True) as server:
        yield server


@pytest_asyncio.fixture(scope="session")
async def triton(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedTriton]:
    """tritonserver with the shipped models."""
    async with EmbeddedTriton(tmp_path_factory.mktemp("triton")) as server:
        yield server


@pytest_asyncio.fixture(scope="module")
async def settings(
    triton: EmbeddedTriton, redis: EmbeddedRedis, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Settings]:
    """All three servers, the broker with the catalogue's topics a module's own, so that they hold nothing else."""
    async with EmbeddedKafka(tmp_path_factory.mktemp("catalogue")) as broker:
        settings = Settings(
            KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap_servers,
            TRITON_URL=triton.url,
            REDIS_URL=redis.url,
            partitions=2,
            session_timeout_s=6,
            http_port=0,
        )
        await admin.apply(settings)
        yield settings


@pytest.fixture(scope="session")
def triton_settings(triton: EmbeddedTriton) -> Settings:
    """Settings for Triton alone."""
    return Settings(TRITON_URL=triton.url)


@pytest.fixture
def kafka_settings(kafka: EmbeddedKafka, request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings for the broker, with a consumer group and transactional ids of the test's own, and quick time-outs."""
    return Settings(
        KAFKA_BOOTSTRAP_SERVERS=kafka.bootstrap_servers,
        group_prefix=f"{request.node.name}-{tmp_path.name}",
        session_timeout_s=6,
        retry_initial_s=0.05,
        retry_max_s=0.5,
        http_port=0,
    )

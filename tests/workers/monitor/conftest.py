"""A broker for the monitor's tests, a market and a consumer group for each of them."""

import re
import zlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from workers import admin
from workers.embedded import EmbeddedKafka
from workers.settings import Settings


@pytest_asyncio.fixture(scope="module")
async def broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """With the catalogue's topics, which the tests of this module share: each has a market of its own."""
    async with EmbeddedKafka(tmp_path_factory.mktemp("monitor")) as server:
        await admin.apply(Settings(KAFKA_BOOTSTRAP_SERVERS=server.bootstrap_servers, partitions=3))
        yield server.bootstrap_servers


@pytest.fixture
def market(request: pytest.FixtureRequest) -> str:
    name = re.sub(r"[^a-z]+", "-", request.node.name.removeprefix("test_"))
    return f"{name[:24]}-{zlib.crc32(name.encode()) % 1000}"


@pytest.fixture
def settings(broker: str, market: str) -> Settings:
    return Settings(
        KAFKA_BOOTSTRAP_SERVERS=broker,
        group_prefix=market,
        session_timeout_s=6,
        http_port=0,
        fairness_interval_s=0.2,
        fairness_window_hours=(1,),
        fairness_minimum_group=10,
    )

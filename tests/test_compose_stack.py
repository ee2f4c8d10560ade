"""The compose stack as a user starts it: images built, postings in, features out (`make test-compose`)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from testcontainers.compose import DockerCompose

from tests.support.streams import postings, produce, until_answered
from topics.catalogue import POSTING_FEATURES, POSTINGS
from workers.settings import Settings

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def compose() -> Iterator[DockerCompose]:
    """Up, healthy, and down with its data."""
    with DockerCompose(Path(__file__).parents[1], build=True, wait=True, keep_volumes=False) as stack:
        yield stack


async def test_postings_come_out_as_features(compose: DockerCompose) -> None:
    settings = Settings(KAFKA_BOOTSTRAP_SERVERS="localhost:9092")
    inputs = postings(20, body="<p>We bake bread. Full time, 2 years of experience required.</p>")
    await produce(settings, POSTINGS.name, inputs)
    await until_answered(settings, POSTING_FEATURES.name, [key for key, _ in inputs], timeout_s=120)

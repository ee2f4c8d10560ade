"""The monitor before a broker that asks who is there: the README's ACLs are enough, and none of them too many."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.secure import Acl, SecureKafka, secure_kafka
from tests.workers.monitor.runs import declared, lists, publish, until_reported
from topics.catalogue import CV_GROUPS, FAIRNESS_REPORTS, MATCHES, OUTCOMES, REJECTIONS
from workers import admin
from workers.errors import FatalError
from workers.monitor import app
from workers.settings import Settings


@pytest_asyncio.fixture(scope="module")
async def broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SecureKafka]:
    async with secure_kafka(tmp_path_factory.mktemp("secure-monitor")) as server:
        await admin.apply(server.operator.model_copy(update={"partitions": 2}))
        yield server


def acls(settings: Settings) -> list[Acl]:
    name = f"{settings.group_prefix}-fairness-monitor"
    return [
        *(Acl("Read", "topic", topic.name) for topic in (MATCHES, CV_GROUPS, OUTCOMES)),
        *(Acl("Write", "topic", topic.name) for topic in (FAIRNESS_REPORTS, REJECTIONS)),
        *(Acl(operation, "topic", f"{name}-", "prefixed") for operation in ("Create", "Read", "Write")),
        Acl("Read", "group", name),
    ]


def settings_of(broker: SecureKafka, prefix: str) -> Settings:
    return broker.settings(
        group_prefix=prefix, fairness_interval_s=0.2, fairness_window_hours=(1,), fairness_minimum_group=10
    )


async def test_the_listed_acls_are_enough(broker: SecureKafka) -> None:
    settings = settings_of(broker, "listed")
    await broker.grant(acls(settings))
    await publish(broker.operator, [*declared("listed"), *lists("listed", range(20), biased=True)])
    stop = asyncio.Event()
    work = asyncio.create_task(app.run(settings, stop))
    await until_reported(broker.operator, "listed", 20)
    stop.set()
    await work


async def test_without_the_right_to_the_group_it_ends_and_says_so(broker: SecureKafka) -> None:
    settings = settings_of(broker, "groupless")
    await broker.grant(acl for acl in acls(settings) if acl.resource != "group")
    with pytest.raises(FatalError, match="grant Read on group"):
        async with asyncio.timeout(30):
            await app.run(settings, asyncio.Event())

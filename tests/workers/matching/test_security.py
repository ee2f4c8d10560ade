"""The matcher before a broker that asks who is there: these ACLs are enough, and without one it ends and names it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.features import cv, posting, vector
from tests.support.secure import Acl, SecureKafka, secure_kafka
from tests.support.streams import produce, until_answered
from topics.catalogue import CV_FEATURES, MATCHES, POSTING_FEATURES
from workers import admin, matcher
from workers.errors import FatalError
from workers.runtime import in_background
from workers.settings import Settings


@pytest_asyncio.fixture(scope="module")
async def broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SecureKafka]:
    async with secure_kafka(tmp_path_factory.mktemp("secure-matcher")) as server:
        await admin.apply(server.operator.model_copy(update={"partitions": 2}))
        await produce(server.operator, POSTING_FEATURES.name, [(b"p", posting("p", vector(1)))])
        await produce(server.operator, CV_FEATURES.name, [(b"c", cv("c", vector(1)))])
        yield server


def acls(settings: Settings) -> list[Acl]:
    group = f"{settings.group_prefix}-matcher"
    return [
        *(Acl("Read", "topic", topic.name) for topic in (POSTING_FEATURES, CV_FEATURES, MATCHES)),
        Acl("Write", "topic", MATCHES.name),
        Acl("Read", "group", group),
        Acl("Write", "transactional-id", f"{group}-", "prefixed"),
    ]


# In this order: what was granted stays.
@pytest.mark.parametrize(
    ("refused", "expected"),
    [
        (Acl("Read", "topic", CV_FEATURES.name), f"topic {CV_FEATURES.name}"),
        (Acl("Write", "topic", MATCHES.name), f"topic {MATCHES.name}"),
        (Acl("Read", "group", "groupless-matcher"), "Read on group groupless-matcher"),
        (Acl("Write", "transactional-id", "idless-matcher-", "prefixed"), "transactional id idless-matcher-"),
    ],
)
async def test_a_missing_acl_is_fatal_and_named(broker: SecureKafka, refused: Acl, expected: str) -> None:
    settings = broker.settings(group_prefix=refused.name.partition("-")[0])
    later = {MATCHES.name} if refused.name == CV_FEATURES.name else set()
    wanted = [acl for acl in acls(settings) if acl != refused and (acl.name not in later or acl.operation != "Write")]
    await broker.grant([*wanted, Acl("Describe", "topic", CV_FEATURES.name), Acl("Describe", "topic", MATCHES.name)])
    async with matcher.worker(settings) as worker:
        with pytest.raises(FatalError, match=expected):
            async with asyncio.timeout(40), in_background(worker, settings) as task:
                await task


async def test_the_listed_acls_are_enough(broker: SecureKafka) -> None:
    settings = broker.settings(group_prefix="listed")
    await broker.grant(acls(settings))
    async with matcher.worker(settings) as worker, in_background(worker, settings):
        await until_answered(broker.operator, MATCHES.name, [b"posting:p", b"cv:c"])

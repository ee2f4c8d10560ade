"""Creates and lists the catalogue's topics on a cluster."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from topics.catalogue import CATALOGUE, Topic
from workers import kafka
from workers.settings import Settings


@dataclass(frozen=True, slots=True)
class TopicState:
    """A catalogue topic on the cluster; `partitions` is 0 where it does not exist."""

    topic: Topic
    partitions: int


@asynccontextmanager
async def _admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(**kafka.connection(settings))
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def apply(settings: Settings, topics: Iterable[Topic] = CATALOGUE) -> list[str]:
    """Creates the topics that do not exist; existing ones are left as they are.

    Returns:
        the names of the topics created.

    Raises:
        KafkaError: the cluster is out of reach or refuses one of them.
    """
    created = []
    async with _admin(settings) as client:
        for topic in topics:
            new = NewTopic(
                topic.name,
                num_partitions=settings.partitions or topic.partitions,
                replication_factor=settings.replication_factor,
                topic_configs=topic.config(),
            )
            response = await client.create_topics([new])
            error = for_code(response.topic_errors[0][1])
            if error is TopicAlreadyExistsError:
                continue
            if response.topic_errors[0][1] != 0:
                raise error(f"{topic.name}: {response.topic_errors[0][2]}")
            created.append(topic.name)
    return created


async def states(settings: Settings) -> list[TopicState]:
    """Every catalogue topic with its number of partitions on the cluster."""
    async with _admin(settings) as client:
        described = await client.describe_topics()
    partitions = {topic["topic"]: len(topic["partitions"]) for topic in described if not topic["error_code"]}
    return [TopicState(topic, partitions.get(topic.name, 0)) for topic in CATALOGUE]


async def members(settings: Settings, group: str) -> int:
    """How many consumers are in the group now, those included that died within the session timeout.

    Raises:
        KafkaError: the cluster is out of reach, has no coordinator yet, or does not let us see the group.
    """
    async with _admin(settings) as client:
        (response,) = await client.describe_consumer_groups([group])
    ((code, *_, found),) = (described[:6] for described in response.groups)
    if code:
        raise for_code(code)(group)
    return len(found)


async def differences(settings: Settings, topics: Iterable[Topic] = CATALOGUE) -> list[str]:
    """Where the configuration of existing topics is not the catalogue's: `TOPIC: NAME is VALUE, not VALUE`."""
    wanted = {topic.name: topic.config() for topic in topics}
    async with _admin(settings) as client:
        responses = await client.describe_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name, config) for name, config in wanted.items()]
        )
    return [
        f"{topic}: {name} is {value}, not {wanted[topic][name]}"
        for response in responses
        for _, _, _, topic, entries in response.resources
        for name, value, *_ in entries
        if value != wanted[topic][name]
    ]

"""Real Kafka, Triton and Redis as child processes, without Docker (extra `embedded`; Linux x86_64)."""

from workers.embedded.errors import EmbeddedError
from workers.embedded.kafka import EmbeddedKafka
from workers.embedded.redis import EmbeddedRedis
from workers.embedded.stack import Addresses, EmbeddedStack, PartName
from workers.embedded.triton import EmbeddedTriton

__all__ = [
    "Addresses",
    "EmbeddedError",
    "EmbeddedKafka",
    "EmbeddedRedis",
    "EmbeddedStack",
    "EmbeddedTriton",
    "PartName",
]

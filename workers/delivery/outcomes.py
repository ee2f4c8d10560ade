"""What a handler is given and what it answers."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from topics.catalogue import Topic
from workers.delivery.core import Record

E = TypeVar("E", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Event(Generic[E]):
    """A valid input: its key, its typed value and the record it came in."""

    key: str
    value: E
    record: Record


@dataclass(frozen=True, slots=True)
class Output:
    """One record to publish."""

    topic: Topic
    key: str
    value: BaseModel


# The outputs for one input. A handler that finds an event unusable raises PoisonError instead; the engine splits the
# batch until it knows which event it is.
Outcome = Sequence[Output]
Handler = Callable[[Sequence[Event[Any]]], Awaitable[Sequence[Outcome]]]


@dataclass(frozen=True, slots=True)
class Worker:
    """A handler and its place in the catalogue.

    Attributes:
        name: of the consumer group, `ce_source` and metric labels.
        source: the topic it reads.
        derived: topics with an output for each key of `source`; a tombstone in becomes a tombstone in each.
        handle: given a batch, returns one outcome for each event, in order.
    """

    name: str
    source: Topic
    derived: tuple[Topic, ...]
    handle: Handler

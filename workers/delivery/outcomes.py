"""What a handler is given and what it answers."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from topics.catalogue import Flow, Topic
from workers.delivery.core import Record
from workers.settings import Settings

E = TypeVar("E", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Event(Generic[E]):
    """A valid input: its key, its typed value and the record it came in."""

    key: str
    value: E
    record: Record


@dataclass(frozen=True, slots=True)
class Output:
    """One record to publish; `degraded` names the stages that it was made without, to be re-done later."""

    topic: Topic
    key: str
    value: BaseModel
    degraded: tuple[str, ...] = ()


# The outputs for one input. A handler that finds an event unusable raises PoisonError instead; the engine splits the
# batch until it knows which event it is.
Outcome = Sequence[Output]
Handler = Callable[[Sequence[Event[Any]]], Awaitable[Sequence[Outcome]]]


@dataclass(frozen=True, slots=True)
class Worker:
    """A handler and its place in the catalogue.

    Attributes:
        flow: its topics.
        handle: given a batch, returns one outcome for each event, in order.
        made_by: names the model and release that would make a result now.
    """

    flow: Flow
    handle: Handler
    made_by: Callable[[], str]

    @property
    def name(self) -> str:
        """Of the consumer group, `ce_source` and metric labels."""
        return self.flow.worker


def group_of(settings: Settings, worker_name: str) -> str:
    """The consumer group of a worker."""
    return f"{settings.group_prefix}-{worker_name}"

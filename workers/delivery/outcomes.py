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
class Output:
    """One record to publish; `degraded` names the stages that it was made without, to be re-done later."""

    topic: Topic
    key: str
    value: BaseModel
    degraded: tuple[str, ...] = ()


def _nowhere(output: Output) -> None:
    """Tests of handlers hear nothing of it."""


@dataclass(frozen=True, slots=True)
class Event(Generic[E]):
    """A valid input: its key, its typed value and the record it came in.

    Attributes:
        announced: values of the outputs that an earlier attempt announced. They are out and stand: the outcome must
            begin with them, among its outputs of their topic.
        announce: publishes an output of the worker's `announces` topic at once, ahead of the event's others; the
            outcome names it as well, in the same order.
    """

    key: str
    value: E
    record: Record
    announced: tuple[bytes, ...] = ()
    announce: Callable[[Output], None] = _nowhere


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
        announces: topic of the outputs that the handler may announce; only for flows without a ledger, which might
            yet find the event stale.
        batches_at_once: handled in this process; None for one of each partition. Under load a batch that must wait
            its turn grows meanwhile, and a few large batches cost less than one for each partition.
    """

    flow: Flow
    handle: Handler
    made_by: Callable[[], str]
    announces: Topic | None = None
    batches_at_once: int | None = None

    def __post_init__(self) -> None:
        if self.announces is not None and self.flow.ledger is not None:
            raise ValueError(f"{self.name} keeps a ledger and can't announce")

    @property
    def name(self) -> str:
        """Of the consumer group, `ce_source` and metric labels."""
        return self.flow.worker


def group_of(settings: Settings, worker_name: str) -> str:
    """The consumer group of a worker."""
    return f"{settings.group_prefix}-{worker_name}"

"""What can go wrong while working, by the road it takes.

    WorkError
    ├── RetryableError   a part we need is down, slow or overloaded: wait with back-off, keep the event
    │   ├── FencedError  another worker owns the partition now: drop it, rejoin the group
    │   └── SuspectError a part answered nonsense, or in no time: its fault or the event's? Past a time, the event's
    ├── PoisonError      this event alone can't be processed: dead-letter it, tell its producer
    └── FatalError       configuration or an incompatible model: exit non-zero, nothing committed

Bad input is no WorkError: it is `topics.validation.InvalidEventError` and becomes a rejection.
"""


class WorkError(Exception):
    """Base of the roads below."""


class RetryableError(WorkError):
    """The same work may succeed later; never dead-lettered."""


class FencedError(RetryableError):
    """A newer owner of the partition has taken over; nothing of ours was committed."""


class SuspectError(RetryableError):
    """The part lives but fails on this work; past `suspect_timeout_s` the event at fault is taken for poison."""


class PoisonError(WorkError):
    """The event can't be processed, today or later."""


class FatalError(WorkError):
    """Nothing can be processed until an operator acts."""

"""Why an LLM's answer is not used; none is a `WorkError`: the student answers instead.

    LlmError
    ├── BusyError         all of our connections were in use until the deadline
    ├── TimedOutError     no whole answer by the deadline
    ├── UnavailableError  no connection, a status other than 200, or the connection broke
    ├── MalformedError    not the JSON that was asked for
    ├── TruncatedError    the answer ended too soon
    ├── TooLargeError     longer or deeper than any answer should be
    ├── InvalidError      JSON, but not by the schema, or not the plan that its intent asks for
    └── UngroundedError   names a company or place that stands in neither query nor profile

Messages never quote the answer, which may quote the query.
"""

from typing import ClassVar


class LlmError(Exception):
    """Base of the above; `reason` is a metric label and a mark of degraded results."""

    reason: ClassVar[str]


class BusyError(LlmError):
    """See above."""

    reason = "llm_busy"


class TimedOutError(LlmError):
    """See above."""

    reason = "llm_timeout"


class UnavailableError(LlmError):
    """See above."""

    reason = "llm_unavailable"


class MalformedError(LlmError):
    """See above."""

    reason = "llm_malformed"


class TruncatedError(LlmError):
    """See above."""

    reason = "llm_truncated"


class TooLargeError(LlmError):
    """See above."""

    reason = "llm_too_large"


class InvalidError(LlmError):
    """See above."""

    reason = "llm_invalid"


class UngroundedError(LlmError):
    """See above."""

    reason = "llm_ungrounded"

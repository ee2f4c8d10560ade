"""The LLM engine: a query in, tool calls as soon as each is known, then the reading; or an error, in time."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from models.queries.normalising import Normaliser
from topics.queries import Query, QueryReading, ToolCall
from workers import telemetry
from workers.llm import client, grounding, prompt
from workers.llm.answer import LISTS, Answer
from workers.llm.client import LlmClient
from workers.llm.errors import BusyError, LlmError, TimedOutError, TruncatedError
from workers.llm.reader import ObjectReader
from workers.settings import Settings

Dispatch = Callable[[ToolCall], None]


@dataclass(frozen=True, slots=True)
class Understood:
    """What the LLM read; `degraded` says why the end of its answer, after the last tool call, is missing."""

    reading: QueryReading
    degraded: tuple[str, ...] = ()


class LlmEngine:
    """Made by :func:`connect`.

    Attributes:
        model: its name at the endpoint.
    """

    def __init__(self, llm: LlmClient, settings: Settings, normaliser: Normaliser) -> None:
        self.model = settings.llm_model or ""
        self._llm = llm
        self._normaliser = normaliser
        self._deadline_s = settings.llm_deadline_s
        self._permits = asyncio.Semaphore(settings.llm_concurrency)

    async def read(self, query: Query, dispatch: Dispatch) -> Understood:
        """Reads one query before the deadline, the wait for a connection included.

        Args:
            query: with `asked_on`.
            dispatch: called with each tool call the moment that it is complete and checked; must not block. Those
                given before an error stand: each was right in itself.

        Raises:
            LlmError: there is no answer that can be used; each has its own reason.
        """
        answer = Answer(query, self._normaliser)
        started = time.perf_counter()

        def first(call: ToolCall) -> None:
            if len(answer.calls) == 1:
                telemetry.LLM_SECONDS.labels("first_call").observe(time.perf_counter() - started)
            dispatch(call)

        try:
            await self._converse(query, answer, first)
        except LlmError as error:
            telemetry.LLM_ANSWERS.labels(error.reason).inc()
            if not answer.planned:
                raise
            understood = Understood(answer.reading(), (error.reason,))
        else:
            telemetry.LLM_ANSWERS.labels("ok").inc()
            understood = Understood(answer.reading())
        telemetry.LLM_SECONDS.labels("answer").observe(time.perf_counter() - started)
        telemetry.LLM_DROPPED.inc(answer.dropped)
        return understood

    async def _converse(self, query: Query, answer: Answer, dispatch: Dispatch) -> None:
        """Returns when the answer is whole."""
        connected = False
        try:
            async with asyncio.timeout(self._deadline_s), self._permits:
                connected = True
                reader = ObjectReader(LISTS)
                async with aclosing(self._llm.stream(prompt.messages(query))) as texts:
                    async for text in texts:
                        for part in reader.feed(text):
                            if (call := answer.take(part)) is not None:
                                dispatch(call)
                        if reader.done:  # what it may say behind that is cut off with the connection
                            break
        except TimeoutError:
            if not connected:
                raise BusyError("no free connection before the deadline") from None
            raise TimedOutError("no whole answer before the deadline") from None
        if not (reader.done and answer.planned):
            raise TruncatedError("the answer ended too soon")


@asynccontextmanager
async def connect(settings: Settings, normaliser: Normaliser) -> AsyncIterator[LlmEngine]:
    """An engine of the endpoint that the settings name; raises as :func:`workers.llm.client.connect`.

    Args:
        settings: of the LLM.
        normaliser: the student's.
    """
    await asyncio.to_thread(grounding.load)
    async with client.connect(settings) as llm:
        yield LlmEngine(llm, settings, normaliser)

"""Recorded LLM answers, and a client that replays them without a network."""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import cast

from models.queries.lexicon import Lexicon
from models.queries.normalising import Normaliser
from models.queries.places import Places
from topics.queries import Query
from workers.llm.client import LlmClient
from workers.llm.engine import LlmEngine
from workers.settings import Settings

TODAY = date(2026, 6, 1)


@dataclass(frozen=True, slots=True)
class Recorded:
    """One answer, what was asked, and what must come of it."""

    name: str
    query: Query
    answer: str
    tools: list[str]
    spans: list[str]
    missing: list[str]
    facets: int
    stale: bool


def _read(line: str) -> Recorded:
    row = json.loads(line)
    query = Query.model_validate(
        {"id": row["name"], "text": row["text"], "locale": row["locale"], "profile": row["profile"], "asked_on": TODAY}
    )
    return Recorded(query=query, **{key: row[key] for key in Recorded.__slots__ if key != "query"})


RECORDED = [_read(line) for line in (Path(__file__).parents[1] / "data" / "llm_answers.jsonl").open(encoding="utf-8")]
BY_NAME = {recorded.name: recorded for recorded in RECORDED}


@cache
def normaliser() -> Normaliser:
    """As the student's, but for the names that it learned."""
    return Normaliser(Lexicon.load(None), Places.load())


class Replay:
    """Stands where :class:`LlmClient` does: the chunks it was made with, then the error, if any."""

    def __init__(self, chunks: Sequence[str], error: Exception | None = None) -> None:
        self._chunks = chunks
        self._error = error

    async def stream(self, messages: Sequence[Mapping[str, str]]) -> AsyncGenerator[str, None]:
        assert [message["role"] for message in messages] == ["system", "user"]
        for chunk in self._chunks:
            yield chunk
        if self._error is not None:
            raise self._error


# Made once: reading the environment takes longer than reading an answer.
_SETTINGS = Settings()


def engine_of(chunks: Sequence[str], error: Exception | None = None) -> LlmEngine:
    """An engine that is answered by these chunks."""
    return LlmEngine(cast(LlmClient, Replay(chunks, error)), _SETTINGS, normaliser())


def chunked(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]

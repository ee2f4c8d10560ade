"""The one client of the LLM: a chat completion of any OpenAI-compatible endpoint, as it streams in.

No retries: the student answers where the endpoint does not. The engine holds the deadline of the whole; the timeouts
here end what would outlive it.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
from pydantic import BaseModel, ValidationError

from workers.errors import FatalError
from workers.llm import answer
from workers.llm.errors import MalformedError, TooLargeError, TruncatedError, UnavailableError
from workers.settings import Settings

# Of one answer; the longest query's takes about half.
MAX_TOKENS = 1536
# Of the stream, whose every token comes in some 200 bytes of JSON.
MAX_STREAM_BYTES = 2 * 1024 * 1024
MAX_LINE_BYTES = 64 * 1024
_DATA = b"data:"
_DONE = b"[DONE]"


class _Delta(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    delta: _Delta = _Delta()
    finish_reason: str | None = None


class _Chunk(BaseModel):
    choices: list[_Choice] = []
    error: Any = None


class LlmClient:
    """Made by :func:`connect`."""

    def __init__(self, http: httpx.AsyncClient, settings: Settings) -> None:
        self._http = http
        self._body: dict[str, Any] = {
            "model": settings.llm_model,
            "stream": True,
            "temperature": 0,
            "max_tokens": MAX_TOKENS,
        }
        if settings.llm_guided:
            wanted = {"name": "answer", "strict": True, "schema": answer.schema()}
            self._body["response_format"] = {"type": "json_schema", "json_schema": wanted}

    async def stream(self, messages: Sequence[Mapping[str, str]]) -> AsyncGenerator[str, None]:
        """The answer's text, piece by piece; the caller closes it (`contextlib.aclosing`).

        Raises:
            UnavailableError: no connection, a status other than 200, an error in the stream, or it broke.
            MalformedError: this is no stream of chat completions.
            TooLargeError: it does not end.
            TruncatedError: the endpoint ended the answer for another reason than that it was done.
        """
        try:
            request = self._http.stream("POST", "chat/completions", json={**self._body, "messages": messages})
            async with request as response:
                if response.status_code != httpx.codes.OK:
                    raise UnavailableError(f"status {response.status_code}")
                async for line in _lines(response):
                    if not line.startswith(_DATA):  # a comment, an event's name, an empty line
                        continue
                    data = line.removeprefix(_DATA).strip()
                    if data == _DONE:
                        return
                    for text in _texts(data):
                        yield text
        except httpx.HTTPError as error:
            # Its type tells: the message may quote an address.
            raise UnavailableError(type(error).__name__) from None


async def _lines(response: httpx.Response) -> AsyncIterator[bytes]:
    """Lines of the body, of bounded length; httpx's own would gather a line without end."""
    pieces: list[bytes] = []
    held = read = 0
    # As it is on the wire: a small compressed body could become a large one.
    async for piece in response.aiter_raw():
        read += len(piece)
        *ended, rest = piece.split(b"\n")
        for line in ended:
            yield b"".join([*pieces, line])
            pieces.clear()
            held = 0
        pieces.append(rest)
        held += len(rest)
        if read > MAX_STREAM_BYTES or held > MAX_LINE_BYTES:
            raise TooLargeError("the stream is too long")
    yield b"".join(pieces)


def _texts(data: bytes) -> list[str]:
    try:
        chunk = _Chunk.model_validate_json(data)
    except ValidationError:
        raise MalformedError("not a stream of chat completions") from None
    if chunk.error is not None:
        raise UnavailableError("an error in the stream")
    texts = [choice.delta.content for choice in chunk.choices[:1] if choice.delta.content]
    reason = chunk.choices[0].finish_reason if chunk.choices else None
    if reason not in (None, "stop"):
        raise TruncatedError("the endpoint stopped before the end")
    return texts


@asynccontextmanager
async def connect(settings: Settings) -> AsyncIterator[LlmClient]:
    """A client of the endpoint, which need not be there yet.

    Raises:
        FatalError: no address or no model is set.
    """
    if settings.llm_url is None or settings.llm_model is None:
        raise FatalError("TALENTSTREAM_LLM_URL and TALENTSTREAM_LLM_MODEL are not both set")
    headers = {"accept-encoding": "identity"}
    if settings.llm_token is not None:
        headers["authorization"] = f"Bearer {settings.llm_token.get_secret_value()}"
    connections = settings.llm_concurrency
    async with httpx.AsyncClient(
        base_url=settings.llm_url,
        headers=headers,
        timeout=httpx.Timeout(settings.llm_deadline_s),
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        follow_redirects=False,
    ) as http:
        yield LlmClient(http, settings)

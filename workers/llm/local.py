"""A local OpenAI-compatible server that streams prepared answers at a given pace: for tests and `bench queries`.

Not a model: it says what an LLM would cost in time, and lets every fault of one be had at will.
"""

import asyncio
import contextlib
import json
import math
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

# About one token of English, of JSON and of most else.
TOKEN_CHARS = 4
# What is published of the 1.5 B model's pipeline on an A100: seconds at the median and at the 95th percentile, and
# queries a second, which by Little's law is so many under way at once.
MEDIAN_S, P95_S, RATE = 0.4, 0.6, 20
SLOTS = round(MEDIAN_S * RATE)
# Of the whole, until the first token: reading the prompt.
FIRST_SHARE = 0.15
_Z95 = 1.645


@dataclass(frozen=True, slots=True)
class Reply:
    """What one request is answered.

    Attributes:
        text: the answer, streamed by tokens.
        first_token_s: silence before the first.
        token_s: time of each.
        status: of the response; other than 200 without a stream.
        stall_after: characters after which nothing comes any more, and the connection stays.
        cut_after: characters after which the connection breaks.
        raw: sent in place of the stream, byte by byte as given.
        finish: `finish_reason` of the last event.
    """

    text: str = ""
    first_token_s: float = 0.0
    token_s: float = 0.0
    status: int = 200
    stall_after: int | None = None
    cut_after: int | None = None
    raw: bytes | None = None
    finish: str = "stop"


# Given the request's body.
Replies = Callable[[Mapping[str, Any]], Awaitable[Reply]]


@asynccontextmanager
async def serve(replies: Replies) -> AsyncIterator[str]:
    """Serves in this event loop, on a free port of this machine; the base address for `TALENTSTREAM_LLM_URL`."""
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            connections.add(task)
            task.add_done_callback(connections.discard)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await _answer(reader, writer, replies):
                pass
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, replies: Replies) -> bool:
    """One request; False where the connection is of no more use."""
    head = await reader.readuntil(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
    body = await reader.readexactly(int(fields[b"content-length"]))
    reply = await replies(json.loads(body))
    if reply.status != 200:
        writer.write(b"HTTP/1.1 %d -\r\ncontent-length: 0\r\n\r\n" % reply.status)
        await writer.drain()
        return True
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    if reply.raw is not None:
        await _send(writer, reply.raw)
    else:
        await asyncio.sleep(reply.first_token_s)
        if not await _stream(writer, reply):
            return False
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True


async def _stream(writer: asyncio.StreamWriter, reply: Reply) -> bool:
    loop = asyncio.get_running_loop()
    limits = [limit for limit in (reply.stall_after, reply.cut_after) if limit is not None]
    text = reply.text[: min(limits, default=None)]
    due = loop.time()
    for start in range(0, len(text), TOKEN_CHARS):
        await _send(writer, _event({"content": text[start : start + TOKEN_CHARS]}))
        due += reply.token_s
        await asyncio.sleep(due - loop.time())
    if reply.stall_after is not None:
        await asyncio.Event().wait()
    if reply.cut_after is not None:
        return False
    await _send(writer, _event({}, reply.finish) + b"data: [DONE]\n\n")
    return True


def _event(delta: Mapping[str, str], finish: str | None = None) -> bytes:
    chunk = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


async def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    if data:
        writer.write(b"%x\r\n%b\r\n" % (len(data), data))
    await writer.drain()


def improvised(query: str) -> str:
    """A valid answer of usual length for any query: its first words a title, all of it the search."""
    span = " ".join(query.split()[:3])
    usable = " ".join(query.translate(str.maketrans("", "", "<>{}[]\\`|")).split()[:20])
    search = {
        "tool": "search_jobs",
        "criteria": [{"type": "title", "span": span, "value": span, "negated": False}],
        "rewrite": f"{usable} jobs",
    }
    facets = [{"type": "employment_type", "value": value} for value in ("full_time", "part_time", "contract")]
    return json.dumps(
        {"intent": "criteria", "tool_calls": [search], "language": "en", "facets": facets}, ensure_ascii=False
    )


def at_published_pace(seed: int = 0) -> Replies:
    """Improvised answers that take as long as is published: log-normal, :data:`SLOTS` at once, the others waiting."""
    generator = random.Random(seed)  # noqa: S311 - of waiting times
    slots = asyncio.Semaphore(SLOTS)
    # A request has its slot for as long as its answer takes.
    held: set[asyncio.Task[None]] = set()

    async def hold(seconds: float) -> None:
        await asyncio.sleep(seconds)
        slots.release()

    async def reply(request: Mapping[str, Any]) -> Reply:
        await slots.acquire()
        text = improvised(json.loads(request["messages"][-1]["content"])["query"])
        whole_s = MEDIAN_S * math.exp(generator.gauss(0.0, math.log(P95_S / MEDIAN_S) / _Z95))
        task = asyncio.create_task(hold(whole_s))
        held.add(task)
        task.add_done_callback(held.discard)
        tokens = math.ceil(len(text) / TOKEN_CHARS)
        return Reply(text, first_token_s=whole_s * FIRST_SHARE, token_s=whole_s * (1 - FIRST_SHARE) / tokens)

    return reply


@asynccontextmanager
async def published() -> AsyncIterator[str]:
    """The server at the published pace, in a process of its own, so that its work slows down nobody's; its address."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "workers.llm.local", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - both are pipes
    try:
        async with asyncio.timeout(30):
            address = await process.stdout.readline()
        if not address:
            raise RuntimeError("the local LLM server did not start")
        yield address.decode().strip()
    finally:
        process.stdin.close()  # it ends with its input
        await process.wait()


async def _main() -> None:
    async with serve(at_published_pace()) as address:
        sys.stdout.write(address + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_main())

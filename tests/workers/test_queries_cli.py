"""The queries verbs of `talentstream`, each a process of its own."""

import json

from tests.workers.test_cli import Command, command
from topics.catalogue import QUERIES, QUERY_TOOL_CALLS, QUERY_UNDERSTANDING
from workers.demo import QUERIES_FILE

__all__ = ["command"]

GUIDE_ROWS = [
    {"id": "g1", "query": "night nurse in Leeds", "language": "en", "profile": None},
    {"id": "g2", "query": ""},
    {
        "id": "g3",
        "query": "jobs that match my skills",
        "profile": {
            "title": None,
            "skills": ["triage"],
            "location": None,
            "seniority": None,
            "updated_at": "2020-01-31",
        },
    },
]


async def test_understand_reads_the_guide_s_rows_in_order(command: Command) -> None:
    source, target = command.folder / "in.jsonl", command.folder / "out.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in GUIDE_ROWS), "utf-8")
    result = await command("understand", "--in", str(source), "--out", str(target))
    assert (result.code, result.out.strip()) == (1, "extracted 2, refused 1")
    assert "line 2 (g2): text" in result.err
    first, last = (json.loads(line) for line in target.read_text("utf-8").splitlines())
    assert (first["id"], last["id"]) == ("g1", "g3")
    assert first["intent"]["value"] == "criteria"
    assert last["stale_profile"], "without a day it is asked today"
    assert [call["id"] for call in first["tool_calls"]] == ["g1:0:0"]


async def test_ask_shows_and_refuses(command: Command) -> None:
    shown = await command("ask", "night nurse in Leeds")
    assert shown.code == 0, shown.err
    assert "search_jobs" in shown.out
    whole = await command("ask", "night nurse in Leeds", "--json")
    assert json.loads(whole.out)["id"] == "ask"
    no_date = await command("ask", "nurse", "--profile", '{"title": "Nurse"}')
    assert (no_date.code, "updated_at" in no_date.err) == (2, True)
    empty = await command("ask", " ")
    assert (empty.code, "text" in empty.err) == (2, True)


async def test_publish_work_and_tail(command: Command) -> None:
    published = await command("publish", "queries", str(QUERIES_FILE))
    assert (published.code, published.out.strip()) == (0, "published 12, refused 0")
    worker = await command.start("worker", "run", "queries", TALENTSTREAM_HTTP_PORT="0")
    try:
        for topic in (QUERY_TOOL_CALLS, QUERY_UNDERSTANDING):
            tail = await command.start("tail", topic.name, "--from-beginning", "--json")
            assert tail.stdout is not None
            keys: set[str] = set()
            while len(keys) < 12:
                keys.add(json.loads(await tail.stdout.readline())["key"])
            tail.terminate()
            await tail.communicate()
    finally:
        worker.terminate()
        await worker.communicate()
    assert worker.returncode == 0
    assert QUERIES.name in (await command("topics", "list")).out

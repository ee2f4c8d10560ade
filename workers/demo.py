"""The main job on bundled postings, CVs and queries: broker → workers → Triton → output topics, in the terminal."""

import asyncio
import json
import time
from collections.abc import Set
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer
from prometheus_client import REGISTRY
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from topics.catalogue import (
    CV_FEATURES,
    CVS,
    MATCHES,
    POSTING_FEATURES,
    POSTINGS,
    QUERIES,
    QUERY_UNDERSTANDING,
    REJECTIONS,
)
from topics.matches import cv_subject
from topics.queries import Query, QueryUnderstanding
from workers import admin, ask, cvs, kafka, matcher, postings, queries, telemetry
from workers.files import Line, read_events
from workers.publish import publish
from workers.runtime import in_background
from workers.settings import Settings
from workers.tail import Received, first_of_each, read, stated

POSTINGS_FILE = Path(__file__).parent / "data" / "demo_postings.jsonl"
CVS_FILE = Path(__file__).parent / "data" / "demo_cvs.jsonl"
QUERIES_FILE = Path(__file__).parent / "data" / "demo_queries.jsonl"
TIMEOUT_S = 90.0
# Shown around the evidence.
CONTEXT_CHARS = 30
MAX_EVIDENCE_CHARS = 110
# Matches shown of each CV.
BEST = 2
# What a careless producer sends; each comes back as one typed rejection.
BAD_EVENTS: tuple[tuple[bytes, bytes], ...] = (
    (b"broken-json", b'{"id": "broken-json", "body": '),
    (b"no-body", b'{"id": "no-body", "title": "Cook"}'),
)
BAD_CVS: tuple[tuple[bytes, bytes], ...] = (
    (b"protected", b'{"id": "protected", "text": "Cook", "nationality": "Irish"}'),
)
BAD_QUERIES: tuple[tuple[bytes, bytes], ...] = ((b"no-words", b'{"id": "no-words", "text": " "}'),)
# Of the bundled ones.
SHOWN_QUERIES = 6


async def run(settings: Settings, console: Console) -> int:
    """Runs the demo against the addresses in `settings`; returns how many postings, CVs and queries came out.

    Raises:
        TimeoutError: they did not all come out within `TIMEOUT_S`.
    """
    await admin.apply(settings)
    lines = list(read_events(POSTINGS_FILE, POSTINGS))
    people = list(read_events(CVS_FILE, CVS))
    asked = list(read_events(QUERIES_FILE, QUERIES))[:SHOWN_QUERIES]
    async with (
        asyncio.timeout(TIMEOUT_S),
        postings.worker(settings) as postings_worker,
        in_background(postings_worker, settings),
        cvs.worker(settings) as cvs_worker,
        in_background(cvs_worker, settings),
        queries.worker(settings) as queries_worker,
        in_background(queries_worker, settings.over(queries.DEFAULTS)),
        matcher.worker(settings) as matcher_worker,
        in_background(matcher_worker, settings),
    ):
        started = time.perf_counter()
        receiving = asyncio.create_task(first_of_each(settings, POSTING_FEATURES.name, {line.key for line in lines}))
        await publish(settings, POSTINGS, lines)
        features = await receiving
        elapsed = time.perf_counter() - started
        await publish(settings, CVS, people)
        await publish(settings, QUERIES, asked)
        await _publish_bad(settings)
        structured = await first_of_each(settings, CV_FEATURES.name, {line.key for line in people})
        understood = await first_of_each(settings, QUERY_UNDERSTANDING.name, {line.key for line in asked})
        bad = {key.decode() for key, _ in (*BAD_EVENTS, *BAD_CVS, *BAD_QUERIES)}
        rejections = await first_of_each(settings, REJECTIONS.name, bad)
        matches = await _settled(settings, {cv_subject(record.key or "") for record in structured})
    titles = {line.key: line for line in lines}
    for record in features:
        console.print(_panel(record, titles[record.key]))
    for record in structured:
        console.print(_cv_panel(record))
    texts = {line.key: line.event.text for line in asked if isinstance(line.event, Query)}
    for record in understood:
        console.print(ask.panel(texts[record.key], QueryUnderstanding.model_validate_json(json.dumps(record.value))))
    for record in rejections:
        console.print(_rejection_panel(record))
    names = {line.key or "": getattr(line.event, "title", "") for line in lines}
    for subject, own in sorted(matches.items()):
        console.print(_matches_panel(subject, own, names))
    console.print(_summary(len(features), len(structured), len(understood), len(rejections), elapsed))
    return len(features) + len(structured) + len(understood)


async def _publish_bad(settings: Settings) -> None:
    producer = AIOKafkaProducer(**kafka.connection(settings))
    async with producer:
        for topic, events in ((POSTINGS, BAD_EVENTS), (CVS, BAD_CVS), (QUERIES, BAD_QUERIES)):
            for key, value in events:
                await producer.send_and_wait(topic.name, key=key, value=value)


async def _settled(settings: Settings, subjects: Set[str]) -> dict[str, Any]:
    """The lists of these subjects, once they no longer change: each posting that comes may change them."""
    found: dict[str, Any] = {}
    while True:
        before, found = found, {}
        async for record in read(settings, MATCHES.name, from_beginning=True, follow=False):
            if record.key is not None and record.key in subjects:
                found[record.key] = record.value
        if found.keys() == subjects and found == before:
            return found
        await asyncio.sleep(1.0)


def _panel(record: Received, line: Line) -> Panel:
    features: dict[str, Any] = record.value
    table = Table.grid(padding=(0, 2))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(style="bold", no_wrap=True, max_width=24)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(ratio=1)
    for name, feature in stated(features):
        table.add_row(name, _value(feature["value"]), _confidence(feature), _evidence(features, feature))
    skills = ", ".join(skill["value"] for skill in features["skills"])
    body = Group(table, Text(f"skills  {skills}", style="dim")) if skills else table
    title = getattr(line.event, "title", "")
    place = getattr(line.event, "location", None)
    return Panel(body, title=f"{record.key}  {title}" + (f" · {place}" if place else ""), title_align="left")


def _cv_panel(record: Received) -> Panel:
    features: dict[str, Any] = record.value
    table = Table.grid(padding=(0, 2))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(style="bold", max_width=44)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(ratio=1)
    for name in ("current_title", "esco_occupation", "experience_years", "seniority", "department"):
        feature = features[name]
        if feature["value"] is not None:
            table.add_row(name, _value(_label(feature["value"])), _confidence(feature), _evidence(features, feature))
    for name in ("past_titles", "companies", "education", "certificates"):
        for feature in features[name]:
            value = feature["value"]
            shown = f"{value['level']}: {value['field']}" if name == "education" else _value(value)
            table.add_row(name, shown, _confidence(feature), _evidence(features, feature))
    lists = {
        name: [_label(feature["value"]) for feature in features[name]]
        for name in ("sectors", "languages", "skills", "esco_skills")
    }
    masked = ", ".join(f"{kind} {count}" for kind, count in features["masked"].items())
    dim = [Text(f"{name}  {', '.join(values)}", style="dim") for name, values in lists.items() if values]
    body = Group(table, *dim, Text(f"masked  {masked}", style="magenta"))
    return Panel(body, title=f"{record.key}  content {features['content_hash'][:8]}", title_align="left")


def _label(value: Any) -> Any:
    return value["label"] if isinstance(value, dict) else value


def _value(value: Any) -> str:
    return f"{value:,.10g}" if isinstance(value, int | float) else str(value)


def _confidence(feature: dict[str, Any]) -> Text:
    """With a question mark where a person should look."""
    confidence: float = feature["confidence"]
    style = "green" if confidence >= 0.9 else "yellow" if confidence >= 0.7 else "red"
    return Text(f"{confidence:.2f}{'?' if feature.get('review') else ' '}", style=style)


def _evidence(features: dict[str, Any], feature: dict[str, Any]) -> Text:
    """The first piece of evidence, highlighted in the cleaned text around it."""
    if not feature["evidence"] or features["text"] is None:
        return Text("")
    text: str = features["text"]
    start, end = feature["evidence"][0]["start"], feature["evidence"][0]["end"]
    quote = text[start : min(end, start + MAX_EVIDENCE_CHARS)] + ("…" if end - start > MAX_EVIDENCE_CHARS else "")
    before = text[max(0, start - CONTEXT_CHARS) : start].rpartition("\n")[2]
    after = text[end : end + CONTEXT_CHARS].partition("\n")[0] if not quote.endswith("…") else ""
    one_line = " / ".join(line for line in quote.split("\n") if line)
    return Text.assemble((before, "dim"), (one_line, "black on yellow"), (after, "dim"))


def _rejection_panel(record: Received) -> Panel:
    lines = [f"{error['code']}: {error['field']}: {error['message']}" for error in record.value["errors"]]
    return Panel("\n".join(lines), title=f"{record.key}  rejected", title_align="left", border_style="red")


def _matches_panel(subject: str, matches: dict[str, Any], titles: dict[str, str]) -> Panel:
    """The best postings of one CV, and why."""
    lines = []
    for match in matches["matches"][:BEST]:
        facets = "  ".join(f"{name} {value:.2f}" for name, value in match["facets"].items() if value is not None)
        own = titles.get(match["id"], "")
        lines.append(Text.assemble((f"{match['score']:.2f}", "bold"), f"  {match['id']}  {own}"))
        gap = {name: ", ".join(c["label"] for c in match["skill_gap"][name][:4]) for name in ("has", "lacks")}
        missing = ", ".join(name for name in match["missing_must_haves"] if not name.startswith("skill:"))
        for name, value in (("facets", facets), *gap.items(), ("required, not shown", missing)):
            if value:
                lines.append(Text(f"      {name}: {value}", style="dim"))
    body = Group(*lines) if lines else Text("no posting above the threshold", style="dim")
    return Panel(body, title=f"{subject}  best postings", title_align="left", border_style="green")


def _summary(features: int, people: int, asked: int, rejections: int, elapsed: float) -> Table:
    title = f"{features} postings in {elapsed:.2f} s, then {people} CVs, {asked} queries and {rejections} rejections"
    table = Table(title=title, title_justify="left")
    table.add_column("stage")
    table.add_column("batches", justify="right")
    table.add_column("mean ms a batch", justify="right")
    for stage, meaning in postings.STAGES.items():
        count, total = telemetry.stage_time(postings.NAME, stage)
        table.add_row(f"{stage}: {meaning}", f"{count}", f"{1000 * total / count:.1f}" if count else "-")
    table.add_section()
    table.add_row("age of its oldest event at commit", f"{_committed():.0f}", f"{1000 * _age():.0f}")
    table.add_row("throughput, publish to commit", "", f"{features / elapsed:.0f} postings/s")
    return table


def _committed() -> float:
    return REGISTRY.get_sample_value("talentstream_event_age_seconds_count", {"worker": postings.NAME}) or 0.0


def _age() -> float:
    total = REGISTRY.get_sample_value("talentstream_event_age_seconds_sum", {"worker": postings.NAME}) or 0.0
    return total / max(1.0, _committed())

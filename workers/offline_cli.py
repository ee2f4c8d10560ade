"""`extract`, `structure`, `understand`: files of events to files of features, without Kafka."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from topics.catalogue import CVS, POSTINGS, QUERIES, Topic
from workers import cvs, offline, postings, queries
from workers.offline import Extract
from workers.settings import Settings
from workers.terminal import Rename, console, embedded, load_settings, read_file, report, run


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (extract, structure, understand):
        app.command()(command)


def extract(
    source: Annotated[Path, typer.Option("--in", help="Postings as JSON Lines, plain or .gz.", exists=True)],
    target: Annotated[Path, typer.Option("--out", help="Features as JSON Lines.")],
    rename: Rename = [],  # noqa: B006 - typer copies it
) -> None:
    """Postings to features without Kafka, through the same handler and Triton (embedded where TRITON_URL is unset)."""

    @asynccontextmanager
    async def extraction(settings: Settings) -> AsyncIterator[Extract]:
        async with postings.connect(settings) as parts:
            yield partial(postings.extract, parts=parts)

    _extract(POSTINGS, source, target, rename, extraction)


def structure(
    source: Annotated[Path, typer.Option("--in", help="CVs as JSON Lines, plain or .gz.", exists=True)],
    target: Annotated[Path, typer.Option("--out", help="Features as JSON Lines.")],
    rename: Rename = ["cv_id=id"],  # noqa: B006 - typer copies it
) -> None:
    """CVs to anonymised features without Kafka, as `extract` does with postings."""

    @asynccontextmanager
    async def extraction(settings: Settings) -> AsyncIterator[Extract]:
        async with cvs.connect(settings) as parts:
            yield partial(cvs.extract, parts=parts)

    _extract(CVS, source, target, rename, extraction)


def understand(
    source: Annotated[Path, typer.Option("--in", help="Queries as JSON Lines, plain or .gz.", exists=True)],
    target: Annotated[Path, typer.Option("--out", help="Understandings as JSON Lines.")],
    rename: Rename = ["query=text"],  # noqa: B006 - typer copies it
) -> None:
    """Queries to understandings without Kafka, as `extract` does with postings; those without a day are of today."""
    _extract(QUERIES, source, target, rename, queries.reader)


def _extract(
    topic: Topic,
    source: Path,
    target: Path,
    rename: list[str],
    extraction: Callable[[Settings], AbstractAsyncContextManager[Extract]],
) -> None:
    settings = load_settings(log_level="error")
    lines = read_file(source, topic, rename)

    async def work() -> tuple[int, int]:
        good = bad = 0
        async with embedded(settings, "triton") as complete, extraction(complete) as extract_events:
            with target.open("w", encoding="utf-8") as out:
                async for line, features in offline.extract_lines(lines, extract_events):
                    if features is None:
                        bad += report([line])
                    else:
                        good += 1
                        out.write(features.model_dump_json() + "\n")
        return good, bad

    good, bad = run(work())
    console.print(f"extracted {good}, refused {bad}")
    raise typer.Exit(1 if bad else 0)

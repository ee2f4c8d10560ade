"""The matcher's commands: `match` ranks files, `bench matching` measures the worker."""

import json
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

import typer

from topics.catalogue import CVS, POSTINGS
from topics.matches import Match
from workers import bench_matching, matcher
from workers.embedded import EmbeddedRedis
from workers.embedded.redis import redis8_server
from workers.files import Line
from workers.matching.offline import match_lines
from workers.terminal import console, embedded, load_settings, read_file, report, run


def register(app: typer.Typer, bench_app: typer.Typer) -> None:
    """Adds the commands."""
    app.command("match")(match)
    bench_app.command("matching")(bench)


def match(
    postings_file: Annotated[Path, typer.Option("--postings", help="JSON Lines, plain or .gz.", exists=True)],
    cvs_file: Annotated[Path, typer.Option("--cvs", help="JSON Lines, plain or .gz.", exists=True)],
    target: Annotated[Path, typer.Option("--out", help="JSON Lines: of each posting all CVs, the best first.")],
    rename: Annotated[
        list[str], typer.Option("--rename", metavar="FROM=TO", help="Key of the postings file to the contract's.")
    ] = ["posting_id=id", "text=body"],  # noqa: B006 - typer copies it
    rename_cv: Annotated[
        list[str], typer.Option("--rename-cv", metavar="FROM=TO", help="Key of the CVs file to the contract's.")
    ] = ["cv_id=id"],  # noqa: B006 - typer copies it
) -> None:
    """Score every posting against every CV, explained, through the workers' own extraction (embedded Triton if unset).

    Neither filters nor the relevance threshold leave anything out.
    """
    settings = load_settings(log_level="error")
    posting_lines = read_file(postings_file, POSTINGS, rename, "--rename")
    cv_lines = read_file(cvs_file, CVS, rename_cv, "--rename-cv")
    scorer = matcher.ranker(settings).scorer

    async def work() -> tuple[int, int]:
        good = bad = 0
        async with embedded(settings, "triton") as complete:
            with target.open("w", encoding="utf-8") as out:
                async for line, matches in match_lines(complete, posting_lines, cv_lines, scorer):
                    if matches is None:
                        bad += report([line])
                    else:
                        good += 1
                        out.write(json.dumps(_row(line, matches), ensure_ascii=False) + "\n")
        return good, bad

    good, bad = run(work())
    console.print(f"ranked {good} postings, refused {bad} lines")
    raise typer.Exit(1 if bad else 0)


def _row(line: Line, matches: list[Match]) -> dict[str, object]:
    rows = [{"cv_id": match.id, **match.model_dump(mode="json", exclude={"id"})} for match in matches]
    return {"posting_id": line.key, "matches": rows}


def bench(
    index: Annotated[bench_matching.IndexChoice, typer.Option(help="Which index; both, one after the other.")] = (
        bench_matching.IndexChoice.both
    ),
    sizes: Annotated[list[int], typer.Option("--cvs", min=1, help="How many CVs; may be given several times.")] = [  # noqa: B006 - typer copies it
        10_000,
        100_000,
    ],
    events: Annotated[int, typer.Option(min=10, help="Postings in a run.")] = 200,
) -> None:
    """Postings/s, waiting and recall of the matcher among synthetic CVs, FAISS and Redis 8 (embedded where unset)."""
    settings = load_settings(log_level="error", partitions=4)

    async def work() -> None:
        async with embedded(settings, "kafka") as complete, AsyncExitStack() as parts:
            url = settings.vector_redis_url
            if url is None and "redis" in index.names:
                folder = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="talentstream-")))
                server = EmbeddedRedis(folder, executable=redis8_server(), keeps_all=True)
                url = (await parts.enter_async_context(server)).url
            complete = complete.model_copy(update={"vector_redis_url": url})
            await bench_matching.run(complete, index.names, sizes, events, console)

    run(work())

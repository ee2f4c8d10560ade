"""`talentstream bench …`: benchmarks, each against a named baseline in the same run."""

from pathlib import Path
from typing import Annotated

import typer

from topics.catalogue import CVS, POSTINGS, QUERIES
from workers import bench, bench_cvs, bench_delivery, bench_queries, demo
from workers.terminal import Rename, console, embedded, load_settings, read_file, run

app = typer.Typer(no_args_is_help=True, help="Benchmarks, each against a named baseline in the same run.")


@app.command("postings")
def bench_postings(
    baseline: Annotated[
        bench.Baseline | None, typer.Option(help="Pipeline to compare with (needs the `train` extra).")
    ] = None,
    file: Annotated[Path | None, typer.Option("--in", help="Postings to use; default: the bundled ones.")] = None,
    events: Annotated[int, typer.Option(min=1, help="How many postings to stream in a round.")] = 400,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; medians are printed.")] = 3,
    rename: Rename = [],  # noqa: B006 - typer copies it
) -> None:
    """Postings/s end to end (Kafka, Triton, Kafka), of the bare model, and of the baseline, in one run."""
    settings = load_settings(log_level="error", partitions=4)
    lines = list(read_file(file or demo.POSTINGS_FILE, POSTINGS, rename))

    async def work() -> None:
        async with embedded(settings, "kafka", "triton") as complete:
            await bench.run(complete, lines, events=events, rounds=rounds, baseline=baseline, console=console)

    run(work())


@app.command("cvs")
def bench_cv_worker(
    file: Annotated[Path | None, typer.Option("--in", help="CVs to use; default: the bundled ones.")] = None,
    events: Annotated[int, typer.Option(min=1, help="How many CVs to stream in a round.")] = 200,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; medians are printed.")] = 3,
    rename: Rename = ["cv_id=id"],  # noqa: B006 - typer copies it
) -> None:
    """CVs/s end to end (Kafka, Triton, Kafka) and of a plain transformers loop, in one run (needs `train`)."""
    settings = load_settings(log_level="error", partitions=4)
    lines = list(read_file(file or demo.CVS_FILE, CVS, rename))

    async def work() -> None:
        async with embedded(settings, "kafka", "triton") as complete:
            await bench_cvs.run(complete, lines, events=events, rounds=rounds, console=console)

    run(work())


@app.command("queries")
def bench_query_worker(
    file: Annotated[Path | None, typer.Option("--in", help="Queries to use; default: the bundled ones.")] = None,
    rates: Annotated[list[float], typer.Option("--rate", min=1, help="Queries/s; several may be given.")] = [  # noqa: B006 - typer copies it
        20.0,
        50.0,
        100.0,
        200.0,
    ],
    seconds: Annotated[float, typer.Option(min=1, help="How long each rate is kept up.")] = 20.0,
    llm: Annotated[bool, typer.Option(help="Measure the LLM engine too, against a local server.")] = True,
    rename: Rename = ["query=text"],  # noqa: B006 - typer copies it
) -> None:
    """How long a query waits (Kafka, Triton, Kafka) at several rates; beside it an LLM of the published pace."""
    settings = load_settings(log_level="error", partitions=2)
    lines = list(read_file(file or demo.QUERIES_FILE, QUERIES, rename))

    async def work() -> None:
        async with embedded(settings, "kafka", "triton") as complete:
            await bench_queries.run(complete, lines, rates=rates, seconds=seconds, llm=llm, console=console)

    run(work())


@app.command("delivery")
def bench_exactly_once(
    events: Annotated[int, typer.Option(min=10, help="Backlog that each contender copies in a round.")] = 20_000,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; medians are printed.")] = 3,
    size: Annotated[int, typer.Option(min=1, help="Bytes of an event, about.")] = 500,
) -> None:
    """Events/s of the delivery engine, of a bare transactional loop and of Faust, all exactly once, in one run."""
    settings = load_settings(log_level="error", partitions=4)

    async def work() -> None:
        async with embedded(settings, "kafka") as complete:
            await bench_delivery.run(complete, events=events, rounds=rounds, size=size, console=console)

    run(work())

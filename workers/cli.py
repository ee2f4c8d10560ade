"""The `talentstream` command. Each command reads settings from the environment; see `workers/settings.py`."""

import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track
from rich.table import Table

from topics.catalogue import BY_NAME, CVS, POSTINGS, QUERIES, Topic
from workers import (
    admin,
    ask,
    bench,
    bench_cvs,
    bench_delivery,
    bench_queries,
    cvs,
    demo,
    offline,
    operations_cli,
    postings,
    queries,
    runtime,
    tail,
    titles,
)
from workers import publish as publishing
from workers.embedded import EmbeddedStack, PartName
from workers.files import Line, parse_rename, read_events
from workers.offline import Extract
from workers.settings import Settings
from workers.terminal import console, errors, load_settings, require_kafka, run

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Recruitment events in, calibrated features out.")
topics_app = typer.Typer(no_args_is_help=True, help="The catalogue's topics on a cluster.")
worker_app = typer.Typer(no_args_is_help=True, help="Long-running workers.")
publish_app = typer.Typer(no_args_is_help=True, help="Publish files of events.")
bench_app = typer.Typer(no_args_is_help=True, help="Benchmarks, each against a named baseline in the same run.")
app.add_typer(topics_app, name="topics")
app.add_typer(worker_app, name="worker")
app.add_typer(publish_app, name="publish")
app.add_typer(bench_app, name="bench")
operations_cli.register(app)
app.command("titles")(titles.titles)
app.command("ask")(ask.ask)

WorkerName = StrEnum("WorkerName", {name: name for name in runtime.WORKERS})  # type: ignore[misc]
Rename = Annotated[
    list[str], typer.Option("--rename", metavar="FROM=TO", help="Key of the file to the contract's, e.g. text=body.")
]
Folder = Annotated[
    Path | None, typer.Option(help="Keep the embedded servers' data here (default: TALENTSTREAM_DATA_DIR).")
]


@asynccontextmanager
async def _embedded(settings: Settings, folder: Path, *wanted: PartName) -> AsyncIterator[Settings]:
    """The settings with an embedded server for each wanted address that the environment does not give."""
    stack = EmbeddedStack(
        folder,
        kafka=settings.kafka_bootstrap_servers,
        triton=settings.triton_url,
        redis=settings.redis_url,
        wanted=wanted or ("kafka", "triton", "redis"),
        on_progress=lambda text: errors.print(text, style="dim", highlight=False),
    )
    async with stack as addresses:
        yield settings.model_copy(
            update={
                "kafka_bootstrap_servers": addresses.kafka,
                "triton_url": addresses.triton,
                "redis_url": addresses.redis,
            }
        )


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder for servers whose data nobody needs afterwards."""
    with tempfile.TemporaryDirectory(prefix="talentstream-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@app.command("demo")
def run_demo(data_dir: Folder = None) -> None:
    """Stream the bundled postings through broker, worker and Triton and show what comes out."""
    settings = load_settings(partitions=4, log_level="error", log_format="console")

    async def work(folder: Path) -> int:
        async with _embedded(settings, folder) as complete:
            return await demo.run(complete, console)

    if data_dir is not None:
        run(work(data_dir))
        return
    with _scratch() as folder:
        run(work(folder))


@app.command()
def up(data_dir: Folder = None) -> None:
    """Run the embedded stack in the foreground, topics created, until Ctrl-C."""
    settings = load_settings(log_format="console")

    async def work() -> None:
        async with runtime.stop_on_signals() as stop, _embedded(settings, data_dir or settings.data_dir) as complete:
            await admin.apply(complete)
            console.print("Ready. In another terminal:\n", highlight=False)
            for name, value, given in (
                ("KAFKA_BOOTSTRAP_SERVERS", complete.kafka_bootstrap_servers, settings.kafka_bootstrap_servers),
                ("TRITON_URL", complete.triton_url, settings.triton_url),
                ("REDIS_URL", complete.redis_url, settings.redis_url),
            ):
                if given:  # known to the user; a Redis address may hold a password
                    continue
                console.print(f"export {name}={value}", highlight=False, soft_wrap=True)
            console.print("\ntalentstream worker run postings", highlight=False)
            await stop.wait()

    run(work())


@topics_app.command("apply")
def topics_apply() -> None:
    """Create the topics that do not exist; existing ones are left alone, and told where they differ."""
    settings = load_settings()
    require_kafka(settings)
    created = run(admin.apply(settings))
    console.print(f"created: {', '.join(created)}" if created else "nothing to create")
    for difference in run(admin.differences(settings)):
        errors.print(f"[yellow]differs:[/] {difference}", highlight=False)


@topics_app.command("list")
def topics_list() -> None:
    """Show the catalogue and, where a broker is set, what of it exists."""
    settings = load_settings()
    known = settings.kafka_bootstrap_servers is not None
    existing = {s.topic.name: s.partitions for s in run(admin.states(settings))} if known else {}
    table = Table("topic", "direction", "key", "cleanup", "partitions", "summary")
    for topic in BY_NAME.values():
        found = existing.get(topic.name, 0)
        partitions = f"{found or 'missing'}" if known else f"({topic.partitions})"
        table.add_row(topic.name, topic.direction, topic.key, topic.cleanup, partitions, topic.summary)
    console.print(table)


@worker_app.command("run")
def worker_run(name: Annotated[WorkerName, typer.Argument(help="Which worker.")]) -> None:
    """Run a worker until SIGTERM; waits out a Kafka, Triton or Redis that is down."""
    settings = load_settings(**runtime.DEFAULTS.get(name.value, {}))
    require_kafka(settings)

    async def work() -> None:
        async with runtime.stop_on_signals() as stop:
            await runtime.run(name.value, settings, stop)

    run(work())


@publish_app.command("postings")
def publish_postings(
    file: Annotated[Path, typer.Argument(help="JSON Lines, plain or .gz.", exists=True, dir_okay=False)],
    rename: Rename = [],  # noqa: B006 - typer copies it
) -> None:
    """Validate postings and publish them to postings.v1; bad lines are named and left out (exit code 1)."""
    _publish(POSTINGS, file, rename)


@publish_app.command("cvs")
def publish_cvs(
    file: Annotated[Path, typer.Argument(help="JSON Lines, plain or .gz.", exists=True, dir_okay=False)],
    rename: Rename = [],  # noqa: B006 - typer copies it
) -> None:
    """Validate CVs and publish them to cvs.v1; bad lines are named and left out (exit code 1)."""
    _publish(CVS, file, rename)


@publish_app.command("queries")
def publish_queries(
    file: Annotated[Path, typer.Argument(help="JSON Lines, plain or .gz.", exists=True, dir_okay=False)],
    rename: Rename = ["query=text"],  # noqa: B006 - typer copies it
) -> None:
    """Validate queries and publish them to queries.v1; bad lines are named and left out (exit code 1)."""
    _publish(QUERIES, file, rename)


def _publish(topic: Topic, file: Path, rename: list[str]) -> None:
    settings = load_settings()
    require_kafka(settings)
    lines = list(_checked_rename(file, topic, rename))
    bad = _report(lines)
    run(publishing.publish(settings, topic, track(lines, f"publishing to {topic.name}", console=errors)))
    console.print(f"published {len(lines) - bad}, refused {bad}")
    raise typer.Exit(1 if bad else 0)


def _checked_rename(file: Path, topic: Topic, rename: list[str]) -> Iterator[Line]:
    try:
        return read_events(file, topic, parse_rename(rename))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--rename") from None


def _report(lines: Iterable[Line]) -> int:
    """Prints what is wrong with the bad lines; returns how many there are."""
    bad = 0
    for line in lines:
        for error in line.errors:
            key = f" ({line.key})" if line.key else ""
            errors.print(f"line {line.number}{key}: {error.field}: {error.message}", style="red", highlight=False)
        bad += bool(line.errors)
    return bad


@app.command("tail")
def tail_topic(
    topic: Annotated[str, typer.Argument(help="A topic of the catalogue.")],
    from_beginning: Annotated[bool, typer.Option(help="Start at the oldest record.")] = False,
    follow: Annotated[bool, typer.Option(help="Wait for more; else stop at the end.")] = True,
    json_lines: Annotated[bool, typer.Option("--json", help="One JSON object a line, as published.")] = False,
) -> None:
    """Show committed records as they come."""
    if topic not in BY_NAME:
        raise typer.BadParameter(f"known are {', '.join(BY_NAME)}", param_hint="TOPIC")
    settings = load_settings()
    require_kafka(settings)

    async def work() -> None:
        async for record in tail.read(settings, topic, from_beginning=from_beginning, follow=follow):
            if json_lines:
                sys.stdout.write(tail.as_json(record) + "\n")
                sys.stdout.flush()
            else:
                tail.show(record, console)

    run(work())


@app.command()
def extract(
    source: Annotated[Path, typer.Option("--in", help="Postings as JSON Lines, plain or .gz.", exists=True)],
    target: Annotated[Path, typer.Option("--out", help="Features as JSON Lines.")],
    rename: Rename = [],  # noqa: B006 - typer copies it
) -> None:
    """Postings to features without Kafka, through the same handler and Triton (embedded where TRITON_URL is unset)."""

    @asynccontextmanager
    async def extraction(settings: Settings) -> AsyncIterator[Extract]:
        async with postings.connect(settings) as (infer, student):
            yield partial(postings.extract, infer=infer, student=student)

    _extract(POSTINGS, source, target, rename, extraction)


@app.command()
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


@app.command()
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
    lines = _checked_rename(source, topic, rename)

    async def work(folder: Path) -> tuple[int, int]:
        good = bad = 0
        async with _embedded(settings, folder, "triton") as complete, extraction(complete) as extract_events:
            with target.open("w", encoding="utf-8") as out:
                async for line, features in offline.extract_lines(lines, extract_events):
                    if features is None:
                        bad += _report([line])
                    else:
                        good += 1
                        out.write(features.model_dump_json() + "\n")
        return good, bad

    with _scratch() as folder:
        good, bad = run(work(folder))
    console.print(f"extracted {good}, refused {bad}")
    raise typer.Exit(1 if bad else 0)


@bench_app.command("postings")
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
    lines = list(_checked_rename(file or demo.POSTINGS_FILE, POSTINGS, rename))

    async def work(folder: Path) -> None:
        async with _embedded(settings, folder, "kafka", "triton") as complete:
            await bench.run(complete, lines, events=events, rounds=rounds, baseline=baseline, console=console)

    with _scratch() as folder:
        run(work(folder))


@bench_app.command("cvs")
def bench_cv_worker(
    file: Annotated[Path | None, typer.Option("--in", help="CVs to use; default: the bundled ones.")] = None,
    events: Annotated[int, typer.Option(min=1, help="How many CVs to stream in a round.")] = 200,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; medians are printed.")] = 3,
    rename: Rename = ["cv_id=id"],  # noqa: B006 - typer copies it
) -> None:
    """CVs/s end to end (Kafka, Triton, Kafka) and of a plain transformers loop, in one run (needs `train`)."""
    settings = load_settings(log_level="error", partitions=4)
    lines = list(_checked_rename(file or demo.CVS_FILE, CVS, rename))

    async def work(folder: Path) -> None:
        async with _embedded(settings, folder, "kafka", "triton") as complete:
            await bench_cvs.run(complete, lines, events=events, rounds=rounds, console=console)

    with _scratch() as folder:
        run(work(folder))


@bench_app.command("queries")
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
    lines = list(_checked_rename(file or demo.QUERIES_FILE, QUERIES, rename))

    async def work(folder: Path) -> None:
        async with _embedded(settings, folder, "kafka", "triton") as complete:
            await bench_queries.run(complete, lines, rates=rates, seconds=seconds, llm=llm, console=console)

    with _scratch() as folder:
        run(work(folder))


@bench_app.command("delivery")
def bench_exactly_once(
    events: Annotated[int, typer.Option(min=10, help="Backlog that each contender copies in a round.")] = 20_000,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; medians are printed.")] = 3,
    size: Annotated[int, typer.Option(min=1, help="Bytes of an event, about.")] = 500,
) -> None:
    """Events/s of the delivery engine, of a bare transactional loop and of Faust, all exactly once, in one run."""
    settings = load_settings(log_level="error", partitions=4)

    async def work(folder: Path) -> None:
        async with _embedded(settings, folder, "kafka") as complete:
            await bench_delivery.run(complete, events=events, rounds=rounds, size=size, console=console)

    with _scratch() as folder:
        run(work(folder))

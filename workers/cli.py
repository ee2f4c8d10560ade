"""The `talentstream` command. Each command reads settings from the environment; see `workers/settings.py`."""

import sys
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from topics.catalogue import BY_NAME
from workers import (
    admin,
    ask,
    bench_cli,
    demo,
    matching_cli,
    offline_cli,
    operations_cli,
    publish_cli,
    runtime,
    tail,
    titles,
)
from workers.terminal import console, embedded, errors, load_settings, require_kafka, run

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Recruitment events in, calibrated features out.")
topics_app = typer.Typer(no_args_is_help=True, help="The catalogue's topics on a cluster.")
worker_app = typer.Typer(no_args_is_help=True, help="Long-running workers.")
monitor_app = typer.Typer(no_args_is_help=True, help="Monitors, beside the delivery path.")
app.add_typer(topics_app, name="topics")
app.add_typer(worker_app, name="worker")
app.add_typer(monitor_app, name="monitor")
app.add_typer(publish_cli.app, name="publish")
app.add_typer(bench_cli.app, name="bench")
offline_cli.register(app)
operations_cli.register(app)
matching_cli.register(app, bench_cli.app)
app.command("titles")(titles.titles)
app.command("ask")(ask.ask)

WorkerName = StrEnum("WorkerName", {name: name for name in runtime.WORKERS})  # type: ignore[misc]
Folder = Annotated[
    Path | None, typer.Option(help="Keep the embedded servers' data here (default: TALENTSTREAM_DATA_DIR).")
]


@app.command("demo")
def run_demo(data_dir: Folder = None) -> None:
    """Stream the bundled postings through broker, worker and Triton and show what comes out."""
    settings = load_settings(partitions=4, log_level="error", log_format="console")

    async def work() -> int:
        async with embedded(settings, folder=data_dir) as complete:
            return await demo.run(complete, console)

    run(work())


@app.command()
def up(data_dir: Folder = None) -> None:
    """Run the embedded stack in the foreground, topics created, until Ctrl-C."""
    settings = load_settings(log_format="console")

    async def work() -> None:
        folder = data_dir or settings.data_dir
        async with runtime.stop_on_signals() as stop, embedded(settings, folder=folder) as complete:
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


@monitor_app.command("fairness")
def monitor_fairness() -> None:
    """Judge matches and recruiters' decisions by group until SIGTERM (one process; needs the `monitor` extra)."""
    settings = load_settings()
    require_kafka(settings)
    if find_spec("faust") is None:
        errors.print("[red]The monitor is a Faust app:[/] `uv sync --extra monitor` installs Faust.")
        raise typer.Exit(1)

    async def work() -> None:
        from workers.monitor import app as monitor  # imports Faust

        async with runtime.stop_on_signals() as stop:
            await monitor.run(settings, stop)

    run(work())


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

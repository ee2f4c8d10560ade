"""What the commands share: settings, embedded servers, files of events, and errors as one line to act on."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from aiokafka.errors import KafkaError
from pydantic import ValidationError
from rich.console import Console

from topics.catalogue import Topic
from workers import telemetry
from workers.embedded import EmbeddedError, EmbeddedStack, PartName
from workers.errors import WorkError
from workers.files import Line, parse_rename, read_events
from workers.settings import Settings

T = TypeVar("T")

Rename = Annotated[
    list[str], typer.Option("--rename", metavar="FROM=TO", help="Key of the file to the contract's, e.g. text=body.")
]

console = Console()
errors = Console(stderr=True)


def load_settings(**defaults: Any) -> Settings:
    """Settings from the environment over a command's own defaults."""
    try:
        settings = Settings()
    except ValidationError as error:
        for problem in error.errors(include_input=False):
            errors.print(f"[red]{' '.join(('setting', *map(str, problem['loc'])))}:[/] {problem['msg']}")
        raise typer.Exit(2) from None
    settings = settings.over(defaults)
    telemetry.configure_logging(settings)
    return settings


def run(work: Coroutine[Any, Any, T]) -> T:
    """Runs a command's work; errors that a user can act on become one line and exit code 1."""
    try:
        return asyncio.run(work)
    except (EmbeddedError, WorkError, KafkaError, OSError, ValueError) as error:
        errors.print(f"[red]{type(error).__name__}:[/] {str(error) or 'timed out'}", highlight=False)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def require_kafka(settings: Settings) -> None:
    """Ends the command where no broker is set."""
    if not settings.kafka_bootstrap_servers:
        errors.print("[red]KAFKA_BOOTSTRAP_SERVERS is not set.[/] `talentstream up` starts a broker and prints it.")
        raise typer.Exit(2)


@asynccontextmanager
async def embedded(settings: Settings, *wanted: PartName, folder: Path | None = None) -> AsyncIterator[Settings]:
    """The settings, with an embedded server for each wanted address that they do not give.

    Args:
        wanted: all three where none is named.
        folder: where the servers keep their data; else in one that is gone afterwards.
    """
    with ExitStack() as scratch:
        if folder is None:
            made = tempfile.TemporaryDirectory(prefix="talentstream-", ignore_cleanup_errors=True)
            folder = Path(scratch.enter_context(made))
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


def read_file(file: Path, topic: Topic, rename: list[str], option: str = "--rename") -> Iterator[Line]:
    """The events of a file, each checked by the topic's contract; `option` is what `rename` was given by."""
    try:
        return read_events(file, topic, parse_rename(rename))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def report(lines: Iterable[Line]) -> int:
    """Prints what is wrong with the bad lines; returns how many there are."""
    bad = 0
    for line in lines:
        for error in line.errors:
            key = f" ({line.key})" if line.key else ""
            errors.print(f"line {line.number}{key}: {error.field}: {error.message}", style="red", highlight=False)
        bad += bool(line.errors)
    return bad

"""What the commands share: settings from the environment, output, and errors that a user can act on as one line."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import typer
from aiokafka.errors import KafkaError
from pydantic import ValidationError
from rich.console import Console

from workers import telemetry
from workers.embedded import EmbeddedError
from workers.errors import WorkError
from workers.settings import Settings

T = TypeVar("T")

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

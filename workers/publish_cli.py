"""`talentstream publish …`: files of events to their topics."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track

from topics.catalogue import CV_GROUPS, CVS, OUTCOMES, POSTINGS, QUERIES, Topic
from workers import publish as publishing
from workers.terminal import Rename, console, errors, load_settings, read_file, report, require_kafka, run

app = typer.Typer(no_args_is_help=True, help="Publish files of events.")


@app.command("postings")
def publish_postings(
    file: Annotated[Path, typer.Argument(help="JSON Lines, plain or .gz.", exists=True, dir_okay=False)],
    rename: Rename = [],  # noqa: B006 - typer copies it
) -> None:
    """Validate postings and publish them to postings.v1; bad lines are named and left out (exit code 1)."""
    _publish(POSTINGS, file, rename)


@app.command("cvs")
def publish_cvs(
    file: Annotated[Path, typer.Argument(help="JSON Lines, plain or .gz.", exists=True, dir_okay=False)],
    rename: Rename = [],  # noqa: B006 - typer copies it
) -> None:
    """Validate CVs and publish them to cvs.v1; bad lines are named and left out (exit code 1)."""
    _publish(CVS, file, rename)


@app.command("queries")
def publish_queries(
    file: Annotated[Path, typer.Argument(help="JSON Lines, plain or .gz.", exists=True, dir_okay=False)],
    rename: Rename = ["query=text"],  # noqa: B006 - typer copies it
) -> None:
    """Validate queries and publish them to queries.v1; bad lines are named and left out (exit code 1)."""
    _publish(QUERIES, file, rename)


@app.command("groups")
def publish_groups(
    file: Annotated[Path, typer.Argument(help="JSON Lines, plain or .gz.", exists=True, dir_okay=False)],
    rename: Rename = [],  # noqa: B006 - typer copies it
) -> None:
    """Validate declared groups and publish them to cv-groups.v1, which is restricted, as postings are."""
    _publish(CV_GROUPS, file, rename)


@app.command("outcomes")
def publish_outcomes(
    file: Annotated[Path, typer.Argument(help="JSON Lines, plain or .gz.", exists=True, dir_okay=False)],
    rename: Rename = [],  # noqa: B006 - typer copies it
) -> None:
    """Validate recruiters' decisions and publish them to outcomes.v1, as postings are."""
    _publish(OUTCOMES, file, rename)


def _publish(topic: Topic, file: Path, rename: list[str]) -> None:
    settings = load_settings()
    require_kafka(settings)
    lines = list(read_file(file, topic, rename))
    bad = report(lines)
    run(publishing.publish(settings, topic, track(lines, f"publishing to {topic.name}", console=errors)))
    console.print(f"published {len(lines) - bad}, refused {bad}")
    raise typer.Exit(1 if bad else 0)

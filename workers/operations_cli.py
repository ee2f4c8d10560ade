"""The operators' commands: dead letters, replays, erasure."""

import json
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from topics.catalogue import FLOWS, Flow
from topics.query_shadow import QueryShadow
from workers import dlq, erase, replay, runtime
from workers.dlq import DeadLetter, Fate, Wanted
from workers.llm import shadow
from workers.replay import Summary, Where
from workers.settings import Settings
from workers.terminal import console, errors, load_settings, require_kafka, run

dlq_app = typer.Typer(no_args_is_help=True, help="Dead letters: inputs on which processing failed.")

FilterTopic = Annotated[str | None, typer.Option("--topic", help="Only inputs from this topic.")]
FilterError = Annotated[str | None, typer.Option("--error", help="Only where the exception's class contains this.")]
FilterKey = Annotated[str | None, typer.Option("--key", help="Only inputs with this key.")]
FilterSince = Annotated[str | None, typer.Option("--since", metavar="TIME", help="Only letters since, in ISO 8601.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be published; publish nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON for scripts.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(dlq_app, name="dlq")
    app.command("replay")(replay_answers)
    app.command("erase")(erase_entity)
    app.command("shadow-report")(shadow_report)


@dlq_app.command("list")
def dlq_list(
    topic: FilterTopic = None,
    error: FilterError = None,
    key: FilterKey = None,
    since: FilterSince = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 100,
    json_lines: AsJson = False,
) -> None:
    """One line for each dead letter, oldest first; never its contents."""
    settings = _settings()
    wanted = Wanted(topic=topic, error=error, key=key, since_ms=_time(since, "--since"))
    letters = run(dlq.letters(settings, wanted))
    shown = letters[-limit:]
    if json_lines:
        for letter in shown:
            sys.stdout.write(json.dumps(_summary(letter), ensure_ascii=False) + "\n")
        return
    console.print(_table((letter, None) for letter in shown))
    console.print(f"{len(shown)} of {len(letters)}")


@dlq_app.command("show")
def dlq_show(letter_id: Annotated[str, typer.Argument(metavar="ID", help="As `dlq list` shows it.")]) -> None:
    """A dead letter with its headers, original bytes and stack trace: all of it, personal data included."""
    _check_ids([letter_id])
    (letter,) = _known(run(dlq.letters(_settings(), Wanted(ids=frozenset([letter_id])))), [letter_id])
    for name, value in _summary(letter).items():
        console.print(Text(f"{name:10} {value}"))
    for name, raw in letter.original.headers:
        console.print(Text(f"{name:10} {raw.decode('utf-8', 'replace')}", style="dim"))
    original = (letter.original.value or b"").decode("utf-8", "replace")
    try:
        console.print_json(original)
    except ValueError:
        console.print(Text(original))
    console.print(Text(letter.stack))


@dlq_app.command("replay")
def dlq_replay(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="As `dlq list` shows them.")] = None,
    topic: FilterTopic = None,
    error: FilterError = None,
    key: FilterKey = None,
    since: FilterSince = None,
    everything: Annotated[bool, typer.Option("--all", help="Every dead letter.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Publish inputs again to where they came from, as they were; those superseded or answered since are left out."""
    if not (ids or everything or topic or error or key or since):
        raise typer.BadParameter("name dead letters by ID, by a filter, or --all", param_hint="ID")
    _check_ids(ids or [])
    settings = _settings()
    wanted = Wanted(frozenset(ids or []), topic, error, key, _time(since, "--since"))

    async def work() -> list[tuple[DeadLetter, Fate]]:
        letters = _known(await dlq.letters(settings, wanted), ids or [])
        with Progress(console=errors, transient=True) as progress:
            task = progress.add_task("replaying", total=None)
            return await dlq.replay_letters(
                settings, letters, dry_run=dry_run, on_published=lambda: progress.advance(task)
            )

    fates = run(work())
    console.print(_table(fates))
    counts = {fate: sum(f is fate for _, f in fates) for fate in Fate}
    done = "would replay" if dry_run else "replayed"
    console.print(
        f"{done} {counts[Fate.replay]}, superseded {counts[Fate.superseded]}, answered since {counts[Fate.answered]}"
    )
    if counts[Fate.no_flow]:
        errors.print(f"[red]{counts[Fate.no_flow]} come from topics that no worker reads[/]", highlight=False)
        raise typer.Exit(1)


def replay_answers(
    topic: Annotated[str, typer.Argument(help="An input topic, or one made from it.")],
    where: Annotated[Where, typer.Option(help="Which answers to make anew.")],
    start: Annotated[
        str, typer.Option("--from", metavar="TIME", help="Answered since: `beginning` or a time in ISO 8601.")
    ] = "beginning",
    dry_run: DryRun = False,
) -> None:
    """Have answers made anew: publish the newest input of each chosen key again."""
    flow = _flow_of(topic)
    since_ms = 0 if start == "beginning" else _time(start, "--from")
    settings = _settings()

    async def work() -> Summary:
        made_by = await runtime.MADE_BY[flow.worker](settings) if where is Where.stale_model else ""
        answered = await replay.entries(settings, flow, since_ms=since_ms)
        keys = {key for key, entry in answered.items() if replay.is_chosen(entry, where, made_by)}
        with Progress(console=errors) as progress:
            task = progress.add_task(f"replaying to {flow.source.name}", total=len(keys))
            return await replay.replay(
                settings, flow, keys, dry_run=dry_run, on_published=lambda: progress.advance(task)
            )

    summary = run(work())
    console.print(", ".join(f"{name} {count}" for name, count in asdict(summary).items()))


def erase_entity(
    entity: Annotated[str, typer.Argument(help=f"One of: {', '.join(flow.entity for flow in FLOWS)}.")],
    entity_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, the key of its records.")],
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for the worker.")] = 60.0,
    as_json: AsJson = False,
) -> None:
    """Erase an entity everywhere and print a receipt; a worker must be running. Exit code 1 while any is pending."""
    flow = next((flow for flow in FLOWS if flow.entity == entity), None)
    if flow is None:
        raise typer.BadParameter(f"known are {', '.join(flow.entity for flow in FLOWS)}", param_hint="ENTITY")
    settings = _settings()

    async def work() -> erase.Receipt | None:
        found = await erase.find(settings, flow, entity_id.encode())
        return await erase.erase(settings, flow, entity_id, found, timeout) if found.live else None

    receipt = run(work())
    if receipt is None:
        console.print(f"nothing found of {entity} {entity_id}", highlight=False)
        return
    if as_json:
        sys.stdout.write(json.dumps(asdict(receipt) | {"pending": receipt.pending}, ensure_ascii=False) + "\n")
    else:
        _show_receipt(receipt)
    if receipt.pending:
        errors.print(
            f"[red]pending:[/] {', '.join(receipt.pending)}; is a worker running? Erase again to go on.",
            highlight=False,
        )
        raise typer.Exit(1)


def shadow_report() -> None:
    """How an LLM in the query student's shadow does: agreement by field, time, failures (TALENTSTREAM_QUERY_ENGINE)."""
    settings = _settings()

    async def read() -> list[QueryShadow]:
        return [report async for report in shadow.reports(settings)]

    found = run(read())
    if not found:
        console.print("no reports; TALENTSTREAM_QUERY_ENGINE=shadow makes them")
        return
    for table in shadow.tables(found):
        console.print(table)


def _settings() -> Settings:
    settings = load_settings(log_level="error", log_format="console")
    require_kafka(settings)
    return settings


def _flow_of(topic: str) -> Flow:
    flows = {t.name: flow for flow in FLOWS for t in (*flow.derived, flow.source)}
    if topic not in flows:
        raise typer.BadParameter(f"known are {', '.join(flows)}", param_hint="TOPIC")
    return flows[topic]


def _time(text: str | None, option: str) -> int:
    """Milliseconds; a time without a zone is UTC's."""
    if text is None:
        return 0
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        message = f"{text!r} is no time in ISO 8601, e.g. 2026-11-26T09:00Z"
        raise typer.BadParameter(message, param_hint=option) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _check_ids(ids: list[str]) -> None:
    for letter_id in ids:
        partition, _, offset = letter_id.partition("/")
        if not (partition.isdecimal() and offset.isdecimal()):
            raise typer.BadParameter(f"{letter_id!r} is not PARTITION/OFFSET", param_hint="ID")


def _known(letters: list[DeadLetter], ids: list[str]) -> list[DeadLetter]:
    if missing := set(ids) - {letter.id for letter in letters}:
        errors.print(f"[red]no such dead letter:[/] {', '.join(sorted(missing))}", highlight=False)
        raise typer.Exit(1)
    return letters


def _summary(letter: DeadLetter) -> dict[str, str]:
    at = datetime.fromtimestamp(letter.original.timestamp_ms / 1000, UTC).isoformat(timespec="seconds")
    return {"id": letter.id, "key": letter.key, "source": letter.original.identity, "error": letter.error, "at": at}


def _table(found: Iterable[tuple[DeadLetter, Fate | None]]) -> Table:
    rows = list(found)
    fated = any(fate is not None for _, fate in rows)
    table = Table("id", "key", "source", "error", "age", *(["replay"] if fated else []))
    for letter, fate in rows:
        age = _age(time.time() - letter.original.timestamp_ms / 1000)
        cells = (letter.id, letter.key, letter.original.identity, letter.error, age, *([fate] if fate else []))
        table.add_row(*map(Text, cells))
    return table


def _age(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def _show_receipt(receipt: erase.Receipt) -> None:
    table = Table("topic", "records", "tombstone", "state", "bytes gone by", title=f"{receipt.entity} {receipt.id}")
    for row in receipt.rows:
        table.add_row(row.topic, str(row.records), row.tombstone or "", row.state, row.gone_by or "")
    console.print(table)
    console.print("no cache set" if receipt.cached is None else f"cached results removed: {receipt.cached}")

"""`talentstream ask`: one query, understood, for a person to look at."""

from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from topics.queries import CriterionType, Profile, Query, QueryUnderstanding, ToolCall
from workers import queries
from workers.settings import Settings
from workers.terminal import console, embedded, errors, load_settings, run

COLOURS: dict[CriterionType, str] = {
    "title": "black on cyan",
    "skill": "black on green",
    "company": "black on magenta",
    "location": "black on yellow",
    "industry": "black on bright_cyan",
    "work_arrangement": "white on blue",
    "employment_type": "white on dark_green",
    "seniority": "black on bright_magenta",
    "salary": "black on bright_yellow",
    "experience_years": "black on orange1",
    "education": "white on purple",
    "date_posted": "black on grey70",
    "schedule": "black on turquoise2",
    "benefit": "black on pink1",
}


def ask(
    text: Annotated[str, typer.Argument(help="As typed into a job search box.")],
    profile: Annotated[
        str | None, typer.Option(help='The searcher\'s, as JSON: \'{"title": …, "updated_at": "2026-01-31"}\'.')
    ] = None,
    locale: Annotated[str | None, typer.Option(help="BCP 47, of the site.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The understanding as published.")] = False,
) -> None:
    """Understand one query and show what was read, through Triton (embedded where TRITON_URL is unset)."""
    settings = load_settings(log_level="error")
    try:
        known = Profile.model_validate_json(profile) if profile is not None else None
        query = Query(id="ask", text=text, locale=locale, profile=known)
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_context=False, include_input=False):
            errors.print(f"{'.'.join(map(str, problem['loc'])) or 'profile'}: {problem['msg']}", style="red")
        raise typer.Exit(2) from None
    understanding = run(_understood(settings, query))
    if as_json:
        console.print_json(understanding.model_dump_json())
    else:
        show(query.text, understanding, console)


async def _understood(settings: Settings, query: Query) -> QueryUnderstanding:
    async with embedded(settings, "triton") as complete, queries.reader(complete) as read:
        return (await read([query]))[0]


def show(text: str, understanding: QueryUnderstanding, console: Console) -> None:
    """The query with its criteria coloured by type, then all that was read in it."""
    console.print(panel(text, understanding))


def panel(text: str, understanding: QueryUnderstanding) -> Panel:
    """As :func:`show` prints it."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="cyan", no_wrap=True)
    facts.add_column(ratio=1)
    facts.add_column(justify="right", no_wrap=True)
    for name in ("intent", "language", "rewrite"):
        feature = getattr(understanding, name)
        facts.add_row(name, Text(feature.value, style="bold"), f"{feature.confidence:.2f}")
    for criterion in understanding.criteria:
        kind = Text(criterion.type, style=COLOURS[criterion.type])
        value = Text.assemble(("not ", "red") if criterion.negated else "", (criterion.value, "bold"))
        facts.add_row(kind, value, f"{criterion.confidence:.2f}")
    if understanding.missing:
        facts.add_row("missing", Text(", ".join(understanding.missing), style="red"), "")
    if understanding.stale_profile:
        facts.add_row("profile", Text("older than two years", style="yellow"), "")
    if understanding.facets:
        facets = ", ".join(f"{facet.type}: {facet.value}" for facet in understanding.facets)
        facts.add_row("facets", Text(facets, style="dim"), "")
    for call in understanding.tool_calls:
        facts.add_row("→", Text(_shown(call), style="dim"), "")
    body = Group(_coloured(text, understanding), Text(), facts)
    return Panel(body, title=f"{understanding.id}  {understanding.engine}", title_align="left")


def _coloured(text: str, understanding: QueryUnderstanding) -> Text:
    coloured = Text(text)
    for criterion in understanding.criteria:
        style = f"{COLOURS[criterion.type]} strike" if criterion.negated else COLOURS[criterion.type]
        coloured.stylize(style, criterion.start, criterion.end)
    return coloured


def _shown(call: ToolCall) -> str:
    return f"{call.tool}({call.arguments.model_dump_json(exclude={'criteria'})})"

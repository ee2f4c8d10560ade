"""Figures with their intervals, and tables of them in Markdown."""

from dataclasses import dataclass

from models.measuring import Figure


@dataclass(frozen=True, slots=True)
class Table:
    """Figures by means and metric, over so many queries."""

    name: str
    queries: int
    rows: dict[str, dict[str, Figure]]


def table_lines(table: Table) -> list[str]:
    """Markdown."""
    metrics = list(next(iter(table.rows.values())))
    lines = [f"| {table.name} ({table.queries}) | " + " | ".join(metrics) + " |", "|---" * (len(metrics) + 1) + "|"]
    for means, figures in table.rows.items():
        lines.append(f"| {means} | " + " | ".join(str(figures[metric]) for metric in metrics) + " |")
    return [*lines, ""]

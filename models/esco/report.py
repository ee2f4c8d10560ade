"""Figures with their intervals, and tables of them in Markdown."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from models.postings.report import Figure

__all__ = ["Figure", "Table", "mean", "table_lines"]

_SAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Table:
    """Figures by means and metric, over so many queries."""

    name: str
    queries: int
    rows: dict[str, dict[str, Figure]]


def mean(values: ArrayLike) -> Figure:
    """A mean with its 95 % bootstrap interval; the same values give the same interval."""
    own = np.asarray(values, np.float64)
    if not len(own):
        return Figure(float("nan"), float("nan"), float("nan"))
    drawn = np.random.default_rng(0).integers(0, len(own), (_SAMPLES, len(own)))
    low, high = np.percentile(own[drawn].mean(axis=1), [2.5, 97.5])
    return Figure(float(own.mean()), float(low), float(high))


def table_lines(table: Table) -> list[str]:
    """Markdown."""
    metrics = list(next(iter(table.rows.values())))
    lines = [f"| {table.name} ({table.queries}) | " + " | ".join(metrics) + " |", "|---" * (len(metrics) + 1) + "|"]
    for means, figures in table.rows.items():
        lines.append(f"| {means} | " + " | ".join(str(figures[metric]) for metric in metrics) + " |")
    return [*lines, ""]

"""The model card, from the figures of an evaluation."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_HEAD = ""


def write(
    path: Path,
    lines: Sequence[str],
    ablation: Sequence[str],
    training: Mapping[str, Any],
    counts: Mapping[str, int],
    size: float,
) -> None:
    """x."""
    path.write_text(_HEAD + "\n".join(lines), "utf-8")

"""Trains the CV student on CVs and labels of your own.

    python -m models.cvs.train --cvs cvs.jsonl.gz --labels labels.jsonl --reserved ids.txt --out run

CVs: JSON lines (or .jsonl.gz), each with `cv_id` and `text`. Labels: JSON lines with the annotation guide's keys.
Reserved: ids, one a line, that must not occur among the labels. The composed CVs of this folder are learned from as
well. The result is a folder for `python -m models.cvs.export`.
"""

import argparse
import dataclasses
import json
import logging
import random
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from models.assets import TOKENIZER, load_tokenizer
from models.cvs import augment, data, written
from models.cvs.data import Example
from models.cvs.labels import CHOICES, OUTSIDE, TAGS, choice_slices, sector_slice
from models.cvs.network import Network
from models.cvs.preparing import Unit, windows
from models.cvs.sections import lines
from models.datasets import IGNORE
from models.training import batches, default_base, descend, how_made, padded, padded_tags

log = logging.getLogger(__name__)

# Of the machine that trained, not of the model.
PATHS = ("cvs", "labels", "out", "reserved", "base", "start")
_SECTOR_WEIGHT = 6.0
_TAG_WEIGHT = 1.5


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that a run depends on besides its data.

    Attributes:
        start: an earlier run to go on from.
        layers: how many of the base's first layers are kept.
        real_share: how many of the real CVs are seen in each epoch, drawn anew; the composed ones always are.
        elsewhere: weight of choices in windows that do not show the current job.
    """

    cvs: Path
    labels: tuple[Path, ...]
    out: Path
    reserved: Path | None = None
    base: str | None = None
    start: Path | None = None
    layers: int = 4
    epochs: int = 4
    real_share: float = 1.0
    batch_tokens: int = 2_400
    encoder_rate: float = 2e-4
    head_rate: float = 2e-3
    elsewhere: float = 0.2
    window_weight: float = 0.5
    bf16: bool = False
    threads: int = 1
    seed: int = 0
    steps: int | None = field(default=None, metadata={"help": "stop after so many steps (smoke tests)"})


@dataclass(frozen=True, slots=True)
class Row:
    """One training input with its targets."""

    unit: Unit
    tags: list[int]
    choices: dict[str, int]
    sectors: list[float]
    weight: float


def train(config: Config) -> Path:
    """Trains on the training part and the composed CVs; writes encoder, heads, tokenizer and configuration."""
    started = time.monotonic()
    random.seed(config.seed)
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    base = Path(config.base) if config.base else default_base()
    parts = data.split(data.load(config.cvs, config.labels, config.reserved))
    composed = written.examples("train")
    log.info("CVs: %s, composed: %d", {part: len(items) for part, items in parts.items()}, len(composed))
    config.out.mkdir(parents=True, exist_ok=True)
    shutil.copy(base / TOKENIZER, config.out / TOKENIZER)
    tokenizer = load_tokenizer(config.out / TOKENIZER)
    network = Network(base, range(config.layers))
    if config.start:
        network.take(config.start)
    fit(network, [*parts["train"], *composed], tokenizer, config)
    network.save(config.out)
    kept = {name: value for name, value in dataclasses.asdict(config).items() if name not in PATHS}
    kept |= {"base": "all-MiniLM-L6-v2" if config.base is None else Path(config.base).name}
    kept |= {"train_cvs": len(parts["train"]), "composed_cvs": len(composed)}
    kept["hours"] = round((time.monotonic() - started) / 3600, 2)
    if config.start:
        kept["start"] = how_made(config.start)
    (config.out / "config.json").write_text(json.dumps(kept, indent=2) + "\n", "utf-8")
    return config.out


def make_rows(item: Example, tokenizer: Tokenizer, elsewhere: float) -> list[Row]:
    """One row a window."""
    current = item.label["current_title"]
    rows: list[Row] = []
    for unit in windows(item.text, lines(item.text), tokenizer):
        tags = data.token_tags(unit, item)
        shows_job = current is not None and any(
            mark.entity == "title"
            and unit.start <= mark.start < unit.end
            and item.text[mark.start : mark.end].casefold() == current.casefold()
            for mark in item.marks
        )
        weight = 1.0 if shows_job or not rows else elsewhere
        rows.append(Row(unit, tags, data.window_choices(item.label), data.sector_targets(item), weight))
    return rows


def _epoch(examples: Sequence[Example], tokenizer: Tokenizer, config: Config, number: int) -> list[list[Row]]:
    # The first epoch sees the CVs as they are, each further one another variant of them.
    draw = random.Random(config.seed * 1_000 + number)
    seen = [
        item if item.written or (number == 0 and not config.start) else augment.variant(item, draw)
        for item in examples
        if item.written or draw.random() < config.real_share
    ]
    rows = [row for item in seen for row in make_rows(item, tokenizer, config.elsewhere)]
    return batches(rows, lambda row: len(row.unit.token_ids), config.batch_tokens)


def fit(network: Network, examples: Sequence[Example], tokenizer: Tokenizer, config: Config) -> None:
    """The training loop."""
    network.encoder.embeddings.requires_grad_(False)
    encoder = [p for p in network.encoder.parameters() if p.requires_grad]
    heads = [*network.window.parameters(), *network.token.parameters()]
    optimizer = torch.optim.AdamW(
        [{"params": encoder}, {"params": heads}], lr=config.encoder_rate, weight_decay=0.01, fused=True
    )
    weights = choice_weights(examples)
    started = time.monotonic()
    schedule: torch.optim.lr_scheduler.OneCycleLR | None = None
    network.train()
    for number in range(config.epochs):
        own = _epoch(examples, tokenizer, config, number)
        if schedule is None:
            # The number of batches of an epoch hangs on chance; a little room at the end.
            schedule = torch.optim.lr_scheduler.OneCycleLR(
                optimizer,
                [config.encoder_rate, config.head_rate],
                total_steps=int(1.1 * config.epochs * len(own)) + 10,
                pct_start=0.1,
            )
        losses = []
        for step, batch in enumerate(own):
            if step == config.steps:
                break
            with torch.autocast("cpu", torch.bfloat16, enabled=config.bf16):
                window, token = network(*padded([row.unit.token_ids for row in batch]))
            value = loss(window.float(), token.float(), batch, weights, config.window_weight)
            descend(value, network, optimizer)
            if schedule.last_epoch < schedule.total_steps - 1:
                schedule.step()
            losses.append(value.item())
            if step % 25 == 0:
                log.info("epoch %d, %d/%d: loss %.3f, %.0f s", number, step, len(own), np.mean(losses[-25:]),
                         time.monotonic() - started)  # fmt: skip
    network.eval()


def choice_weights(examples: Sequence[Example]) -> dict[str, Tensor]:
    """Square root of inverse frequency, between a half and three: rare classes are what training lacks."""
    weights = {}
    for name, classes in CHOICES.items():
        counts = np.bincount([classes.index(item.label[name]) for item in examples], minlength=len(classes))
        values = np.clip(np.sqrt(counts.mean() / np.maximum(1, counts)), 0.5, 3.0)
        weights[name] = torch.tensor(values, dtype=torch.float32)
    return weights


def loss(
    window: Tensor, token: Tensor, batch: Sequence[Row], weights: dict[str, Tensor], window_weight: float
) -> Tensor:
    """Cross-entropy of the tags, plus that of choices and sectors by the windows' weights."""
    tag_weights = torch.full((len(TAGS),), _TAG_WEIGHT)
    tag_weights[OUTSIDE] = 1.0
    tags = padded_tags([row.tags for row in batch])
    value = 4.0 * cross_entropy(token.flatten(0, 1), tags.flatten(), weight=tag_weights, ignore_index=IGNORE)
    row_weights = torch.tensor([row.weight for row in batch])
    for name, part in choice_slices().items():
        target = torch.tensor([row.choices[name] for row in batch])
        each = cross_entropy(window[:, part], target, weight=weights[name], reduction="none")
        value = value + window_weight * (each * row_weights).sum() / len(batch)
    sectors = torch.tensor([row.sectors for row in batch])
    each = binary_cross_entropy_with_logits(
        window[:, sector_slice()], sectors, pos_weight=torch.tensor(_SECTOR_WEIGHT), reduction="none"
    )
    return value + window_weight * (each.sum(-1) * row_weights.sqrt()).sum() / len(batch) / 3


def parse(arguments: Sequence[str] | None = None) -> Config:
    """Command line to configuration."""
    defaults = {f.name: f.default for f in dataclasses.fields(Config)}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cvs", type=Path, required=True)
    parser.add_argument("--labels", type=Path, nargs="+", required=True)
    parser.add_argument("--reserved", type=Path, help="ids that must not be trained on")
    parser.add_argument("--base", help="folder of a Hugging Face encoder (default: the packaged all-MiniLM-L6-v2)")
    parser.add_argument("--start", type=Path, help="folder of an earlier run, or of an exported student, to go on from")
    parser.add_argument("--out", type=Path, required=True)
    for name in ("layers", "epochs", "seed", "threads", "batch_tokens", "steps"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=defaults[name])
    for name in ("real_share", "encoder_rate", "head_rate", "elsewhere", "window_weight"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=defaults[name])
    parser.add_argument("--bf16", action="store_true", help="autocast, where the processor has bfloat16")
    options = vars(parser.parse_args(arguments))
    return Config(**options | {"labels": tuple(options["labels"])})


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    train(parse())

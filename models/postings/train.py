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
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from models.assets import TOKENIZER, load_tokenizer
from models.datasets import IGNORE
from models.postings import data, filtering, labels
from models.postings.data import Example
from models.postings.labels import HEADS, POSTING_HEADS, SENTENCE_HEADS, SHOWN, TAGS, head_slices
from models.postings.network import Network, pooled
from models.postings.preparing import Unit, tokenize
from models.postings.retrieval import Retriever
from models.postings.student import RETRIEVER
from models.training import default_base, descend, how_made, padded

log = logging.getLogger(__name__)

_SHOWN_WEIGHT = 2.0
_RATES = (
    "encoder_rate", "head_rate", "silence_weight", "token_weight", "posting_weight", "evidence_recall",
)  # fmt: skip
# Of the machine that trained, not of the model.
PATHS = ("postings", "labels", "out", "reserved", "base", "start")


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that a run depends on besides its data."""

    postings: Path
    labels: tuple[Path, ...]
    out: Path
    reserved: Path | None = None
    base: Path | None = None
    start: Path | None = None
    held_out: tuple[str, ...] = ()
    epochs: int = 3
    batch_postings: int = 8
    batch_tokens: int = 1_600
    encoder_rate: float = 1.5e-4
    head_rate: float = 1.5e-3
    silence_weight: float = 0.3
    token_weight: float = 1.0
    posting_weight: float = 1.0
    evidence_recall: float = 0.985
    max_evidence: int = 16
    max_skill: int = 3
    bf16: bool = False
    threads: int = 2
    seed: int = 0
    steps: int | None = field(default=None, metadata={"help": "stop after so many steps (smoke tests)"})


@dataclass(frozen=True, slots=True)
class Row:
    """One unit with its targets: head to class, head to weight, of each token its tag and what it shows."""

    unit: Unit
    classes: dict[str, int]
    weights: dict[str, float]
    tags: list[int]
    shows: list[list[int]]


@dataclass(frozen=True, slots=True)
class Case:
    """One posting: its sentences, and the class of each head for the whole."""

    rows: list[Row]
    classes: dict[str, int]


def train(config: Config) -> Path:
    """Trains on the training part and writes encoder, heads, tokenizer, retriever and configuration."""
    started = time.monotonic()
    random.seed(config.seed)
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    parts = data.split(data.load(config.postings, config.labels, config.reserved), config.held_out)
    log.info("postings: %s", {part: len(items) for part, items in parts.items()})
    config.out.mkdir(parents=True, exist_ok=True)
    base = config.start or config.base or default_base()
    learning = [*parts["train"], *data.written()]
    tuning = parts["calibration"] or parts["train"]
    retriever = filtering.from_labels(learning, tuning, config.evidence_recall, config.max_evidence, config.max_skill)
    retriever.save(config.out / RETRIEVER)
    shutil.copy(base / TOKENIZER, config.out / TOKENIZER)
    tokenizer = load_tokenizer(config.out / TOKENIZER)

    network = Network(config.base or default_base())
    if config.start:
        network.take(config.start)
    cases = make_cases(learning, retriever, tokenizer, config)
    log.info("postings: %d, sentences: %d", len(cases), sum(len(case.rows) for case in cases))
    fit(network, cases, config)
    network.save(config.out)
    kept = {name: value for name, value in dataclasses.asdict(config).items() if name not in PATHS}
    kept |= {"base": config.base.name if config.base else "all-MiniLM-L6-v2"}
    if config.start:
        kept["start"] = how_made(config.start)
    kept |= {"train_postings": len(parts["train"]), "written_cases": len(learning) - len(parts["train"])}
    kept["hours"] = round((time.monotonic() - started) / 3600, 1)
    (config.out / "config.json").write_text(json.dumps(kept, indent=2) + "\n", "utf-8")
    return config.out


def make_cases(examples: Sequence[Example], retriever: Retriever, tokenizer: Tokenizer, config: Config) -> list[Case]:
    """Of each posting its header, all sentences with something to find, and all that the retriever would keep."""
    chosen = []
    for item in examples:
        kept = set(retriever.keep(item.doc.sentences))
        kept |= {i for i, marks in enumerate(item.sentence_labels[1:]) if any(value > 0 for value in marks.values())}
        chosen.append(sorted(kept))
    units = tokenize([item.doc for item in examples], chosen, tokenizer)
    return [
        Case(
            [_row(item, unit, i, config) for i, unit in zip([0, *(i + 1 for i in indices)], own, strict=True)],
            {head: labels.target_class(head, item.label[head]) for head in HEADS},
        )
        for item, indices, own in zip(examples, chosen, units, strict=True)
    ]


def _row(item: Example, unit: Unit, index: int, config: Config) -> Row:
    marks = item.sentence_labels[index]
    classes = marks | data.posting_classes(item.label)
    # A posting may say a thing twice and the teacher quoted it once: silence is weak evidence there.
    weights = {h: config.silence_weight if h in item.stated and not marks[h] else 1.0 for h in SENTENCE_HEADS}
    weights |= dict.fromkeys(POSTING_HEADS, 0.2 if index else 1.0)
    return Row(unit, classes, weights, data.token_tags(unit, item, marks), data.token_shows(unit, item))


def fit(network: Network, cases: Sequence[Case], config: Config) -> None:
    """The training loop: a few postings a step, all their sentences."""
    weights = sentence_weights([row for case in cases for row in case.rows]), posting_weights(cases)
    steps = config.epochs * -(-len(cases) // config.batch_postings)
    heads = [*network.sentence.parameters(), *network.token.parameters()]
    optimizer = torch.optim.AdamW(
        [{"params": network.encoder.parameters()}, {"params": heads}],
        lr=config.encoder_rate,
        weight_decay=0.01,
        fused=True,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [config.encoder_rate, config.head_rate], total_steps=max(steps, 10) + 1, pct_start=0.1
    )
    started = time.monotonic()
    step = 0
    network.train()
    for epoch in range(config.epochs):
        losses = []
        for batch in batches(cases, config.batch_postings):
            value = loss(network, batch, *weights, config)
            descend(value, network, optimizer)
            schedule.step()
            losses.append(value.item())
            step += 1
            if step == config.steps:
                break
        log.info("epoch %d: loss %.3f, %.0f s", epoch, float(np.mean(losses)), time.monotonic() - started)
        if step == config.steps:
            break
    network.eval()


def sentence_weights(rows: Sequence[Row]) -> dict[str, Tensor]:
    """Square root of inverse frequency, at most 8 (posting heads: 4): the rare classes are what training lacks."""
    weights = {}
    for head, classes in HEADS.items():
        counts = np.bincount([row.classes[head] for row in rows if row.classes[head] >= 0], minlength=len(classes))
        if head in SENTENCE_HEADS:
            values = [1.0, *np.minimum(8.0, np.sqrt(len(rows) / 2 / np.maximum(1, counts[1:])))]
        else:
            values = list(np.clip(np.sqrt(counts.mean() / np.maximum(1, counts)), 0.5, 4.0))
        weights[head] = torch.tensor(values, dtype=torch.float32)
    return weights


def posting_weights(cases: Sequence[Case]) -> dict[str, Tensor]:
    """The same for the postings' classes, at most 3."""
    weights = {}
    for head, classes in HEADS.items():
        counts = np.bincount([case.classes[head] for case in cases], minlength=len(classes))
        values = np.clip(np.sqrt(counts.mean() / np.maximum(1, counts)), 0.5, 3.0)
        weights[head] = torch.tensor(values, dtype=torch.float32)
    return weights


def loss(
    network: Network,
    batch: Sequence[Case],
    of_sentences: dict[str, Tensor],
    of_postings: dict[str, Tensor],
    config: Config,
) -> Tensor:
    """Weighted cross-entropy of sentences and of postings, summed over heads, plus that of tags and shown words."""
    rows = [row for case in batch for row in case.rows]
    scores, tokens = _read(network, rows, config)
    tags = torch.tensor([tag for row in rows for tag in row.tags])
    shows = torch.tensor([show for row in rows for show in row.shows])
    inside = shows[:, 0] != IGNORE
    value = cross_entropy(
        tokens[:, : len(TAGS)], tags, weight=torch.tensor([1.0, 2.0, 4.0, 4.0][: len(TAGS)]), ignore_index=IGNORE
    )
    value = value + len(SHOWN) * binary_cross_entropy_with_logits(
        tokens[inside][:, len(TAGS) :], shows[inside].float(), pos_weight=torch.tensor(_SHOWN_WEIGHT)
    )
    value = config.token_weight * value
    owner = torch.tensor([i for i, case in enumerate(batch) for _ in case.rows])
    votes = pooled(scores, owner, len(batch))
    for head, part in head_slices().items():
        target = torch.tensor([row.classes[head] for row in rows])
        importance = torch.tensor([row.weights[head] for row in rows])
        each = cross_entropy(scores[:, part], target, weight=of_sentences[head], ignore_index=IGNORE, reduction="none")
        value = value + (each * importance).sum() / len(rows)
        whole = torch.tensor([case.classes[head] for case in batch])
        each = cross_entropy(votes[:, part], whole, weight=of_postings[head], reduction="none")
        value = value + config.posting_weight * each.mean()
    return value


def _read(network: Network, rows: Sequence[Row], config: Config) -> tuple[Tensor, Tensor]:
    """Scores of sentences, `(rows, S)`, and of their tokens in order, `(all tokens, K)`; like lengths run together."""
    order = sorted(range(len(rows)), key=lambda i: -len(rows[i].unit.token_ids))
    scores: dict[int, Tensor] = {}
    tokens: dict[int, Tensor] = {}
    while order:
        count = max(1, config.batch_tokens // len(rows[order[0]].unit.token_ids))
        chunk, order = order[:count], order[count:]
        with torch.autocast("cpu", torch.bfloat16, enabled=config.bf16):
            sentence, token = network(*padded([rows[i].unit.token_ids for i in chunk]))
        scores |= dict(zip(chunk, sentence.float(), strict=True))
        tokens |= {i: own[: len(rows[i].unit.token_ids)] for i, own in zip(chunk, token.float(), strict=True)}
    own_order = range(len(rows))
    return torch.stack([scores[i] for i in own_order]), torch.cat([tokens[i] for i in own_order])


def batches(cases: Sequence[Case], count: int) -> list[list[Case]]:
    """Shuffled batches of `count` postings; the last may be smaller."""
    shuffled = random.sample(list(cases), len(cases))
    return [shuffled[start : start + count] for start in range(0, len(shuffled), count)]


def parse(arguments: Sequence[str] | None = None) -> Config:
    """Command line to configuration."""
    defaults = {f.name: f.default for f in dataclasses.fields(Config)}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--postings", type=Path, required=True)
    parser.add_argument(
        "--labels", type=Path, nargs="+", required=True, help="a random sample; then files chosen to learn from"
    )
    parser.add_argument("--reserved", type=Path, help="ids that must not be trained on")
    parser.add_argument(
        "--base", type=Path, help="folder of a Hugging Face encoder (default: the packaged all-MiniLM-L6-v2)"
    )
    parser.add_argument("--start", type=Path, help="folder of an earlier run, or of an exported student, to go on from")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--held-out", nargs="*", default=(), help="sources kept out of training as a whole")
    for name in ("epochs", "seed", "threads", "max_evidence", "max_skill", "batch_postings", "batch_tokens", "steps"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=defaults[name])
    for name in _RATES:
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=defaults[name])
    parser.add_argument("--bf16", action="store_true", help="autocast, where the processor has bfloat16")
    options = vars(parser.parse_args(arguments))
    return Config(**options | {name: tuple(options[name]) for name in ("held_out", "labels")})


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    train(parse())

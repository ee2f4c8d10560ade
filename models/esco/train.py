"""Trains the text embedder, contrastively, on the taxonomy's own labels and descriptions and on postings' titles.

    python -m models.esco.train --taxonomy esco/v1.1.1 esco/v1.2 --postings postings.jsonl.gz --out run

Taxonomy: folders of the official CSVs; with `ISCOGroups_en.csv` in one of them, the titles of ISCO groups are learned
too. Postings (optional): JSON lines with `id`, `title`, `text`; reserved: ids, one a line, that are left out. Loss:
InfoNCE in both directions with in-batch negatives (van den Oord 2018; Henderson 2017), batches of concepts that are
alike. At the end the weights are averaged with the base's (Wortsman 2022, WiSE-FT), which keeps what it knew of other
texts. The result is a folder for `python -m models.esco.export`.
"""

import argparse
import dataclasses
import json
import logging
import random
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import cross_entropy

from models.assets import TOKENIZER
from models.datasets import read_lines
from models.esco import pairs
from models.esco.network import Embedder
from models.esco.pairs import Pair
from models.esco.taxonomy import Taxonomy, read_groups
from models.text.cleaning import clean
from models.training import default_base, descend

log = logging.getLogger(__name__)

_SCALE = 20.0
# Of the machine that trained, not of the model.
PATHS = ("taxonomy", "postings", "reserved", "out", "base")


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that a run depends on besides its data."""

    taxonomy: tuple[Path, ...]
    out: Path
    postings: Path | None = None
    reserved: Path | None = None
    base: str | None = None
    epochs: int = 1
    batch: int = 128
    block: int = 8
    cluster: int = 16
    max_tokens: int = 48
    rate: float = 8e-5
    keep_base: float = 0.2
    max_postings: int = 4_000
    threads: int = 1
    seed: int = 0
    bf16: bool = False
    steps: int | None = field(default=None, metadata={"help": "stop after so many steps (smoke tests)"})


def train(config: Config) -> Path:
    """Trains and writes encoder, tokenizer and configuration."""
    started = time.monotonic()
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    chance = random.Random(config.seed)
    base = Path(config.base) if config.base else default_base()
    tokenizer = Tokenizer.from_file(str(base / TOKENIZER))
    tokenizer.enable_truncation(config.max_tokens)
    tokenizer.enable_padding()
    taxonomy = Taxonomy.load(*config.taxonomy)
    groups = {code: title for folder in config.taxonomy for code, title in read_groups(folder).items()}
    postings = _postings(config)
    network = Embedder(base)
    near = _near(taxonomy, network, tokenizer, config)
    epochs = [
        _batches([*pairs.epoch(taxonomy, groups, near, chance), *pairs.of_postings(postings, chance)], config, chance)
        for _ in range(config.epochs)
    ]
    log.info("%d concepts, %d postings, %d steps", len(near), len(postings), sum(map(len, epochs)))
    _fit(network, tokenizer, epochs, config)
    _average(network, Embedder(base), config.keep_base)
    config.out.mkdir(parents=True, exist_ok=True)
    network.encoder.save_pretrained(config.out / "encoder")
    shutil.copyfile(base / TOKENIZER, config.out / TOKENIZER)
    kept = {name: value for name, value in dataclasses.asdict(config).items() if name not in PATHS}
    kept |= {"base": "all-MiniLM-L6-v2" if config.base is None else Path(config.base).name}
    kept |= {"taxonomy": taxonomy.version, "pairs": sum(len(batch) for own in epochs for batch in own)}
    kept |= {"postings": len(postings), "minutes": round((time.monotonic() - started) / 60)}
    (config.out / "config.json").write_text(json.dumps(kept, indent=2) + "\n", "utf-8")
    return config.out


def _postings(config: Config) -> list[dict[str, str]]:
    if config.postings is None:
        return []
    reserved = set(config.reserved.read_text("utf-8").split()) if config.reserved else set()
    rows = [row for row in read_lines(config.postings) if row["id"] not in reserved]
    chosen = random.Random(config.seed).sample(rows, min(config.max_postings, len(rows)))
    return [{"id": row["id"], "title": row["title"], "text": clean(row["text"]).text} for row in chosen]


def _near(taxonomy: Taxonomy, network: Embedder, tokenizer: Tokenizer, config: Config) -> dict[str, str]:
    """Of each concept its cluster by the base's embedding of its preferred label, so many in one on average."""
    result: dict[str, str] = {}
    for concepts in (taxonomy.occupations, taxonomy.skills):
        vectors = embed(network, tokenizer, [concept.label() for concept in concepts])
        count = max(1, len(concepts) // config.cluster)
        clusters = MiniBatchKMeans(count, random_state=config.seed, n_init=1).fit_predict(vectors)
        kind = "o" if concepts is taxonomy.occupations else "s"
        result |= {c.uri: f"{kind}{cluster:05d}" for c, cluster in zip(concepts, clusters, strict=True)}
    return result


def embed(network: Embedder, tokenizer: Tokenizer, texts: Sequence[str], rows: int = 256) -> NDArray[np.float32]:
    """Embeddings `(texts, 384)`."""
    order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
    result = np.zeros((len(texts), network.encoder.config.hidden_size), np.float32)
    network.eval()
    with torch.no_grad():
        for start in range(0, len(order), rows):
            own = order[start : start + rows]
            result[own] = network(*_encoded(tokenizer, [texts[i] for i in own])).numpy()
    network.train()
    return result


def _encoded(tokenizer: Tokenizer, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
    encodings = tokenizer.encode_batch(list(texts))
    return torch.tensor([e.ids for e in encodings]), torch.tensor([e.attention_mask for e in encodings])


def _batches(all_pairs: Sequence[Pair], config: Config, chance: random.Random) -> list[list[Pair]]:
    """Batches of one kind (occupations, skills, postings), each of several blocks of neighbours, shuffled."""
    kinds: dict[str, list[Pair]] = {}
    for pair in all_pairs:
        kinds.setdefault(pair.near[:1] if pair.key.startswith("http") or pair.key.isdigit() else "p", []).append(pair)
    result = []
    for own in kinds.values():
        ordered = sorted(own, key=lambda pair: (pair.near, chance.random()))
        blocks = [ordered[i : i + config.block] for i in range(0, len(ordered), config.block)]
        chance.shuffle(blocks)
        flat = [pair for block in blocks for pair in block]
        result += [flat[i : i + config.batch] for i in range(0, len(flat), config.batch)]
    chance.shuffle(result)
    return [batch for batch in result if len(batch) > 1]


def _fit(network: Embedder, tokenizer: Tokenizer, epochs: Sequence[Sequence[Sequence[Pair]]], config: Config) -> None:
    total = config.steps or sum(map(len, epochs))
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.rate, weight_decay=0.01, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.rate, total_steps=max(20, total), pct_start=0.1)
    started, losses = time.monotonic(), []
    network.train()
    for step, batch in enumerate(_first(epochs, total)):
        with torch.autocast("cpu", torch.bfloat16, enabled=config.bf16):
            left = network(*_encoded(tokenizer, [pair.left for pair in batch]))
            right = network(*_encoded(tokenizer, [pair.right for pair in batch]))
        value = loss(left, right, [pair.key for pair in batch])
        descend(value, network, optimizer)
        schedule.step()
        losses.append(value.item())
        if step % 100 == 99:
            log.info("step %d: loss %.3f, %.0f s", step + 1, np.mean(losses[-100:]), time.monotonic() - started)
    network.eval()


def _first(epochs: Sequence[Sequence[Sequence[Pair]]], total: int) -> Iterator[Sequence[Pair]]:
    batches = (batch for own in epochs for batch in own)
    return (batch for batch, _ in zip(batches, range(total), strict=False))


def loss(left: Tensor, right: Tensor, keys: Sequence[str]) -> Tensor:
    """InfoNCE both ways; other rows of the same key count as neither right nor wrong.

    Args:
        left, right: `(batch, dimension)`, of length 1.
    """
    scores = _SCALE * left @ right.T
    numbers = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    own = torch.tensor([numbers[key] for key in keys])
    same = (own[:, None] == own[None]) & ~torch.eye(len(keys), dtype=torch.bool)
    scores = scores.masked_fill(same, -1e4)
    target = torch.arange(len(keys))
    return (cross_entropy(scores, target) + cross_entropy(scores.T, target)) / 2


def _average(network: Embedder, base: Embedder, share: float) -> None:
    """Moves the weights this share of the way back to the base's."""
    with torch.no_grad():
        for own, old in zip(network.parameters(), base.parameters(), strict=True):
            own.lerp_(old, share)


def parse(arguments: Sequence[str] | None = None) -> Config:
    """Command line to configuration."""
    defaults = {f.name: f.default for f in dataclasses.fields(Config)}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--taxonomy", type=Path, nargs="+", required=True, help="folders of the official CSVs")
    parser.add_argument("--postings", type=Path)
    parser.add_argument("--reserved", type=Path, help="ids of postings that must not be trained on")
    parser.add_argument("--base", help="folder of a Hugging Face encoder (default: the packaged all-MiniLM-L6-v2)")
    parser.add_argument("--out", type=Path, required=True)
    for name in ("epochs", "batch", "block", "cluster", "max_tokens", "max_postings", "threads", "seed", "steps"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=defaults[name])
    for name in ("rate", "keep_base"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=defaults[name])
    parser.add_argument("--bf16", action="store_true", help="autocast, where the processor has bfloat16")
    options = vars(parser.parse_args(arguments))
    return Config(**options | {"taxonomy": tuple(options["taxonomy"])})


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    train(parse())

"""Fewer layers that answer as all of them do: the served student, from a training run.

    python -m models.postings.distil --run RUN --layers 0 1 3 5 --postings … --labels … --out SMALL

The kept layers start as they are (DistilBERT: Sanh et al. 2019) and learn the run's own probabilities on the labelled
postings and on unlabelled ones, which cost nothing, and the labels beside them. What comes out is a run again.
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
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, log_softmax

from models.postings import data, stacking, train
from models.postings.labels import TAGS, head_slices
from models.postings.network import Network
from models.postings.preparing import Unit, document, tokenize
from models.postings.retrieval import Retriever
from models.postings.running import padded_batches
from models.postings.student import RETRIEVER, TOKENIZER
from models.postings.train import Config, Row, class_weights, load_tokenizer, loss

log = logging.getLogger(__name__)
_LABEL_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Taught:
    """One input: what the whole network says of it, and the labels' row where it has one."""

    unit: Unit
    sentence: Tensor
    token: Tensor
    row: Row | None


def distil(config: Config, run: Path, layers: Sequence[int], unlabelled: int) -> Path:
    """Trains the kept layers of a run.

    Args:
        config: of the run, but for `out` and `epochs`.
        unlabelled: postings without labels to learn from as well.
    """
    started = time.monotonic()
    random.seed(config.seed)
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    examples = data.load(config.postings, config.labels, config.reserved)
    parts = data.split(examples, config.held_out)
    retriever, tokenizer = Retriever.load(run / RETRIEVER), load_tokenizer(run / TOKENIZER)
    rows = train.make_rows([*parts["train"], *data.written()], retriever, tokenizer, config)
    positive = [row for row in rows if row.positive]
    negative = [row for row in rows if not row.positive]
    negative = random.sample(negative, min(len(negative), int(config.negatives * len(positive))))
    evaluation = [*parts["calibration"], *parts["test"]]
    further = data.unlabelled(
        config.postings, examples, evaluation, config.held_out, config.reserved, unlabelled, config.seed
    )
    documents = [document(posting) for posting in further]
    kept = [retriever.keep(doc.sentences) for doc in documents]
    units = [unit for own in tokenize(documents, kept, tokenizer) for unit in own]
    teacher = Network.load(run)
    labelled = [(row.unit, row) for row in [*positive, *negative]]
    taught = teach(teacher, [*labelled, *((unit, None) for unit in units)], config.bf16)
    log.info("units: %d, of them %d labelled", len(taught), len(labelled))
    network = teacher.with_layers(layers)
    fit(network, taught, class_weights(rows), config)
    shutil.copytree(run, config.out, dirs_exist_ok=True)
    network.save(config.out)
    told = json.loads((run / "config.json").read_text("utf-8"))
    told |= {"layers": list(layers), "distilled_epochs": config.epochs, "unlabelled_postings": len(documents)}
    told["hours"] = round(told["hours"] + (time.monotonic() - started) / 3600, 1)
    (config.out / "config.json").write_text(json.dumps(told, indent=2) + "\n", "utf-8")
    return config.out


def teach(network: Network, inputs: Sequence[tuple[Unit, Row | None]], bf16: bool) -> list[Taught]:
    """What the network says of each input, as probabilities."""
    answers = padded_batches(stacking.served(network, bf16), [unit for unit, _ in inputs])
    return [
        Taught(unit, torch.from_numpy(sentence), torch.from_numpy(token), row)
        for (unit, row), (sentence, token) in zip(inputs, answers, strict=True)
    ]


def fit(network: Network, taught: Sequence[Taught], weights: dict[str, Tensor], config: Config) -> None:
    """Trains the network to say what it is taught, and what the labels say."""
    total = config.epochs * (len(train.batches(taught, config.batch_tokens)) + 8) + 10
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.encoder_rate, weight_decay=0.01, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.encoder_rate, total_steps=total, pct_start=0.05)

    def loss_of(sentence: Tensor, token: Tensor, batch: Sequence[Taught]) -> Tensor:
        value = imitation(sentence, token, batch)
        labelled = [i for i, item in enumerate(batch) if item.row is not None]
        rows = [item.row for item in batch if item.row is not None]
        if not rows:
            return value
        longest = max(len(row.unit.token_ids) for row in rows)
        own = loss(sentence[labelled], token[labelled, :longest], rows, weights, config.token_weight)
        return value + _LABEL_SHARE * len(labelled) / len(batch) * own

    epochs = (train.batches(taught, config.batch_tokens) for _ in range(config.epochs))
    train.learn(network, epochs, loss_of, optimizer, schedule, config)


def imitation(sentence: Tensor, token: Tensor, batch: Sequence[Taught]) -> Tensor:
    """Cross-entropy with the whole network's probabilities: of each head, of the tags, of what shows a variable."""
    target = torch.stack([item.sentence for item in batch])
    value = torch.zeros(())
    for part in head_slices().values():
        value = value - (target[:, part] * log_softmax(sentence[:, part], -1)).sum() / len(batch)
    logits = torch.cat([own[: len(item.unit.token_ids)] for own, item in zip(token, batch, strict=True)])
    wanted = torch.cat([item.token for item in batch])
    tags = len(TAGS)
    value = value - (wanted[:, :tags] * log_softmax(logits[:, :tags], -1)).sum() / len(wanted)
    shown = binary_cross_entropy_with_logits(logits[:, tags:], wanted[:, tags:], reduction="sum")
    return value + shown / len(wanted)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder that training wrote")
    parser.add_argument("--postings", type=Path, required=True)
    parser.add_argument("--labels", type=Path, nargs="+", required=True, help="those of the run, in the same order")
    parser.add_argument("--reserved", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--layers", type=int, nargs="+", default=(0, 1, 3, 5), help="kept, from 0")
    parser.add_argument("--unlabelled", type=int, default=1_500, help="postings without labels to learn from as well")
    parser.add_argument("--epochs", type=int, default=1)
    options = parser.parse_args(arguments)
    told = json.loads((options.run / "config.json").read_text("utf-8"))
    names = {field.name for field in dataclasses.fields(Config)} & told.keys()
    own: dict[str, Any] = {
        name: tuple(told[name]) if isinstance(told[name], list) else told[name] for name in names - {*train.PATHS}
    }
    own |= {"epochs": options.epochs, "labels": tuple(options.labels)}
    config = Config(options.postings, out=options.out, reserved=options.reserved, **own)
    distil(config, options.run, options.layers, options.unlabelled)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()

"""Trains cross-encoders on graded pairs, with the pairwise hinge and with LambdaLoss@K, and scores all pairs with each.

    python -m models.matching.train_reranker --grades grades.jsonl --postings posting-features.jsonl \\
        --cvs cv-features.jsonl --scores scores.json

It is there to be measured (`models.matching.evaluate --scores`); none is served, see `CARD.md`. Posting and CV are read
together by the base encoder, of which the upper layers are trained; what the lower ones say is computed once.
"""

import argparse
import json
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from models.assets import TOKENIZER, load_tokenizer
from models.encoder import load_encoder, mean
from models.matching import losses
from models.matching.data import Pairs, is_test, read_grades
from models.training import default_base, descend, padded
from topics.cvs import CvFeatures
from topics.postings import PostingFeatures

log = logging.getLogger(__name__)

LOSSES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "pairwise": losses.pairwise_hinge,
    "lambda": losses.lambda_loss,
}


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that a run depends on besides its data.

    Attributes:
        tokens: of each side.
        upper: layers that are trained.
        batch: postings in a step.
    """

    tokens: int = 48
    upper: int = 1
    rate: float = 1e-4
    epochs: int = 2
    batch: int = 2
    seed: int = 0
    bf16: bool = False


class States(NamedTuple):
    """What the lower layers say of one pair, `(tokens, hidden)`."""

    lower: Tensor


class Upper(nn.Module):
    """The upper layers and a score from the mean of their states."""

    def __init__(self, layers: Sequence[nn.Module], hidden: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.head = nn.Linear(hidden, 1)

    def forward(self, states: Sequence[States]) -> Tensor:
        """Scores, `(pairs,)`."""
        hidden, mask = _stacked([own.lower for own in states])
        found = _through(self.layers, hidden, mask)
        scores: Tensor = self.head(mean(found.float(), mask))[:, 0]
        return scores


def said(posting: PostingFeatures, cv: CvFeatures) -> tuple[str, str]:
    """Both sides as the cross-encoder reads them: titles and skills, then as much of the text as there is room for."""
    titles = [cv.current_title.value or "", *(title.value for title in cv.past_titles)]
    asked, had = (", ".join(skill.value for skill in own.skills[:10]) for own in (posting, cv))
    title, _, text = (posting.text or "").partition("\n")
    return f"{title}. {asked}. {text}", f"{', '.join(dict.fromkeys(titles[:4]))}. {had}. {cv.text or ''}"


def token_ids(tokenizer: Tokenizer, posting: str, cv: str, tokens: int) -> list[int]:
    """`[CLS]` posting `[SEP]` CV `[SEP]`, each side cut."""
    first, last = tokenizer.encode("").ids
    one, other = (tokenizer.encode(text, add_special_tokens=False).ids[:tokens] for text in (posting, cv))
    return [first, *one, last, *other, last]


def _stacked(states: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """States `(batch, tokens, hidden)` and mask."""
    hidden = nn.utils.rnn.pad_sequence([own.float() for own in states], batch_first=True)
    lengths = torch.tensor([len(own) for own in states])
    return hidden, (torch.arange(hidden.shape[1]) < lengths[:, None]).long()


def _through(layers: Sequence[nn.Module] | nn.ModuleList, hidden: Tensor, mask: Tensor) -> Tensor:
    hiding = (1.0 - mask[:, None, None].to(hidden.dtype)) * torch.finfo(hidden.dtype).min
    for layer in layers:
        hidden = layer(hidden, hiding)
    return hidden


def lower_states(encoder: nn.Module, sequences: Sequence[Sequence[int]], layers: int, bf16: bool) -> list[States]:
    """What the lower layers say of each sequence, in half precision."""
    found: dict[int, States] = {}
    order = sorted(range(len(sequences)), key=lambda row: len(sequences[row]))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        for start in range(0, len(order), 32):
            rows = order[start : start + 32]
            ids, mask = padded([sequences[row] for row in rows])
            hidden = _through(encoder.encoder.layer[:layers], encoder.embeddings(input_ids=ids), mask)
            for row, own, length in zip(rows, hidden, mask.sum(1).tolist(), strict=True):
                found[row] = States(own[:length].half())
    return [found[row] for row in range(len(sequences))]


def prepare(pairs: Pairs, config: Config) -> list[States]:
    """What the lower layers say of each pair; it hangs on no loss."""
    started = time.monotonic()
    base = default_base()
    encoder = load_encoder(base)
    tokenizer = load_tokenizer(base / TOKENIZER)
    texts = [said(pairs.postings[own.posting_id], pairs.cvs[own.cv_id]) for own in pairs.grades]
    kept = len(encoder.encoder.layer) - config.upper
    sequences = [token_ids(tokenizer, *both, config.tokens) for both in texts]
    states = lower_states(encoder, sequences, kept, config.bf16)
    log.info("lower layers: %.0f s", time.monotonic() - started)
    return states


def train(name: str, pairs: Pairs, states: Sequence[States], without: set[str], config: Config) -> list[float]:
    """Scores of all pairs by a cross-encoder that has seen neither the test's postings nor the CVs `without`."""
    torch.manual_seed(config.seed)
    chance = random.Random(config.seed)
    started = time.monotonic()
    encoder = load_encoder(default_base())
    network = Upper(list(encoder.encoder.layer[-config.upper :]), encoder.config.hidden_size)
    by_posting: dict[str, list[int]] = {}
    for row, own in enumerate(pairs.grades):
        if not is_test(own.posting_id) and own.cv_id not in without:
            by_posting.setdefault(own.posting_id, []).append(row)
    steps = config.epochs * -(-len(by_posting) // config.batch)
    optimizer = torch.optim.AdamW(network.parameters(), config.rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.rate, total_steps=max(20, steps), pct_start=0.1)
    loss = LOSSES[name]
    network.train()
    for epoch in range(config.epochs):
        order = sorted(by_posting)
        chance.shuffle(order)
        for start in range(0, len(order), config.batch):
            values = []
            for rows in (by_posting[name] for name in order[start : start + config.batch]):
                with torch.autocast("cpu", torch.bfloat16, enabled=config.bf16):
                    scores = network([states[row] for row in rows])
                values.append(loss(scores.float(), torch.tensor([pairs.grades[row].grade for row in rows])))
            descend(torch.stack(values).mean(), network, optimizer)
            schedule.step()
        log.info("%s, epoch %d: %.0f s", name, epoch + 1, time.monotonic() - started)
    network.eval()
    found: list[float] = []
    with torch.no_grad():
        for start in range(0, len(states), 32):
            found += network(states[start : start + 32]).tolist()
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--losses", choices=list(LOSSES), nargs="+", default=list(LOSSES))
    parser.add_argument("--grades", type=Path, nargs="+", required=True)
    parser.add_argument("--postings", type=Path, required=True, help="posting features")
    parser.add_argument("--cvs", type=Path, required=True, help="CV features")
    parser.add_argument("--reserved-cvs", type=Path, help="ids of CVs that must not be trained on")
    parser.add_argument("--scores", type=Path, required=True, help="file for the score of each pair, by loss")
    parser.add_argument("--bf16", action="store_true", help="autocast, where the processor has bfloat16")
    options = parser.parse_args(arguments)
    reserved = set(options.reserved_cvs.read_text("utf-8").split()) if options.reserved_cvs else set()
    pairs = Pairs.read(read_grades(options.grades), options.postings, options.cvs)
    config = Config(bf16=options.bf16)
    states = prepare(pairs, config)
    found = {}
    for name in options.losses:
        scores = train(name, pairs, states, reserved, config)
        found[name] = [[own.posting_id, own.cv_id, score] for own, score in zip(pairs.grades, scores, strict=True)]
        options.scores.write_text(json.dumps(found), "utf-8")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()

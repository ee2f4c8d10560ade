"""The title student as the workers use it: tokenise titles for the encoder, decode what it answers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models import assets
from models.assets import TOKENIZER
from models.titles import labels
from models.titles.cleaning import clean
from models.titles.labels import HEADS
from topics.titles import TitleFeatures

REVIEW = "review.json"
ASSETS = (TOKENIZER, REVIEW)
MAX_TOKENS = 48

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TitleStudent:
    """Everything around the encoder; the encoder itself runs elsewhere.

    Attributes:
        review: of each head the confidence below which a person should look.
        assets_digest: of all files and names that weights and decoding must agree on.
    """

    tokenizer: Tokenizer
    review: dict[str, float]
    assets_digest: str
    tokenizer_digest: str

    name = "title_student"

    @classmethod
    def load(cls, directory: Path) -> "TitleStudent":
        """Reads the assets from the model's folder.

        Raises:
            OSError, ValueError, KeyError: a file is missing or damaged.
        """
        review = json.loads((directory / REVIEW).read_text("utf-8"))
        return cls(
            assets.load_tokenizer(directory / TOKENIZER),
            {head: float(review[head]) for head in HEADS},
            assets_digest(directory),
            assets.tokenizer_digest(directory),
        )

    def tokenize(self, titles: Sequence[str]) -> list[list[int]]:
        """Of each title, cleaned, at most :data:`MAX_TOKENS` ids, the marks of start and end among them. CPU bound.

        A title that says nothing (blank, masked) has those marks alone; the model answers it with how common each
        class is.
        """
        return token_ids(self.tokenizer, [clean(title) for title in titles])

    def decode(self, outputs: Sequence[Mapping[str, Floats]]) -> list[TitleFeatures]:
        """Features of each title.

        Args:
            outputs: of each title the model's outputs by name, `seniority_probs` and `department_probs`.
        """
        return [
            TitleFeatures(**{head: self._feature(head, own[labels.output(head)]) for head in HEADS}) for own in outputs
        ]

    def _feature(self, head: str, probabilities: Floats) -> dict[str, Any]:
        best = int(probabilities.argmax())
        confidence = round(min(1.0, float(probabilities[best])), 4)
        return {"value": HEADS[head][best], "confidence": confidence, "review": confidence < self.review[head]}


def token_ids(tokenizer: Tokenizer, cleaned: Sequence[str]) -> list[list[int]]:
    """Ids of cleaned titles, cut in the middle of a title that is too long, never its end mark."""
    return [
        ids if len(ids) <= MAX_TOKENS else [*ids[: MAX_TOKENS - 1], ids[-1]]
        for ids in (encoding.ids for encoding in tokenizer.encode_batch(list(cleaned)))
    ]


def assets_digest(directory: Path) -> str:
    """Of the label spaces and all files that weights and decoding must agree on."""
    return assets.digest(directory, ASSETS, labels.digest())

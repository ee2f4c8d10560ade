"""The matcher's model card, from the figures of an evaluation."""

import json
from collections.abc import Sequence
from pathlib import Path

from models.matching.scorer import WEIGHTS

CARD = Path(__file__).with_name("CARD.md")
_HEAD = """\
# Matching: adapter and scorer

`adapter.npz`: from the text embedder's vectors of a document's text, titles and skills to the one vector that is
matched. `scorer.json`: from what is compared of a posting and a CV to facet scores and to P(fit), calibrated. Both are
pure NumPy and run in the workers; Triton serves the text embedder (`triton_repo/text_embedder`) and the students.
Written by `python -m models.matching.evaluate --card`. Fairness has a card of its own.

**Data:** {pairs} graded pairs of {postings} postings and {cvs} CVs for training (grades 0 to 3: {grades}), by a strong
LLM that read both texts blind to name, sex, age and origin, not by recruiters: where this card says *fit*, it means a
grade of 2 or 3 by that teacher. Reserved postings and CVs were neither graded nor trained on.
**Adapter:** the published bi-encoder's classifier over [u; v; |u − v|] and 0.3 × multiple negatives with each posting's
worse CVs as hard negatives; encoder frozen, three maps of rank 32, eight epochs.
**Scorer:** logistic, on cosines of adapters that had not seen the posting (five-fold); its regularisation by
cross-validated log loss ({log_loss}).

## Held-out postings

In points, 95 % bootstrap intervals by posting. A posting of whose CVs none is a fit counts 0 in MRR, MAP and Acc@1, as
trec_eval has it, so no ranking reaches 100. The candidates were picked to be hard, but are 12 or 16 for a posting:
these are figures of reranking, not of search in a whole pool, and the published ones are of other, private data.

"""
_TAIL = """
*Calibration*: of the whole and of each facet, against the teacher's grades of the same; intervals by pair. *Swap test*:
200 random CVs for each posting of the test, no matter of which trade: of a customer-service posting's random CVs some
do fit. *Unrelated*: of another function, and no title of the CV shares a word with the posting's.

## What was tried and is not served

- **One text as its only variant** (raw, structured, ESCO-standardised): each ranks worse than the three parts together.
  The standardised form loses what ESCO has no word for; it had been the vector that was published.
- **Other losses** for the adapter (contrastive, triplets with adaptive margin, multiple negatives or LambdaLoss
  alone): see the table; on cross-validated training postings the two in use together had the best AUC and ranked as
  well as any. Some of the others rank the test's postings better, within the intervals: the test chose nothing.
- **Cross-encoders** (MiniLM, upper layers trained, pairwise hinge or LambdaLoss@5 with μ = 10): `train_reranker` trains
  them and the table has them where `--rerankers` names their scores. What is not shown to beat what is served by more
  than the interval is not shipped.
- **Fairness in the adapter.** Its loss + β · the head's fairness term over invented training pairs, and taking the
  groups' mean difference out of the texts' vectors (mean projection; LEACE alike): neither moved the gaps of what is
  served by more than a fit on a few more pairs does by chance, and a large β cost ranking. FAIRNESS.md has what is
  served.
- **Training the encoder's own layers**: not done. With some three hundred fits for training the low-rank maps already
  reach what their data give, and a second encoder would have to be run on every text.
- **Interactive completion of resumes and LGIR's GAN** (Du et al. 2024): a generator that writes what a resume leaves
  out learns from many interactions of each person, of which there are none here, and invents qualifications that
  nobody claimed: nothing of it could be shown as evidence. Not built.

## Limits

- One teacher's grades, most texts English, CVs cut at 1,800 characters when they were graded but read whole here.
- A cosine of long texts favours those that name much; the scorer sees years, degrees and rank only as the students read
  them.
- Facet scores lean on the whole cosine: a facet of a CV that is near in all else is seldom scored low.

## Commands

    python -m models.matching.train --grades … --postings … --cvs … --cosines cosines.json
    python -m models.matching.fit --grades … --postings … --cvs … --cosines cosines.json
    python -m models.matching.ablate --grades … --postings … --cvs … --vectors vectors.npz --scores ablation.json
    python -m models.matching.train_reranker --grades … --postings … --cvs … --scores rerankers.json
    python -m models.matching.evaluate --grades … --postings … --cvs … --scores ablation.json --rerankers rerankers.json
"""


def write(lines: Sequence[str]) -> None:
    """Writes `CARD.md` beside the weights.

    Args:
        lines: the evaluation's tables.
    """
    training = json.loads(WEIGHTS.read_text("utf-8"))["training"]
    counts = ", ".join(map(str, training["grades"]))
    CARD.write_text(_HEAD.format(**training | {"grades": counts}) + "\n".join(lines) + _TAIL, "utf-8")

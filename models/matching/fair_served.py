"""The shipped scorer on the semi-synthetic set, through the whole path: anonymiser, students, ESCO, vectors, scorer.

    python -m models.matching.fair_served --folder FOLDER --write [--postings … --cvs … --grades … --reserved …]
    talentstream extract --in FOLDER/postings.jsonl --out FOLDER/posting-features.jsonl
    talentstream structure --in FOLDER/cvs.jsonl --out FOLDER/cv-features.jsonl
    python -m models.matching.fair_served --folder FOLDER [the same arguments]

The first writes the test part as events, the last judges what came out. The scorer learned from grades that know no
group; the question is what the cues do to it all the same.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from models.datasets import read_lines
from models.matching import fair_data
from models.matching.fair_data import Sources
from models.matching.fair_head import Floats
from models.matching.fair_judging import PUBLISHED, UTILITIES, flips, judged, points
from models.matching.fairness import held
from models.matching.scorer import Scorer
from models.matching.synthetic import Bias, Dressed, Facts, dress
from topics.cvs import CvFeatures
from topics.postings import PostingFeatures

# Fewer than for the heads: each CV goes through every student. Real texts as long as the teacher read them.
_POSTINGS, _CHARACTERS = 100, 1_800


def events(facts: Facts, dressed: Dressed) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Postings and CVs of one part, as `talentstream extract` and `structure` read them."""
    posting_ids = dict.fromkeys(example.posting_id for example in dressed.examples)
    split = {i: facts.postings[i].partition("\n") for i in posting_ids}
    postings = [{"id": i, "title": title, "body": body} for i, (title, _, body) in split.items()]
    owner = {example.text: example.cv_id for example in dressed.examples}
    return postings, [{"id": cv_name(owner[i], i), "text": text} for i, text in enumerate(dressed.texts)]


def cv_name(cv_id: str, text: int) -> str:
    """The id of one person's CV."""
    return f"{cv_id}-person-{text}"


def scores(
    scorer: Scorer, dressed: Dressed, postings: Mapping[str, PostingFeatures], cvs: Mapping[str, CvFeatures]
) -> Floats:
    """Logit of the scorer's P(fit) of each example."""
    found = np.zeros(len(dressed.examples), np.float32)
    for row, example in enumerate(dressed.examples):
        scored = scorer.score(postings[example.posting_id], [cvs[cv_name(example.cv_id, example.text)]])[0]
        chance = min(max(scored.score, 1e-9), 1 - 1e-9)
        found[row] = np.log(chance / (1 - chance))
    return found


def lines(name: str, dressed: Dressed, logits: Floats) -> Iterator[str]:
    """Markdown: the shipped decision, and the harder cut that chooses as many as are fit."""
    share = np.mean([example.fit for example in dressed.examples])
    yield from ("", f"## Shipped scorer, {name}: {len(dressed.texts)} CVs, {len(dressed.examples)} pairs", "")
    yield "| decision | chosen | DP | EOpp | EOdds | bounds | " + " | ".join(UTILITIES) + " |"
    yield "|" + "---|" * (6 + len(UTILITIES))
    for decision, cut in (("P ≥ .5", 0.0), ("as many as are fit", float(np.quantile(logits, 1 - share)))):
        own = judged(dressed.examples, logits - np.float32(cut), "fit", logits)
        cells = [decision, f"{own.chosen.value:.1f}"]
        cells += [points(getattr(own.gaps, bound)) for bound in PUBLISHED]
        cells += ["held" if held(own.gaps, PUBLISHED) else "missed", *(points(own.utility[u]) for u in UTILITIES)]
        yield "| " + " | ".join(cells) + " |"
    differ, distance = flips(dressed.examples, logits)
    yield ""
    yield f"All cues changed: {points(differ)} % of the decisions differ, P by {points(distance)} points."


def _test(sources: Sources | None) -> dict[str, tuple[Facts, Dressed]]:
    found = fair_data.facts(sources, _POSTINGS, _CHARACTERS)
    return {name: (own, dress(own, "test", Bias())) for name, own in found.items()}


def report(folder: Path, sources: Sources | None) -> list[str]:
    """Markdown lines on what the scorer makes of the folder's features."""
    postings = {row["id"]: PostingFeatures.model_validate(row) for row in read_lines(folder / "posting-features.jsonl")}
    cvs = {row["id"]: CvFeatures.model_validate(row) for row in read_lines(folder / "cv-features.jsonl")}
    scorer = Scorer.load()
    return [
        line
        for name, (_, dressed) in _test(sources).items()
        for line in lines(name, dressed, scores(scorer, dressed, postings, cvs))
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--write", action="store_true", help="write the events instead of judging")
    fair_data.add_arguments(parser)
    options = parser.parse_args(arguments)
    sources = fair_data.sources(options)
    if not options.write:
        sys.stdout.write("\n".join(report(options.folder, sources)) + "\n")
        return
    options.folder.mkdir(parents=True, exist_ok=True)
    both = [events(*own) for own in _test(sources).values()]
    for index, kind in enumerate(("postings", "cvs")):
        rows = [json.dumps(row) + "\n" for own in both for row in own[index]]
        (options.folder / f"{kind}.jsonl").write_text("".join(rows), "utf-8")


if __name__ == "__main__":
    main()

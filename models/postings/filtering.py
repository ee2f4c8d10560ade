"""Fits the retriever: first to the teacher's quotes, then to the student's own opinion of many unlabelled sentences.

The labels alone are too few for a filter over words (measured: ten sentences a posting for a recall of .97 where the
distilled one reaches .99); the student knows what bears on a variable in words that the labels never had.
"""

import dataclasses
import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from onnxruntime import InferenceSession
from scipy.sparse import csr_matrix, vstack
from sklearn.linear_model import LogisticRegression

from models.postings import running
from models.postings.data import Example
from models.postings.labels import SENTENCE_HEADS, head_slices
from models.postings.preparing import Prepared, document, tokenize
from models.postings.retrieval import BUCKETS, Retriever, features
from models.postings.student import Student
from topics.postings import Posting

log = logging.getLogger(__name__)
# Missing a sentence costs more than reading one in vain.
_POSITIVE_WEIGHT = 3.0
_LABELS_C, _DISTILLED_C, _SKILL_C = 0.2, 0.2, 0.5
_CHUNK = 32

Weights = tuple[dict[int, float], float]


def from_labels(
    examples: Sequence[Example], tuning: Sequence[Example], recall: float, max_evidence: int, max_skill: int
) -> Retriever:
    """Filters from the labels alone; the threshold gives `recall` of evidence on `tuning`."""
    texts, evidence = _labelled(examples)
    skill = [any(name in text for name in item.label["skills"]) for item in examples for text in item.doc.sentences]
    matrix = _matrix(texts)
    evidence_weights, evidence_bias = _fit(matrix, evidence, np.where(evidence, _POSITIVE_WEIGHT, 1.0), _LABELS_C)
    skill_weights, skill_bias = _fit(matrix, np.array(skill, float), np.ones(len(skill)), _SKILL_C)
    made = Retriever(
        evidence_weights, skill_weights, evidence_bias, skill_bias, 0.0, 0.0, max_evidence, max_skill
    )  # fmt: skip
    return with_recall(made, tuning, recall)


def distilled(
    retriever: Retriever,
    examples: Sequence[Example],
    tuning: Sequence[Example],
    sentences: Sequence[str],
    beliefs: NDArray[np.float64],
    recall: float,
) -> Retriever:
    """The same with the evidence filter fitted to labels and to the student's beliefs (probability of any variable)."""
    texts, evidence = _labelled(examples)
    soft = _matrix(sentences)
    # A belief of .7 is seven tenths of a positive and three of a negative example.
    matrix = vstack([soft, soft, _matrix(texts)]).tocsr()
    target = np.concatenate([np.ones(len(beliefs)), np.zeros(len(beliefs)), evidence])
    weight = np.concatenate([beliefs * _POSITIVE_WEIGHT, 1 - beliefs, np.where(evidence, _POSITIVE_WEIGHT, 1.0)])
    used = weight > 0.02
    weights, bias = _fit(matrix[used], target[used], weight[used], _DISTILLED_C)
    return with_recall(dataclasses.replace(retriever, evidence=weights, evidence_bias=bias), tuning, recall)


def believe(
    postings: Sequence[Posting], student: Student, model: InferenceSession
) -> tuple[list[str], NDArray[np.float64]]:
    """All sentences of postings and how surely each states any variable, by the student."""
    parts = [part for head, part in head_slices().items() if head in SENTENCE_HEADS and head != "employment_type"]
    sentences: list[str] = []
    beliefs: list[float] = []
    for start in range(0, len(postings), _CHUNK):
        documents = [document(posting) for posting in postings[start : start + _CHUNK]]
        units = tokenize(documents, [range(len(doc.spans)) for doc in documents], student.tokenizer)
        prepared = [
            Prepared(doc.text, doc.title, "en", 1.0, True, doc.location, own[1:])
            for doc, own in zip(documents, units, strict=True)
        ]
        for posting, (probabilities, _) in zip(prepared, running.run(model, prepared), strict=True):
            sentences += [posting.text[unit.start : unit.end] for unit in posting.units]
            beliefs += [max(1.0 - float(row[part.start]) for part in parts) for row in probabilities]
    return sentences, np.array(beliefs)


def with_recall(retriever: Retriever, tuning: Sequence[Example], recall: float) -> Retriever:
    """Sets the threshold so that this share of stated variables keeps a sentence that shows it."""
    scores = []
    for item in tuning:
        for head in item.stated - {"employment_type"}:
            showing = [s for s, marks in zip(item.doc.spans, item.sentence_labels[1:], strict=True) if marks[head] > 0]
            if showing and not item.sentence_labels[0][head]:
                scores.append(max(retriever.scores(item.doc.text[a:b])[0] for a, b in showing))
    threshold = sorted(scores)[int((1 - recall) * len(scores))] if scores else -99.0
    log.info("retriever: %d and %d weights", len(retriever.evidence), len(retriever.skill))
    return dataclasses.replace(retriever, evidence_threshold=round(threshold - 0.01, 3))


def _labelled(examples: Sequence[Example]) -> tuple[list[str], NDArray[np.float64]]:
    texts = [text for item in examples for text in item.doc.sentences]
    marks = [marks for item in examples for marks in item.sentence_labels[1:]]
    return texts, np.array([any(value > 0 for value in own.values()) for own in marks], float)


def _matrix(texts: Sequence[str]) -> csr_matrix:
    rows = [features(text) for text in texts]
    columns = np.concatenate([np.array(row, np.int64) for row in rows])
    return csr_matrix((np.ones(len(columns)), columns, np.cumsum([0, *map(len, rows)])), shape=(len(rows), BUCKETS))


def _fit(matrix: csr_matrix, target: NDArray[np.float64], weight: NDArray[np.float64], strength: float) -> Weights:
    model = LogisticRegression(solver="liblinear", l1_ratio=1.0, C=strength, max_iter=100, tol=1e-3, random_state=0)
    model.fit(matrix, target, sample_weight=weight)
    coefficients = model.coef_[0]
    used = np.flatnonzero(np.abs(coefficients) > 1e-3)
    return {int(i): round(float(coefficients[i]), 3) for i in used}, round(float(model.intercept_[0]), 3)

"""TF-IDF cosine of a few words with many labels: an inverted index in NumPy."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.esco.text import words

Floats = NDArray[np.float32]
# "develop", "developer", "development": the head of a long word stands for its family.
_STEM = 5


def features(text: str) -> list[str]:
    """Words and the heads of long words."""
    own = words(text)
    return [*own, *(f"{word[:_STEM]}~" for word in own if len(word) > _STEM)]


class LexicalIndex:
    """Cosine of TF-IDF vectors with logarithmic term frequency (Salton & Buckley 1988)."""

    def __init__(self, labels: Sequence[str]) -> None:
        counts = [Counter(features(label)) for label in labels]
        self._terms = {term: i for i, term in enumerate(sorted({term for own in counts for term in own}))}
        term = np.array([self._terms[t] for own in counts for t in own], np.int64)
        label = np.repeat(np.arange(len(labels)), [len(own) for own in counts])
        often = np.bincount(term, minlength=len(self._terms))
        self._idf = np.log((1 + len(labels)) / (1 + often)) + 1
        # A word that no label has counts as the rarest: it is what the query says and the label does not.
        self._unknown = math.log(1 + len(labels)) + 1
        weight = np.array([1 + math.log(n) for own in counts for n in own.values()]) * self._idf[term]
        norm = np.sqrt(np.bincount(label, weight**2, minlength=len(labels)))
        order = np.argsort(term, kind="stable")
        self._labels = label[order].astype(np.int32)
        self._weights = (weight / norm[label])[order].astype(np.float32)
        self._starts = np.concatenate([[0], np.cumsum(often)])
        self._size = len(labels)

    def scores(self, text: str) -> Floats:
        """Cosine with each label, `(labels,)`, in [0, 1]."""
        result = np.zeros(self._size, np.float32)
        square = 0.0
        for term, count in Counter(features(text)).items():
            index = self._terms.get(term)
            weight = (1 + math.log(count)) * (self._unknown if index is None else float(self._idf[index]))
            square += weight * weight
            if index is not None:
                part = slice(self._starts[index], self._starts[index + 1])
                # A term stands in a label's list once: plain indexing adds up right.
                result[self._labels[part]] += np.float32(weight) * self._weights[part]
        return result / np.float32(math.sqrt(square)) if square else result

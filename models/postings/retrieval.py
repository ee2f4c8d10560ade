"""Which sentences the encoder reads: two linear filters over hashed words, learned with the student.

Most of a posting says nothing on any variable; reading only what does is the largest saving of the whole chain.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from zlib import crc32

BUCKETS = 1 << 16
_TOKEN = re.compile(r"[^\W\d_]+|\d+|[$€£%+]")
_DIGIT = re.compile(r"\d")


def features(sentence: str) -> list[int]:
    """Hashed words and word pairs of a sentence, each once; a number counts by its digits' count alone."""
    tokens = [token[:20] for token in _TOKEN.findall(_DIGIT.sub("0", sentence.lower()))]
    names = {*tokens, *map(" ".join, pairwise(tokens)), f"={min(len(tokens) // 4, 9)}"}
    return sorted({hashed % BUCKETS for hashed in map(crc32, map(str.encode, names))})


@dataclass(frozen=True, slots=True)
class Retriever:
    """Learned weights by bucket, thresholds and budgets.

    Attributes:
        evidence: bucket to weight; the score says how surely a sentence states a variable.
        skill: the same for sentences that name skills.
        evidence_bias, skill_bias: added to the scores.
        evidence_threshold: score from which a sentence is kept.
        max_evidence: most sentences kept as evidence.
        max_skill: most further sentences kept for their skills.
        skill_threshold: score from which a sentence may be kept for its skills.
    """

    evidence: dict[int, float]
    skill: dict[int, float]
    evidence_bias: float
    skill_bias: float
    evidence_threshold: float
    skill_threshold: float
    max_evidence: int
    max_skill: int

    @classmethod
    def load(cls, path: Path) -> "Retriever":
        """Reads `retriever.json`.

        Raises:
            OSError, ValueError, TypeError: no such file, or not what :meth:`save` writes.
        """
        data = json.loads(path.read_text("utf-8"))
        for name in ("evidence", "skill"):
            data[name] = {int(bucket): float(weight) for bucket, weight in data[name].items()}
        return cls(**data)

    def save(self, path: Path) -> None:
        """Writes `retriever.json`, the same bytes for the same weights."""
        data = {name: getattr(self, name) for name in self.__slots__}
        for name in ("evidence", "skill"):
            data[name] = {str(bucket): round(weight, 3) for bucket, weight in sorted(data[name].items())}
        path.write_text(json.dumps(data, separators=(",", ":")) + "\n", "utf-8")

    def scores(self, sentence: str) -> tuple[float, float]:
        """Evidence and skill score of one sentence."""
        buckets = features(sentence)
        evidence = self.evidence_bias + sum(self.evidence.get(bucket, 0.0) for bucket in buckets)
        skill = self.skill_bias + sum(self.skill.get(bucket, 0.0) for bucket in buckets)
        return evidence, skill

    def keep(self, sentences: Sequence[str]) -> list[int]:
        """Indices, in order, of the sentences to read."""
        scored = [self.scores(sentence) for sentence in sentences]
        # Ties fall to the earlier sentence, so that the choice depends on the text alone.
        by_evidence = sorted((-e, i) for i, (e, _) in enumerate(scored) if e >= self.evidence_threshold)
        kept = {i for _, i in by_evidence[: self.max_evidence]}
        by_skill = sorted((-s, i) for i, (_, s) in enumerate(scored) if s >= self.skill_threshold and i not in kept)
        return sorted(kept | {i for _, i in by_skill[: self.max_skill]})

"""Matches out (`matches.v1`): of each posting its best CVs, of each CV its best postings, each match explained."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from topics.esco import EscoConcept
from topics.features import Lineage
from topics.fields import Confidence, Evidence, Id, Market, Model, Version

MAX_MATCHES = 100
# Of each list in an explanation: what a person reads, and what keeps a list of a hundred matches under a megabyte.
MAX_CONCEPTS = 20
MAX_SPANS = 20

Facet = Literal["title", "skills", "experience", "education", "domain"]
FacetScore = Annotated[float, Field(ge=0.0, le=1.0)]
Subject = Annotated[str, StringConstraints(pattern=r"^(posting|cv):\S+$")]


def posting_subject(posting_id: str) -> str:
    """Key of the list of a posting's CVs."""
    return f"posting:{posting_id}"


def cv_subject(cv_id: str) -> str:
    """Key of the list of a CV's postings."""
    return f"cv:{cv_id}"


class FacetScores(Model):
    """How well one aspect of the CV meets the posting's, 1 best; null where one side says nothing of it."""

    title: FacetScore | None = None
    skills: FacetScore | None = None
    experience: FacetScore | None = None
    education: FacetScore | None = None
    domain: FacetScore | None = None


class SkillGap(Model):
    """ESCO skills of the posting and the CV, compared; surest first, the first 20 of each kind."""

    has: tuple[EscoConcept, ...] = Field(default=(), max_length=MAX_CONCEPTS, description="Asked for and had.")
    lacks: tuple[EscoConcept, ...] = Field(default=(), max_length=MAX_CONCEPTS, description="Asked for, not had.")
    extra: tuple[EscoConcept, ...] = Field(default=(), max_length=MAX_CONCEPTS, description="Had, not asked for.")


class FacetEvidence(Evidence):
    """A span of one side's cleaned text, and what it bears on."""

    facet: Facet


class MatchEvidence(Model):
    """What in either text the match rests on, in the text's order."""

    posting: tuple[FacetEvidence, ...] = Field(default=(), max_length=MAX_SPANS)
    cv: tuple[FacetEvidence, ...] = Field(default=(), max_length=MAX_SPANS)


class Match(Model):
    """One entry of a list: the other side, how well it fits, and why."""

    id: Id = Field(description="Of the CV in a posting's list, of the posting in a CV's.")
    source_version: Version = Field(description="The other side's version that was compared.")
    score: Confidence = Field(description="Calibrated probability that a person would grade the pair a fit.")
    facets: FacetScores = FacetScores()
    skill_gap: SkillGap = SkillGap()
    missing_must_haves: tuple[str, ...] = Field(
        default=(),
        description="What the posting requires and the CV does not show: `education:LEVEL`, `certification`, "
        "`experience:YEARS`, `skill:LABEL`.",
    )
    evidence: MatchEvidence = MatchEvidence()


class MatchList(Model):
    """The whole ranked list of one subject: an upsert by key replaces what was there before."""

    subject: Subject = Field(description="`posting:ID` or `cv:ID`; the record's key.")
    market: Market
    source_version: Version = Field(description="The subject's version.")
    matches: tuple[Match, ...] = Field(max_length=MAX_MATCHES, description="Best first; may be empty.")
    lineage: Lineage = Field(description="What ranked the list; features have their own.")
    degraded: tuple[str, ...] = Field(default=(), description="The subject's own; `no_embedding`: not matched.")

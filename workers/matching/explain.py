"""Why a CV fits a posting or does not: skill gap by ESCO, what is required and not shown, where the texts say so."""

from collections.abc import Iterable, Sequence
from typing import Any

from models.esco.gap import Wanted, skill_gap
from topics.cvs import CvFeatures
from topics.esco import EscoConcept
from topics.fields import Feature
from topics.matches import MAX_CONCEPTS, MAX_SPANS, Facet, FacetEvidence, MatchEvidence, SkillGap
from topics.postings import PostingFeatures

# `other` on a CV is no level that could be compared.
LEVELS = ("secondary", "vocational", "bachelor", "master", "doctorate")
_SILENT = (None, "not_stated", "no")


def gap(posting: PostingFeatures, cv: CvFeatures) -> SkillGap:
    """ESCO skills of both, compared; the surest first."""
    asked, had = _concepts(posting.esco_skills), _concepts(cv.esco_skills)
    found = skill_gap(had.keys(), Wanted(frozenset(asked)))
    has, lacks, extra = (
        tuple(concept for uri, concept in concepts.items() if uri in uris)[:MAX_CONCEPTS]
        for concepts, uris in (
            (asked, set(found.has_essential)),
            (asked, set(found.lacks_essential)),
            (had, set(found.extra)),
        )
    )
    return SkillGap(has=has, lacks=lacks, extra=extra)


def missing_must_haves(posting: PostingFeatures, cv: CvFeatures, lacks: Sequence[EscoConcept]) -> tuple[str, ...]:
    """What the posting requires and the CV does not show. A posting does not say which of its skills it insists on."""
    missing = []
    level = posting.education_level.value
    if posting.education_requirement.value == "required" and level in LEVELS:
        reached = [LEVELS.index(own.value.level) for own in cv.education if own.value.level in LEVELS]
        if max(reached, default=-1) < LEVELS.index(level):
            missing.append(f"education:{level}")
    if posting.certification.value == "required" and not cv.certificates:
        missing.append("certification")
    years = posting.experience_years_min.value
    if posting.experience_requirement.value == "required" and years and (cv.experience_years.value or 0.0) < years:
        missing.append(f"experience:{years:g}")
    return (*missing, *(f"skill:{concept.label}" for concept in lacks))


def evidence(posting: PostingFeatures, cv: CvFeatures, skills: SkillGap) -> MatchEvidence:
    """Spans of either text by facet; of skills those alone that both have."""
    common = {concept.uri for concept in skills.has}
    return MatchEvidence(
        posting=_spans(
            ("title", [posting.esco_occupation]),
            ("experience", [posting.experience_requirement, posting.experience_years_min, posting.experience_level]),
            ("education", [posting.education_requirement, posting.education_level, posting.certification]),
            ("domain", [posting.department]),
            ("skills", [skill for skill in posting.esco_skills if skill.value.uri in common]),
        ),
        cv=_spans(
            ("title", [cv.current_title]),
            ("experience", [cv.experience_years]),
            ("education", [*cv.education, *cv.certificates]),
            ("domain", [cv.department, *cv.sectors]),
            ("skills", [skill for skill in cv.esco_skills if skill.value.uri in common]),
        ),
    )


def _concepts(skills: Iterable[Feature[EscoConcept]]) -> dict[str, EscoConcept]:
    return {skill.value.uri: skill.value for skill in skills}


def _spans(*facets: tuple[Facet, Sequence[Feature[Any]]]) -> tuple[FacetEvidence, ...]:
    """In the text's order; the first facets' are kept where there are too many."""
    spans = {
        (span.start, span.end, facet): None
        for facet, features in facets
        for feature in features
        if feature.value not in _SILENT
        for span in feature.evidence
    }
    kept = sorted(list(spans)[:MAX_SPANS])
    return tuple(FacetEvidence(start=start, end=end, facet=facet) for start, end, facet in kept)

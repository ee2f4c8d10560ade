"""Which skills a person has, lacks or has beyond what is asked."""

from collections.abc import Collection
from dataclasses import dataclass

from models.esco.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True)
class Wanted:
    """Skills asked for, by URI; one that is both counts as essential."""

    essential: frozenset[str]
    optional: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SkillGap:
    """URIs, each list sorted.

    Attributes:
        extra: what the person has and nobody asked for.
    """

    has_essential: tuple[str, ...]
    lacks_essential: tuple[str, ...]
    has_optional: tuple[str, ...]
    lacks_optional: tuple[str, ...]
    extra: tuple[str, ...]

    @property
    def essential_share(self) -> float:
        """Share of the essential skills that the person has, in [0, 1]; 1 where none is asked for."""
        asked = len(self.has_essential) + len(self.lacks_essential)
        return len(self.has_essential) / asked if asked else 1.0


def of_occupation(taxonomy: Taxonomy, uri: str) -> Wanted:
    """What the taxonomy says an occupation needs.

    Raises:
        KeyError: no such occupation.
    """
    if all(concept.uri != uri for concept in taxonomy.occupations):
        raise KeyError(uri)
    return Wanted(taxonomy.essential.get(uri, frozenset()), taxonomy.optional.get(uri, frozenset()))


def skill_gap(have: Collection[str], wanted: Wanted) -> SkillGap:
    """Compares skills by URI."""
    own = set(have)
    optional = wanted.optional - wanted.essential
    return SkillGap(
        tuple(sorted(wanted.essential & own)),
        tuple(sorted(wanted.essential - own)),
        tuple(sorted(optional & own)),
        tuple(sorted(optional - own)),
        tuple(sorted(own - wanted.essential - optional)),
    )

"""A semi-synthetic set on which fairness can be tested: real merit or known merit, invented people, labels with a bias.

No data at hand says who is a woman or a man, and nobody's group may be guessed from a name. So the set is built:

- *facts*: postings and CVs with a merit for each pair, either invented from ESCO's occupations and skills, where merit
  is a function of the facts (`invented`), or real ones with a teacher's grade (`graded`). Neither knows of any group.
- *people*: each CV is dressed as a man or a woman (see `cues`). Merit is the same by construction. In training each CV
  has one identity, and which group applies depends on the trade; in the tests each CV comes once as either.
- *labels*: a recruiter who sees merit with noise and takes `Bias.penalty` off a woman's. Models learn from these labels
  alone; what they should have learned is `fit`, merit without penalty or noise.

What it can show: whether a model picks up a bias from cues that survive, and whether a remedy takes it away at what
cost. What it cannot: how large the bias of real recruiters is, or that no other cue carries it.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.datasets import draw
from models.esco.taxonomy import Concept, Taxonomy
from models.matching.cues import GROUPS, Group, Part, draw_person, dressed
from models.text.cleaning import clean

# A pair is fit from here on.
FIT = 0.55
# Merit of the annotation guide's grades 0 to 3, and where one ends and the next begins; 2 and 3 are fit.
_GRADE_MERIT = (0.1, 0.4, 0.7, 0.95)
_GRADE_FROM = (0.25, FIT, 0.8)
_TRAIN_UNTIL, _VALID_UNTIL = 0.6, 0.75
_LEVELS = ("secondary school", "vocational training", "a bachelor's degree", "a master's degree")
# Weights of merit: skills asked for, closeness of the trade, years, level.
_SKILLS, _TRADE, _YEARS, _LEVEL = 0.45, 0.25, 0.2, 0.1
# By how many leading digits of ISCO-08 two occupations share.
_CLOSENESS = (0.0, 0.1, 0.2, 0.35, 0.6)
_ASKED_SKILLS, _OWN_SKILLS = 8, 10


@dataclass(frozen=True, slots=True)
class Bias:
    """How labels come of merit.

    Attributes:
        penalty: taken off a woman's merit before the recruiter decides.
        noise: standard deviation of what the recruiter sees beside merit.
    """

    penalty: float = 0.15
    noise: float = 0.1


@dataclass(frozen=True, slots=True)
class Pair:
    """A posting and a CV without a person, and how well they fit, in [0, 1]."""

    posting_id: str
    cv_id: str
    merit: float


@dataclass(frozen=True, slots=True)
class Facts:
    """Postings and CVs without people.

    Attributes:
        postings, cvs: texts by id.
        trades: of each CV its trade, on which the share of women among its writers depends.
        pairs: what is known of whom; both sides of a pair are of one part.
        parts: of each posting its part.
    """

    postings: Mapping[str, str]
    cvs: Mapping[str, str]
    trades: Mapping[str, str]
    pairs: tuple[Pair, ...]
    parts: Mapping[str, Part]


@dataclass(frozen=True, slots=True)
class Example:
    """A posting and a person's CV.

    Attributes:
        text: index of the CV's text.
        fit: by merit.
        label: the biased recruiter's.
    """

    posting_id: str
    cv_id: str
    text: int
    group: Group
    merit: float
    fit: bool
    label: bool


@dataclass(frozen=True, slots=True)
class Dressed:
    """Examples of one part, and the texts of its CVs, of which each is one person's."""

    texts: tuple[str, ...]
    examples: tuple[Example, ...]


def grade(merit: float) -> int:
    """Merit as a grade of the annotation guide, 0 to 3."""
    return sum(merit >= least for least in _GRADE_FROM)


def part_of(posting_id: str) -> Part:
    """The part of a real posting, always the same; the test is the one of all matching models."""
    return _part(1 - draw(posting_id, "matching"))


def _part(position: float) -> Part:
    if position < _TRAIN_UNTIL:
        return "train"
    return "valid" if position < _VALID_UNTIL else "test"


def graded(
    postings: Mapping[str, Mapping[str, Any]],
    cvs: Mapping[str, Mapping[str, Any]],
    grades: Iterable[Mapping[str, Any]],
    characters: int = 650,
) -> Facts:
    """Real pairs with a teacher's grades; the caller leaves out what is reserved.

    A CV that is graded for postings of several parts stays with the first of train, test, valid: nobody crosses.

    Args:
        postings: rows of the pool by id (`title`, `text`).
        cvs: rows by id (`text`, `category`).
        grades: rows of `posting_id`, `cv_id`, `grade`.
        characters: how much of each text is kept, so that an embedder reads to the end of it.
    """
    rows = [row for row in grades if row["posting_id"] in postings and row["cv_id"] in cvs]
    parts = {row["posting_id"]: part_of(row["posting_id"]) for row in rows}
    owner: dict[str, Part] = {}
    order: tuple[Part, ...] = ("train", "test", "valid")
    for part in order:
        owner |= {r["cv_id"]: part for r in rows if parts[r["posting_id"]] == part and r["cv_id"] not in owner}
    kept = [row for row in rows if owner[row["cv_id"]] == parts[row["posting_id"]]]
    return Facts(
        {row["posting_id"]: _posting_text(postings[row["posting_id"]], characters) for row in kept},
        {row["cv_id"]: _cut(clean(cvs[row["cv_id"]]["text"]).text, characters) for row in kept},
        {row["cv_id"]: cvs[row["cv_id"]]["category"] for row in kept},
        tuple(Pair(row["posting_id"], row["cv_id"], _GRADE_MERIT[row["grade"]]) for row in kept),
        parts,
    )


def _posting_text(row: Mapping[str, Any], characters: int) -> str:
    return f"{row['title']}\n{_cut(clean(row['text']).text, characters)}"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[:length].rsplit(None, 1)[0]


def invented(taxonomy: Taxonomy, postings: int, candidates: int = 16, seed: int = 0) -> Facts:
    """Pairs from ESCO, whose merit is a known function of skills, trade, years and level of education.

    Args:
        postings: how many, each of another occupation; for each, CVs are written of half of its candidates.
        candidates: of each posting, half of them of its own trade.
    """
    chance = random.Random(seed)
    known = [o for o in taxonomy.occupations if len(taxonomy.essential.get(o.uri, ())) >= _ASKED_SKILLS]
    chosen = chance.sample(sorted(known, key=lambda o: o.uri), postings)
    skills = {skill.uri: skill for skill in taxonomy.skills}
    jobs = {f"esco-{i}": _Job.draw(o, taxonomy, chance) for i, o in enumerate(chosen)}
    parts = {posting_id: _part(draw(posting_id, "fairness")) for posting_id in jobs}
    people = {
        f"{posting_id}-{i}": _Candidate.draw(job, taxonomy, chance)
        for posting_id, job in jobs.items()
        for i in range(candidates // 2)
    }
    pairs = []
    for posting_id, job in jobs.items():
        own = [cv_id for cv_id in people if parts[cv_id.rsplit("-", 1)[0]] == parts[posting_id]]
        near = sorted(own, key=lambda cv_id: (-_closeness(job.occupation, people[cv_id].occupation), chance.random()))
        half = candidates // 2
        drawn = [*near[:half], *chance.sample(near[half:], min(candidates - half, len(near) - half))]
        pairs += [Pair(posting_id, cv_id, _merit(job, people[cv_id])) for cv_id in drawn]
    return Facts(
        {posting_id: job.text(skills, chance) for posting_id, job in jobs.items()},
        {cv_id: person.text(skills, chance) for cv_id, person in people.items()},
        {cv_id: person.occupation.code[:2] for cv_id, person in people.items()},
        tuple(pairs),
        parts,
    )


@dataclass(frozen=True, slots=True)
class _Job:
    occupation: Concept
    skills: frozenset[str]
    years: int
    level: int

    @classmethod
    def draw(cls, occupation: Concept, taxonomy: Taxonomy, chance: random.Random) -> "_Job":
        essential = sorted(taxonomy.essential[occupation.uri])
        asked = frozenset(chance.sample(essential, min(_ASKED_SKILLS, len(essential))))
        return cls(occupation, asked, chance.randint(1, 8), chance.randrange(len(_LEVELS)))

    def text(self, skills: Mapping[str, Concept], chance: random.Random) -> str:
        return (
            f"{_worded(self.occupation, chance)}\nWe look for someone with {_LEVELS[self.level]} and at least "
            f"{self.years} years of experience. You can: {_listed(self.skills, skills, chance)}."
        )


@dataclass(frozen=True, slots=True)
class _Candidate:
    occupation: Concept
    skills: frozenset[str]
    years: int
    level: int

    @classmethod
    def draw(cls, job: _Job, taxonomy: Taxonomy, chance: random.Random) -> "_Candidate":
        """Someone of that trade, who holds anything from few to all of the skills asked for."""
        held = chance.sample(sorted(job.skills), round(len(job.skills) * chance.uniform(0.2, 1.0)))
        others = sorted(taxonomy.essential[job.occupation.uri] - job.skills)
        held += chance.sample(others, min(len(others), max(0, _OWN_SKILLS - len(held))))
        years = max(0, job.years + chance.randint(-5, 5))
        return cls(job.occupation, frozenset(held), years, chance.randrange(len(_LEVELS)))

    def text(self, skills: Mapping[str, Concept], chance: random.Random) -> str:
        return (
            f"{_worded(self.occupation, chance)}, {self.years} years of experience, {_LEVELS[self.level]}.\n"
            f"Skills: {_listed(self.skills, skills, chance)}."
        )


def _merit(job: _Job, person: _Candidate) -> float:
    skills = len(job.skills & person.skills) / len(job.skills)
    years = min(1.0, person.years / job.years)
    level = float(person.level >= job.level)
    closeness = _closeness(job.occupation, person.occupation)
    return _SKILLS * skills + _TRADE * closeness + _YEARS * years + _LEVEL * level


def _closeness(one: Concept, other: Concept) -> float:
    if one.uri == other.uri:
        return 1.0
    shared = next((n for n in range(4) if one.code[n] != other.code[n]), 4)
    return _CLOSENESS[shared]


def _worded(concept: Concept, chance: random.Random) -> str:
    return chance.choice(concept.labels["en"])


def _listed(uris: Iterable[str], concepts: Mapping[str, Concept], chance: random.Random) -> str:
    words = [_worded(concepts[uri], chance) for uri in sorted(uris) if uri in concepts]
    chance.shuffle(words)
    return ", ".join(words)


def dress(facts: Facts, part: Part, bias: Bias, seed: int = 0) -> Dressed:
    """Puts people on the CVs of one part and labels them.

    In training each CV has one identity, its group drawn by trade; in the other parts it has one of each group, so that
    the groups have the same facts.
    """
    chance = random.Random(f"{part}-{seed}")
    pairs = [pair for pair in facts.pairs if facts.parts[pair.posting_id] == part]
    texts: list[str] = []
    wardrobe: dict[str, list[tuple[int, Group]]] = {}
    for cv_id in dict.fromkeys(pair.cv_id for pair in pairs):
        for group in _groups(facts.trades[cv_id], part, chance):
            wardrobe.setdefault(cv_id, []).append((len(texts), group))
            texts.append(dressed(facts.cvs[cv_id], draw_person(chance, group, part)))
    examples = [
        Example(
            pair.posting_id,
            pair.cv_id,
            text,
            group,
            pair.merit,
            pair.merit >= FIT,
            pair.merit - bias.penalty * (group == "women") + chance.gauss(0, bias.noise) >= FIT,
        )
        for pair in pairs
        for text, group in wardrobe[pair.cv_id]
    ]
    return Dressed(tuple(texts), tuple(examples))


def _groups(trade: str, part: Part, chance: random.Random) -> Sequence[Group]:
    if part != "train":
        return GROUPS
    women = 0.3 + 0.4 * draw(trade, "women")
    return ["women" if chance.random() < women else "men"]

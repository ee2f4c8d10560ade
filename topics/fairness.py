"""Recruiters' decisions (`outcomes.v1`) and protected attributes (`cv-groups.v1`) in, reports on fairness out.

`cv-groups.v1` is restricted: the fairness monitor alone reads it, and what it publishes speaks of groups, not of CVs.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from topics.fields import Id, Market, Model, Version

# A word, not a text: nobody's name or address fits in by accident, and it may be a metric's label.
Group = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_+-]{0,39}$")]
Attribute = Literal["gender", "age_band", "region", "ethnicity", "disability"]
ATTRIBUTES: tuple[Attribute, ...] = ("gender", "age_band", "region", "ethnicity", "disability")

Status = Literal["hired", "interviewed", "rejected", "pool", "no_news", "position_filled"]
# They say nothing of whether the CV fits the posting.
_UNDECIDED: frozenset[Status] = frozenset({"pool", "no_news", "position_filled"})

Measure = Literal["demographic_parity", "impact_ratio", "equal_opportunity", "equalised_odds"]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class CvGroups(BaseModel):
    """The groups a CV's owner has declared to belong to. Each is optional; keys that we do not know are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    id: Id = Field(description="The CV's id; the record's key must be the same.")
    version: Version = Field(default=0, description="Grows with each change.")
    gender: Group | None = None
    age_band: Group | None = Field(default=None, description="A band, such as `25-34`; never the age.")
    region: Group | None = Field(default=None, description="A region, such as `fr-idf`; never the address.")
    ethnicity: Group | None = None
    disability: Group | None = None

    def declared(self) -> dict[Attribute, str]:
        """Of each attribute that is known the group."""
        return {name: group for name in ATTRIBUTES if (group := getattr(self, name)) is not None}


class Outcome(BaseModel):
    """What a recruiter decided on one CV for one posting; the newest `at` is the whole truth."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    posting_id: Id
    cv_id: Id
    status: Status
    at: Annotated[AwareDatetime, Field(strict=False)] = Field(description="When it was decided, with its zone.")

    @property
    def id(self) -> str:
        """The record's key, `POSTING_ID:CV_ID`."""
        return f"{self.posting_id}:{self.cv_id}"

    @property
    def label(self) -> bool | None:
        """Whether the CV was the right one, as published: hired; None where the status decides nothing."""
        return None if self.status in _UNDECIDED else self.status == "hired"


class Range(Model):
    """A figure with its 95 % bootstrap interval, postings drawn anew."""

    value: float
    low: float
    high: float


class Gap(Range):
    """A figure of how far groups are apart, and how far chance alone takes them."""

    chance: float = Field(
        description="Its worst value where the same groups are dealt out to the same CVs at random, a thousand times."
    )


class GroupFigures(Model):
    """One group in one window; only of groups with enough different CVs in the market."""

    group: str
    cvs: int = Field(description="Different CVs in the lists; 0 where none of the group was listed.")
    candidates: int = Field(description="Places in the lists: a CV counts in each list that it is in.")
    selected: int = Field(description="Places among the first `k`.")
    selection_rate: Share = Field(description="`selected` of `candidates`.")
    pool: Range = Field(description="Share of all candidates in a list, mean over the postings, in percent.")
    representation: Range = Field(description="Share of the first `k`, likewise.")
    exposure: Range = Field(description="Share of the attention to the first `k`, 1 / log2(rank + 1) each, likewise.")
    population: int = Field(description="Different CVs of the market when the window was judged, in a list or not.")
    decided: int = Field(description="Candidates that recruiters decided on.")
    hired: int = Field(description="Of these, hired.")


class FairnessReport(Model):
    """How one attribute's groups fared in one market and window.

    A window is judged when it is over, and again where a late event changed it: the newest report of an `id` counts.
    Differences are in percentage points; null where fewer than two groups have enough CVs.
    """

    id: str = Field(description="`MARKET/ATTRIBUTE/HOURSh/START`.")
    market: Market
    attribute: Attribute
    window_start: datetime
    window_end: datetime
    k: int = Field(description="A CV is selected where its rank in a posting's list is at most this.")
    postings: int = Field(description="Lists judged: of each posting the newest of the window.")
    coverage: Share = Field(description="Share of the listed CVs whose group is known, to two digits.")
    groups: tuple[GroupFigures, ...]
    minimum: int = Field(description="Groups of fewer different CVs in the market are left out, for privacy.")
    suppressed: int = Field(description="How many were left out.")
    demographic_parity: Gap | None = Field(description="Largest less smallest `selection_rate`.")
    impact_ratio: Gap | None = Field(
        description="Smallest by largest `selected` per CV of the `population`: retrieval counts too. At least .8 by "
        "the four-fifths rule."
    )
    equal_opportunity: Gap | None = Field(description="Largest less smallest share of the hired who were selected.")
    equalised_odds: Gap | None = Field(
        description="The larger of that and of the same difference among those decided on and not hired."
    )
    thresholds: dict[Measure, float] = Field(description="As set when the window was judged.")
    flagged: tuple[Measure, ...] = Field(description="Measures beyond both their threshold and chance.")

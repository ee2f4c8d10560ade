"""The answer that an LLM is asked for, and how each part of it is checked before anybody sees it.

One JSON object, its members in the order in which they are of use: intent (the plan), the plan's tool calls, language,
facets. A tool call counts as soon as it is whole; what is checked of it: the schema; that the plan asks for it, now and
once; that spans are the query's words; that no company and no place is named that was not given. Criteria that fail
are dropped, values that fail give way to the student's, calls that fail end the answer.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from models.queries.normalising import Normaliser
from topics.fields import Feature
from topics.queries import (
    Criterion,
    CriterionType,
    Facet,
    Intent,
    LoadProfile,
    LoadProfileArguments,
    OpenCompany,
    OpenCompanyArguments,
    ProfileField,
    Query,
    QueryReading,
    Refuse,
    RefuseArguments,
    SearchArguments,
    SearchJobs,
    ToolCall,
    call_id,
)
from workers.llm.errors import InvalidError, UngroundedError
from workers.llm.grounding import Ground, locate
from workers.llm.reader import Part

# An LLM states no probability that we could calibrate.
UNCALIBRATED = 0.5
# Each intent's tool calls, in order.
PLANS: dict[Intent, tuple[str, ...]] = {
    "criteria": ("search_jobs",),
    "self_reference": ("load_profile", "search_jobs"),
    "mixed": ("load_profile", "search_jobs"),
    "navigational": ("open_company",),
    "out_of_scope": ("refuse",),
}
# As the student has it.
STALE_AFTER = timedelta(days=731)
MAX_TEXT = 500
MAX_CRITERIA = 40
MAX_FACETS = 4
# The guide: refinements are offered where the query names one of these.
FACETED: tuple[CriterionType, ...] = ("title", "skill", "industry")

# Of these types values are one of few; of all others names, which a company's or place's must be given.
VALUES: dict[CriterionType, re.Pattern[str]] = {
    "work_arrangement": re.compile("onsite|hybrid|remote"),
    "employment_type": re.compile("full_time|part_time|contract|temporary|internship|apprenticeship|volunteer"),
    "seniority": re.compile("intern|entry|mid|senior|lead|executive"),
    "education": re.compile("secondary|vocational|associate|bachelor|master|doctorate|none"),
    "salary": re.compile(
        r"(?:(?:[<>]=)?\d+(?:\.\d+)?|\d+(?:\.\d+)?\.\.\d+(?:\.\d+)?) (?:[A-Z]{3}|\?)/(?:[a-z]{1,8}|\?)"
    ),
    "experience_years": re.compile(r"(?:[<>]=)?\d{1,2}(?:\.\d)?|\d{1,2}\.\.\d{1,2}"),
    "date_posted": re.compile(r"<=\d{1,3}[hd]"),
}
# No job is named by these; a page or another program might take them for its own.
_MARKUP = re.compile(r"[<>{}\[\]\\`|]|://|www\.", re.IGNORECASE)


def _text(value: str) -> str:
    value = value.strip()
    if not 0 < len(value) <= MAX_TEXT or any(unicodedata.category(c).startswith("C") for c in value):
        raise ValueError("empty, too long, or with control characters")
    return value


def _prose(value: str) -> str:
    if _MARKUP.search(value):
        raise ValueError("markup or an address")
    return _text(value)


# The limits are not in the schema that the LLM is guided by: few endpoints know more than types and enumerations.
Text = Annotated[str, AfterValidator(_text)]
Prose = Annotated[str, AfterValidator(_prose)]


class _Asked(BaseModel):
    """Base of what is asked for: unknown keys are told not to be used, and ignored."""

    model_config = ConfigDict(extra="ignore", strict=True, json_schema_extra={"additionalProperties": False})


class _Criterion(_Asked):
    type: CriterionType
    span: Text
    value: Text
    negated: bool


class _Facet(_Asked):
    type: CriterionType
    value: Text


class _LoadProfile(_Asked):
    tool: Literal["load_profile"]
    fields: list[ProfileField]


class _SearchJobs(_Asked):
    tool: Literal["search_jobs"]
    criteria: list[_Criterion]
    rewrite: Prose


class _OpenCompany(_Asked):
    tool: Literal["open_company"]
    company: Prose | None
    criteria: list[_Criterion]
    page: Prose


class _Refuse(_Asked):
    tool: Literal["refuse"]


_Call = Annotated[_LoadProfile | _SearchJobs | _OpenCompany | _Refuse, Field(discriminator="tool")]


class _Answer(_Asked):
    intent: Intent
    tool_calls: list[_LoadProfile | _SearchJobs | _OpenCompany | _Refuse]
    language: str
    facets: list[_Facet]


LISTS = ("tool_calls",)
_CALL: TypeAdapter[Any] = TypeAdapter(_Call)
_INTENT: TypeAdapter[Intent] = TypeAdapter(Intent)
_FACETS: TypeAdapter[list[_Facet]] = TypeAdapter(list[_Facet])
_LANGUAGE = re.compile("[a-z]{2}")


def schema() -> dict[str, Any]:
    """JSON Schema of the answer, for the prompt and for endpoints that guide the decoding by it."""
    return _Answer.model_json_schema()


class Answer:
    """One answer as it comes in.

    Args:
        query: with `asked_on`, to which its profile's age is counted.
        normaliser: the student's, for values that can't be believed.

    Attributes:
        calls: those accepted so far.
        dropped: criteria left out, since their span is not in the query or their value can't be used.
    """

    def __init__(self, query: Query, normaliser: Normaliser) -> None:
        self.calls: list[ToolCall] = []
        self.dropped = 0
        self._query = query
        self._normaliser = normaliser
        self._ground = Ground(query, normaliser.lexicon.names["company"])
        self._intent: Intent | None = None
        self._language: str | None = None
        self._fields: tuple[ProfileField, ...] = ()
        self._criteria: tuple[Criterion, ...] = ()
        self._rewrite = ""
        self._facets: tuple[Facet, ...] = ()

    @property
    def planned(self) -> bool:
        """All calls of the plan are there: the rest is a nicety."""
        return self._intent is not None and len(self.calls) == len(PLANS[self._intent])

    def take(self, part: Part) -> ToolCall | None:
        """The tool call that `part` makes, if it makes one.

        Raises:
            InvalidError: it is not by the schema, or not what the plan asks for.
            UngroundedError: it names what was not given.
        """
        try:
            match part.name:
                case "intent":
                    self._intent = _INTENT.validate_python(part.value, strict=True)
                case "tool_calls":
                    self.calls.append(call := self._call(_CALL.validate_python(part.value)))
                    return call
                case "language" if isinstance(part.value, str) and _LANGUAGE.fullmatch(part.value):
                    self._language = part.value
                case "facets":
                    self._facets = tuple(self._offered(_FACETS.validate_python(part.value)))
                case _:  # nothing that we asked for, and nothing that anything depends on
                    pass
        except ValidationError as error:
            # Not its message, which quotes the value.
            where = ".".join(str(step) for step in error.errors(include_url=False)[0]["loc"])
            raise InvalidError(f"{part.name} is not by the schema ({where or 'itself'})") from None
        return None

    def reading(self) -> QueryReading:
        """What was read; only when `planned`.

        A language that is missing is the locale's, or English, with no confidence.
        """
        query, intent = self._query, self._intent
        if intent is None:
            raise InvalidError("no intent")
        profile = query.profile
        locale = (query.locale or "")[:2].lower()
        guessed = locale if _LANGUAGE.fullmatch(locale) else "en"
        stale = profile is not None and query.asked_on is not None and query.asked_on - profile.updated_at > STALE_AFTER
        return QueryReading(
            language=Feature(value=self._language or guessed, confidence=UNCALIBRATED if self._language else 0.0),
            intent=Feature(value=intent, confidence=UNCALIBRATED),
            criteria=self._criteria,
            rewrite=Feature(value=self._rewrite, confidence=UNCALIBRATED),
            profile_fields=self._fields,
            missing=tuple(field for field in self._fields if profile is None or not getattr(profile, field)),
            facets=self._facets if any(c.type in FACETED for c in self._criteria) else (),
            stale_profile=stale,
        )

    def _call(self, asked: Any) -> ToolCall:
        number = len(self.calls)
        plan = PLANS[self._intent] if self._intent is not None else ()
        if plan[number : number + 1] != (asked.tool,):
            raise InvalidError("a tool call that the intent does not ask for")
        call = call_id(self._query.id, self._query.version, number)
        match asked:
            case _LoadProfile():
                return LoadProfile(id=call, arguments=self._load_profile(asked))
            case _SearchJobs():
                return SearchJobs(id=call, arguments=self._search_jobs(asked))
            case _OpenCompany():
                return OpenCompany(id=call, arguments=self._open_company(asked))
            case _:
                return Refuse(id=call, arguments=RefuseArguments(reason="out_of_scope"))

    def _load_profile(self, asked: _LoadProfile) -> LoadProfileArguments:
        self._fields = tuple(field for field in get_args(ProfileField) if field in asked.fields)
        if not self._fields:
            raise InvalidError("a profile is to be loaded, but none of its fields")
        return LoadProfileArguments(fields=self._fields)

    def _search_jobs(self, asked: _SearchJobs) -> SearchArguments:
        self._criteria = self._grounded(asked.criteria)
        if not self._criteria and self._intent != "self_reference":
            raise InvalidError("a search for nothing")
        self._rewrite = self._named(asked.rewrite)
        return SearchArguments(rewrite=self._rewrite, criteria=self._criteria)

    def _open_company(self, asked: _OpenCompany) -> OpenCompanyArguments:
        if asked.company is not None:
            if not self._ground.holds_company(asked.company):
                raise UngroundedError("a company that was not given")
            self._ground.accept(asked.company)
        self._criteria = self._grounded(asked.criteria)
        self._rewrite = self._named(asked.page)
        return OpenCompanyArguments(company=asked.company, page=self._rewrite)

    def _named(self, text: str) -> str:
        if self._ground.names_unknown(text):
            raise UngroundedError("a name that was not given")
        return text

    def _grounded(self, asked: Sequence[_Criterion]) -> tuple[Criterion, ...]:
        """The criteria whose spans are the query's words, in its order."""
        if len(asked) > MAX_CRITERIA:
            raise InvalidError("too many criteria")
        found = []
        for criterion, place in zip(asked, locate([c.span for c in asked], self._query.text), strict=True):
            if place is None or (value := self._value(criterion, span := self._query.text[slice(*place)])) is None:
                self.dropped += 1
                continue
            self._ground.accept(value)
            found.append(
                Criterion(
                    type=criterion.type,
                    span=span,
                    start=place[0],
                    end=place[1],
                    value=value,
                    negated=criterion.negated,
                    confidence=UNCALIBRATED,
                )
            )
        return tuple(sorted(found, key=lambda c: c.start))

    def _value(self, criterion: _Criterion, span: str) -> str | None:
        """The LLM's value where it can be believed, else the student's of the same words."""
        value, pattern = criterion.value, VALUES.get(criterion.type)
        if pattern is not None:
            believed = pattern.fullmatch(value) is not None
        elif _MARKUP.search(value):
            believed = False
        elif criterion.type == "company":
            believed = self._ground.holds_company(value)
        elif criterion.type == "location":
            believed = self._ground.holds(value)
        else:
            believed = not self._ground.names_unknown(value)
        known = value if believed else self._normaliser.value(criterion.type, span)
        return known if pattern is None or pattern.fullmatch(known) else None

    def _usable(self, facet: _Facet) -> bool:
        if (pattern := VALUES.get(facet.type)) is not None:
            return pattern.fullmatch(facet.value) is not None
        return not (_MARKUP.search(facet.value) or self._ground.names_unknown(facet.value))

    def _offered(self, asked: Sequence[_Facet]) -> Iterator[Facet]:
        """Facets of types that the query leaves open; none names a company or a place."""
        closed = {criterion.type for criterion in self._criteria} | {"company", "location"}
        usable = (
            Facet(type=facet.type, value=facet.value, confidence=UNCALIBRATED)
            for facet in asked
            if facet.type not in closed and self._usable(facet)
        )
        return islice(usable, MAX_FACETS)

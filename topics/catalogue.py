"""The topic table: the one place that creates topics, drives workers and generates the published schemas."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from topics.cvs import Cv, CvFeatures
from topics.fairness import CvGroups, FairnessReport, Outcome
from topics.ledger import LedgerEntry
from topics.matches import MatchList
from topics.postings import Posting, PostingFeatures
from topics.queries import Query, QueryToolCall, QueryUnderstanding
from topics.query_shadow import QueryShadow
from topics.rejections import Rejection

MEGABYTE = 1024 * 1024
HOUR_MS = 60 * 60 * 1000
DAY_MS = 24 * HOUR_MS

# What is erased is gone from the disks after this long at the latest, however quiet its partition is.
MAX_COMPACTION_LAG_MS = 7 * DAY_MS
# A reader that keeps up sees every version; one that was away this long still sees that a key was deleted.
MIN_COMPACTION_LAG_MS = HOUR_MS
DELETE_RETENTION_MS = 7 * DAY_MS

# Inputs may be this large so that an oversized event reaches us and is rejected by name, not lost at the producer.
INPUT_MAX_BYTES = 16 * MEGABYTE


@dataclass(frozen=True, slots=True)
class Topic:
    """One Kafka topic.

    Attributes:
        name: the Kafka topic, with its major schema version.
        key: what the record key is, in words.
        event_type: CloudEvents `ce_type` of its records; None where records are another topic's original bytes.
        model: the value's schema; None where the value is opaque bytes.
        direction: `in` is written by others, `out` by our workers for others, `state` by our workers for themselves.
        cleanup: Kafka `cleanup.policy`.
        retention_ms: for topics with `delete`.
        max_message_bytes: Kafka `max.message.bytes`.
        partitions: default; inputs and outputs of a worker share the number, so a key stays in its partition.
        summary: one line for the AsyncAPI document and `topics list`.
    """

    name: str
    key: str
    event_type: str | None
    model: type[BaseModel] | None
    direction: Literal["in", "out", "state"]
    cleanup: Literal["compact", "delete", "compact,delete"]
    summary: str
    retention_ms: int | None = None
    max_message_bytes: int = 2 * MEGABYTE
    partitions: int = 12

    def config(self) -> dict[str, str]:
        """Kafka topic configuration."""
        config = {"cleanup.policy": self.cleanup, "max.message.bytes": str(self.max_message_bytes)}
        if self.retention_ms is not None:
            config["retention.ms"] = str(self.retention_ms)
        if self.compacted:
            config["min.compaction.lag.ms"] = str(MIN_COMPACTION_LAG_MS)
            config["max.compaction.lag.ms"] = str(MAX_COMPACTION_LAG_MS)
            config["delete.retention.ms"] = str(DELETE_RETENTION_MS)
        return config

    @property
    def compacted(self) -> bool:
        """A null value removes what was published under its key."""
        return "compact" in self.cleanup


POSTINGS = Topic(
    name="postings.v1",
    key="posting id",
    event_type="talentstream.posting.v1",
    model=Posting,
    direction="in",
    cleanup="compact",
    max_message_bytes=INPUT_MAX_BYTES,
    summary="Job postings as boards publish them; a null value deletes the posting.",
)
POSTING_FEATURES = Topic(
    name="posting-features.v1",
    key="posting id",
    event_type="talentstream.posting-features.v1",
    model=PostingFeatures,
    direction="out",
    cleanup="compact",
    summary="Features of each posting, an upsert by key; a null value removes it from an index.",
)
POSTINGS_LEDGER = Topic(
    name="postings-ledger.v1",
    key="posting id",
    event_type="talentstream.ledger-entry.v1",
    model=LedgerEntry,
    direction="state",
    cleanup="compact",
    summary="Which version of each posting the postings worker answered last, and what made the answer.",
)
CVS = Topic(
    name="cvs.v1",
    key="cv id",
    event_type="talentstream.cv.v1",
    model=Cv,
    direction="in",
    cleanup="compact",
    max_message_bytes=INPUT_MAX_BYTES,
    summary="CVs as text or sections, without protected attributes; a null value deletes the CV.",
)
CV_FEATURES = Topic(
    name="cv-features.v1",
    key="cv id",
    event_type="talentstream.cv-features.v1",
    model=CvFeatures,
    direction="out",
    cleanup="compact",
    summary="Anonymised features of each CV, an upsert by key; a null value removes it from an index.",
)
CVS_LEDGER = Topic(
    name="cvs-ledger.v1",
    key="cv id",
    event_type="talentstream.ledger-entry.v1",
    model=LedgerEntry,
    direction="state",
    cleanup="compact",
    summary="Which version of each CV the CV worker answered last, and what made the answer.",
)
# A query is a person's words and profile, and of use for seconds; analysis takes what it may keep within days.
QUERY_RETENTION_MS = 3 * DAY_MS
# Few: each partition's batch costs an inference and a transaction of its own, and under load one of more queries takes
# hardly longer; the number bounds the workers that can share the work.
QUERY_PARTITIONS = 4
QUERIES = Topic(
    name="queries.v1",
    key="query id",
    event_type="talentstream.query.v1",
    model=Query,
    direction="in",
    cleanup="delete",
    retention_ms=QUERY_RETENTION_MS,
    max_message_bytes=INPUT_MAX_BYTES,
    partitions=QUERY_PARTITIONS,
    summary="Search queries as typed, with the searcher's profile where there is one.",
)
QUERY_UNDERSTANDING = Topic(
    name="query-understanding.v1",
    key="query id",
    event_type="talentstream.query-understanding.v1",
    model=QueryUnderstanding,
    direction="out",
    cleanup="delete",
    retention_ms=QUERY_RETENTION_MS,
    partitions=QUERY_PARTITIONS,
    summary="What each query means: intent, criteria with spans, rewrite, facets, what the profile lacks.",
)
QUERY_TOOL_CALLS = Topic(
    name="query-tool-calls.v1",
    key="query id",
    event_type="talentstream.query-tool-call.v1",
    model=QueryToolCall,
    direction="out",
    cleanup="delete",
    retention_ms=QUERY_RETENTION_MS,
    partitions=QUERY_PARTITIONS,
    summary="What to do for a query, one record for each tool call, as soon as it is known.",
)
QUERY_SHADOW = Topic(
    name="query-shadow.v1",
    key="query id",
    event_type="talentstream.query-shadow.v1",
    model=QueryShadow,
    direction="out",
    cleanup="delete",
    retention_ms=QUERY_RETENTION_MS,
    partitions=QUERY_PARTITIONS,
    summary="Where an LLM reads in the student's shadow: both readings, where they agree, how long each took.",
)
MATCHES = Topic(
    name="matches.v1",
    key="`posting:` or `cv:` and the id",
    event_type="talentstream.matches.v1",
    model=MatchList,
    direction="out",
    cleanup="compact",
    summary="The best CVs of each posting and the best postings of each CV, a whole list an upsert; null removes it.",
)
CV_GROUPS = Topic(
    name="cv-groups.v1",
    key="cv id",
    event_type="talentstream.cv-groups.v1",
    model=CvGroups,
    direction="in",
    cleanup="compact",
    summary="Restricted: protected attributes, for the fairness monitor alone; a null value forgets them.",
)
OUTCOMES = Topic(
    name="outcomes.v1",
    key="POSTING_ID:CV_ID",
    event_type="talentstream.outcome.v1",
    model=Outcome,
    direction="in",
    cleanup="compact",
    summary="Recruiters' decisions on a CV for a posting, the newest counts; a null value takes it back.",
)
FAIRNESS_REPORTS = Topic(
    name="fairness-reports.v1",
    key="market",
    event_type="talentstream.fairness-report.v1",
    model=FairnessReport,
    direction="out",
    cleanup="delete",
    retention_ms=365 * DAY_MS,
    summary="How groups of CVs fare in the matches of a market, by attribute and window.",
)
REJECTIONS = Topic(
    name="rejections.v1",
    key="key of the refused input",
    event_type="talentstream.rejection.v1",
    model=Rejection,
    direction="out",
    cleanup="delete",
    retention_ms=30 * DAY_MS,
    summary="One typed rejection for each input that could not be used.",
)
DEAD_LETTERS = Topic(
    name="dead-letters.v1",
    key="key of the failed input",
    event_type=None,
    model=None,
    direction="out",
    cleanup="compact,delete",
    retention_ms=30 * DAY_MS,
    summary="Original bytes of inputs on which processing failed, with the error in KIP-1034 headers.",
)

CATALOGUE: tuple[Topic, ...] = (
    POSTINGS,
    POSTING_FEATURES,
    POSTINGS_LEDGER,
    CVS,
    CV_FEATURES,
    CVS_LEDGER,
    QUERIES,
    QUERY_UNDERSTANDING,
    QUERY_TOOL_CALLS,
    QUERY_SHADOW,
    MATCHES,
    CV_GROUPS,
    OUTCOMES,
    FAIRNESS_REPORTS,
    REJECTIONS,
    DEAD_LETTERS,
)
BY_NAME: dict[str, Topic] = {topic.name: topic for topic in CATALOGUE}


@dataclass(frozen=True, slots=True)
class Flow:
    """Which topics a worker turns into which.

    Attributes:
        worker: its name: of the consumer group, `ce_source` and metric labels.
        entity: what the source's keys name, for commands such as `erase`.
        source: the topic it reads.
        derived: topics with an output for each key of `source`; a tombstone in becomes a tombstone in each.
        ledger: its memory of versions, with as many partitions as `source`; None where each input stands for itself.
    """

    worker: str
    entity: str
    source: Topic
    derived: tuple[Topic, ...]
    ledger: Topic | None = None


POSTINGS_FLOW = Flow("postings", "posting", POSTINGS, (POSTING_FEATURES,), POSTINGS_LEDGER)
CVS_FLOW = Flow("cvs", "cv", CVS, (CV_FEATURES,), CVS_LEDGER)
QUERIES_FLOW = Flow("queries", "query", QUERIES, (QUERY_UNDERSTANDING, QUERY_TOOL_CALLS))
FLOWS: tuple[Flow, ...] = (POSTINGS_FLOW, CVS_FLOW, QUERIES_FLOW)


@dataclass(frozen=True, slots=True)
class JoinFlow:
    """Of a worker that joins two sources: a record of either changes outputs of both sides' keys.

    Attributes:
        worker: its name: of the consumer group, `ce_source` and metric labels.
        sources: the topics it reads, and `target` the one it writes; all with the same number of partitions.
        target: an output for each key of each source stands in the partition that the key has in its source.
    """

    worker: str
    sources: tuple[Topic, Topic]
    target: Topic


MATCHER_FLOW = JoinFlow("matcher", (POSTING_FEATURES, CV_FEATURES), MATCHES)

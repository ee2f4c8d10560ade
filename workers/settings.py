"""Every setting of the runtime. Each is an environment variable, shown beside its field.

Addresses and credentials use the names that such deployments already have; all others take the prefix `TALENTSTREAM_`.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import DirectoryPath, Field, SecretStr, field_validator, model_validator

from topics.matches import MAX_MATCHES
from workers.connections import Connections


class Settings(Connections):
    """Read from the environment (and `.env`); invalid values stop the process with the field's name."""

    data_dir: Path = Field(
        default=Path(".talentstream"),
        title="Data folder",
        description="Where the embedded broker, Triton and Redis keep their files and logs, and workers their indexes.",
    )
    esco_dir: DirectoryPath | None = Field(
        default=None,
        title="ESCO folder",
        description="The official CSVs of any version; where unset, the copy that comes with the package.",
    )
    delivery: Literal["exactly_once", "at_least_once"] = Field(
        default="exactly_once",
        title="Delivery guarantee",
        description="at_least_once saves the transaction where milliseconds matter; a crash may repeat outputs.",
    )
    group_prefix: str = Field(
        default="talentstream",
        title="Consumer group prefix",
        description="The group is PREFIX-WORKER; transactional ids begin with it, so ACLs can be given by prefix.",
    )
    group_instance_id: str | None = Field(
        default=None,
        title="Static member id",
        description="Unique for each worker process; a restart within the session timeout then causes no rebalance.",
    )
    session_timeout_s: float = Field(
        default=10.0, gt=0, title="Session timeout", description="Kafka takes a silent worker's partitions after this."
    )
    transaction_timeout_s: float = Field(
        default=20.0, gt=0, title="Transaction timeout", description="The broker aborts a transaction open for longer."
    )
    drain_timeout_s: float = Field(
        default=8.0,
        gt=0,
        title="Drain timeout",
        description="How long a revoke or shutdown waits for batches in flight; the next owner does the rest.",
    )
    batch_events: int = Field(default=256, ge=1, title="Batch size", description="Most events in one transaction.")
    batch_tokens: int = Field(
        default=32 * 1024,
        ge=1,
        title="Batch tokens",
        description="Most input tokens (about 4 bytes each) in one transaction (at least one event).",
    )
    batch_wait_s: float = Field(
        default=0.02,
        ge=0,
        title="Batch wait",
        description="How long an event waits for batch mates; 0 where milliseconds matter more than throughput.",
    )
    queue_events: int = Field(
        default=768, ge=1, title="Queue length", description="Events held for one partition before it is paused."
    )
    queue_bytes: int = Field(
        default=4 * 1024 * 1024, ge=1, title="Queue bytes", description="Input bytes held before a partition is paused."
    )
    retry_initial_s: float = Field(default=0.2, gt=0, title="First back-off", description="Wait after a first failure.")
    retry_max_s: float = Field(default=15.0, gt=0, title="Longest back-off", description="Cap of the growing wait.")
    handle_timeout_s: float = Field(
        default=25.0, gt=0, title="Handle timeout", description="Deadline of one batch in the worker, all stages."
    )
    suspect_timeout_s: float = Field(
        default=30.0,
        gt=0,
        title="Suspect timeout",
        description="A batch on which a live part answers nonsense, or that outlasts its deadline, is tried again for "
        "this long; then it is split, and the event at fault dead-lettered.",
    )
    poison_run: int = Field(
        default=100, ge=1, title="Poison run", description="So many dead letters in a row stop the worker."
    )
    poison_ratio: float = Field(
        default=0.5,
        gt=0,
        le=1,
        title="Poison ratio",
        description="More dead letters than this among the last `poison_window` events of a partition stop the worker.",
    )
    poison_window: int = Field(
        default=1000, ge=1, title="Poison window", description="Events over which `poison_ratio` is taken."
    )
    inference_timeout_s: float = Field(
        default=10.0, gt=0, title="Inference timeout", description="Deadline of one Triton request."
    )
    inference_concurrency: int = Field(
        default=4,
        ge=1,
        title="Inference concurrency",
        description="Triton requests under way at once from this worker.",
    )
    cache_timeout_s: float = Field(
        default=0.25,
        gt=0,
        title="Cache timeout",
        description="Deadline of one Redis call; past it the worker goes on without.",
    )
    cache_ttl_s: int = Field(
        default=30 * 24 * 3600, ge=1, title="Cache lifetime", description="How long Redis keeps a result."
    )
    query_engine: Literal["student", "llm", "shadow"] = Field(
        default="student",
        title="Query engine",
        description="What reads queries: the student, an LLM (the student where it fails), or the student with an LLM "
        "in its shadow, whose answers are compared and not used.",
    )
    llm_url: str | None = Field(
        default=None,
        title="LLM address",
        description="Base of an OpenAI-compatible API such as http://vllm:8000/v1; for `llm` and `shadow`.",
    )
    llm_model: str | None = Field(
        default=None, title="LLM", description="The name under which the endpoint serves the model."
    )
    llm_token: SecretStr | None = Field(
        default=None, title="LLM token", description="Sent with each call as `authorization: Bearer TOKEN`."
    )
    llm_deadline_s: float = Field(
        default=1.0,
        gt=0,
        title="LLM deadline",
        description="For one whole answer, the wait for a connection included; past it the student answers.",
    )
    llm_concurrency: int = Field(
        default=32, ge=1, title="LLM concurrency", description="Answers under way at once from this worker."
    )
    llm_guided: bool = Field(
        default=True,
        title="LLM guided decoding",
        description="Sends the answer's JSON Schema as `response_format`, which vLLM follows; false for endpoints that "
        "refuse it, such as Triton's own OpenAI frontend.",
    )
    match_top: int = Field(default=10, ge=1, le=MAX_MATCHES, title="List length", description="Most matches in a list.")
    match_candidates: int = Field(
        default=50, ge=1, title="Candidates", description="The most similar ones that are compared facet by facet."
    )
    match_min_score: float = Field(
        default=0.3, ge=0, le=1, title="Relevance threshold", description="Matches that score less are left out."
    )
    match_diversity: float = Field(
        default=0.1, ge=0, lt=1, title="Diversity", description="Weight of unlikeness (MMR); 0 ranks by score alone."
    )
    match_filters: tuple[Literal["language", "work_arrangement"], ...] = Field(
        default=("language", "work_arrangement"),
        title="Filters",
        description="A JSON list of what must fit beside the market: language, work_arrangement.",
    )
    publish_text: bool = Field(
        default=True, title="Publish text", description="False publishes the cleaned text's hash without the text."
    )
    fairness_window_hours: tuple[Annotated[int, Field(ge=1, le=24 * 31)], ...] = Field(
        default=(1, 24, 168),
        min_length=1,
        title="Fairness windows",
        description="Lengths of the fairness monitor's windows as a JSON list; the shortest divides the others.",
    )
    fairness_k: int = Field(
        default=10,
        ge=1,
        title="Fairness rank",
        description="Up to this rank in a posting's list a CV counts as selected.",
    )
    fairness_minimum_group: int = Field(
        default=20,
        ge=2,
        title="Smallest group",
        description="Groups of fewer different CVs in a market are left out of reports and metrics.",
    )
    fairness_grace_s: float = Field(
        default=300.0, ge=0, title="Fairness grace", description="A window is judged so long after its end."
    )
    fairness_interval_s: float = Field(
        default=30.0,
        gt=0,
        title="Fairness interval",
        description="How often the monitor looks for windows that are over.",
    )
    fairness_parity_points: float = Field(
        default=5.0,
        ge=0,
        le=100,
        title="Parity threshold",
        description="Demographic parity difference, in percentage points, that is flagged once its whole interval lies "
        "beyond.",
    )
    fairness_impact_ratio: float = Field(
        default=0.8,
        ge=0,
        le=1,
        title="Impact ratio threshold",
        description="Smallest by largest selections for each CV below which it is flagged likewise: four fifths.",
    )
    fairness_opportunity_points: float = Field(
        default=10.0,
        ge=0,
        le=100,
        title="Opportunity threshold",
        description="Equal opportunity difference, in percentage points, likewise.",
    )
    fairness_odds_points: float = Field(
        default=15.0,
        ge=0,
        le=100,
        title="Odds threshold",
        description="Equalised odds difference, in percentage points, likewise.",
    )
    replication_factor: int = Field(
        default=1, ge=1, title="Replication factor", description="For `topics apply`; 3 in production."
    )
    partitions: int | None = Field(
        default=None,
        ge=1,
        title="Partitions",
        description="For `topics apply`; overrides the catalogue's number for all.",
    )
    http_host: str = Field(default="0.0.0.0", title="HTTP host", description="Of /livez, /readyz and /metrics.")  # noqa: S104 - containers are probed from outside
    http_port: int = Field(
        default=8080,
        ge=0,
        le=65535,
        title="HTTP port",
        description="Of /livez, /readyz and /metrics; 0 takes a free one.",
    )
    stall_timeout_s: float = Field(
        default=30.0,
        gt=0,
        title="Stall timeout",
        description="/livez fails when the poll loop, or a partition that has work, stood still this long.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", title="Log level", description="Of our own log lines; libraries log from warning on."
    )
    log_format: Literal["json", "console"] = Field(default="json", title="Log format", description="json or console.")

    def over(self, defaults: Mapping[str, Any]) -> Self:
        """These settings, with other defaults for what nothing was given for."""
        return self.model_copy(update={k: v for k, v in defaults.items() if k not in self.model_fields_set})

    @field_validator("llm_url")
    @classmethod
    def _is_http_address(cls, url: str | None) -> str | None:
        # A password in it would stand in the log lines of every library on the way; there is a setting for the token.
        if url is not None and not re.fullmatch(r"https?://[^\s@?#]+", url):
            raise ValueError("not an http:// or https:// address without user, password and query")
        return url

    @field_validator("fairness_window_hours")
    @classmethod
    def _windows_nest(cls, hours: tuple[int, ...]) -> tuple[int, ...]:
        ordered = tuple(sorted(set(hours)))
        if any(length % ordered[0] for length in ordered):
            raise ValueError("the shortest window must divide the others")
        return ordered

    @model_validator(mode="after")
    def _engine_is_complete(self) -> Self:
        if self.query_engine != "student" and not (self.llm_url and self.llm_model):
            raise ValueError(
                f"TALENTSTREAM_QUERY_ENGINE={self.query_engine} needs TALENTSTREAM_LLM_URL and TALENTSTREAM_LLM_MODEL"
            )
        return self

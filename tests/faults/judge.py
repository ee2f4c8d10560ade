"""What came out, judged against what went in. The input topic itself, in its order, says what must have come out."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

from aiokafka.structs import ConsumerRecord

from tests.faults.load import EXPECT, digest
from topics.envelope import header


@dataclass(frozen=True, slots=True)
class Input:
    """A record of the input topic. One that must be rejected has the rejection's code and nothing else of interest."""

    partition: int
    offset: int
    key: bytes | None
    version: int = 0
    digest: str = ""
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A committed record of the output topic."""

    partition: int
    offset: int
    key: bytes | None
    version: int
    digest: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A committed rejection; partition and offset are the input's."""

    partition: int
    offset: int
    code: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """All but `events` and `recovery_s` must be 0.

    Attributes:
        events: inputs in all.
        lost: inputs with neither an output nor a rejection; those that a newer version had overtaken need none.
        duplicated: answers beyond the first for the same input.
        out_of_order: outputs after one of a newer version of the key.
        unknown: outputs and rejections of what was never sent.
        wrong: outputs with another payload, healthy inputs rejected, rejections with another code.
        unlike_live: records that the concurrent and the final reader do not share.
        further: what a scenario counts besides, by its name.
        recovery_s: from the fault's end until each partition has a new output, the longest of several faults.
    """

    events: int
    lost: int = 0
    duplicated: int = 0
    out_of_order: int = 0
    unknown: int = 0
    wrong: int = 0
    unlike_live: int = 0
    further: Mapping[str, int] = field(default_factory=dict)
    recovery_s: float | None = None

    @property
    def failures(self) -> dict[str, int]:
        """What should be 0 and is not."""
        plain = [f.name for f in fields(self) if f.name not in ("events", "further", "recovery_s")]
        figures = {name: int(getattr(self, name)) for name in plain} | dict(self.further)
        return {name: figure for name, figure in figures.items() if figure}

    def and_further(self, **further: int) -> "Verdict":
        """With what a scenario counts besides."""
        return replace(self, further={**self.further, **further})

    @property
    def clean(self) -> bool:
        """Nothing is as it must not be."""
        return not self.failures


def expected(inputs: Iterable[Input]) -> tuple[dict[tuple[bytes | None, int], Input], dict[tuple[int, int], Input]]:
    """Which inputs must have an output, by key and version, and which a rejection, by position."""
    newest: dict[bytes | None, int] = {}
    outputs: dict[tuple[bytes | None, int], Input] = {}
    refusals: dict[tuple[int, int], Input] = {}
    for item in sorted(inputs, key=lambda item: (item.partition, item.offset)):
        if item.code is not None:
            refusals[item.partition, item.offset] = item
        elif item.version > newest.get(item.key, -1):
            newest[item.key] = item.version
            outputs[item.key, item.version] = item
    return outputs, refusals


def judge(
    inputs: Sequence[Input], outputs: Sequence[Answer], refusals: Sequence[Refusal], live: Sequence[Answer]
) -> Verdict:
    """The verdict on one run.

    Args:
        inputs: all of the input topic.
        outputs: all of the output topic as a last reader saw it.
        refusals: likewise the rejections of these inputs.
        live: the outputs as a concurrent reader saw them.
    """
    to_answer, to_refuse = expected(inputs)
    versions: dict[bytes | None, set[int]] = defaultdict(set)
    positions = {(item.partition, item.offset) for item in inputs}
    for item in inputs:
        versions[item.key].add(item.version)
    seen: Counter[tuple[bytes | None, int]] = Counter()
    newest: dict[bytes | None, int] = {}
    out_of_order = wrong = unknown = 0
    for answer in sorted(outputs, key=lambda answer: (answer.partition, answer.offset)):
        if answer.version not in versions.get(answer.key, ()):
            unknown += 1
            continue
        seen[answer.key, answer.version] += 1
        out_of_order += answer.version < newest.get(answer.key, -1)
        newest[answer.key] = max(answer.version, newest.get(answer.key, -1))
        answered = to_answer.get((answer.key, answer.version))
        wrong += answered is not None and answered.digest != answer.digest
    refused: Counter[tuple[int, int]] = Counter()
    for refusal in refusals:
        position = (refusal.partition, refusal.offset)
        if position not in positions:
            unknown += 1
            continue
        refused[position] += 1
        wrong += position not in to_refuse or to_refuse[position].code != refusal.code
    rejected_healthy = {(i.key, i.version) for i in to_answer.values() if (i.partition, i.offset) in refused}
    here, there = Counter(live), Counter(outputs)
    return Verdict(
        events=len(inputs),
        lost=len(to_answer.keys() - seen.keys() - rejected_healthy) + len(to_refuse.keys() - refused.keys()),
        duplicated=sum(times - 1 for times in (*seen.values(), *refused.values()))
        + len(rejected_healthy & seen.keys()),
        out_of_order=out_of_order,
        unknown=unknown,
        wrong=wrong,
        unlike_live=((here - there) + (there - here)).total(),
    )


def as_input(record: ConsumerRecord) -> Input:
    """Of the input topic."""
    code = header(record.headers, EXPECT)
    if code is not None:
        return Input(record.partition, record.offset, record.key, code=code)
    item = json.loads(record.value)
    return Input(record.partition, record.offset, record.key, item["version"], digest(item["payload"]))


def as_answer(record: ConsumerRecord) -> Answer:
    """Of the output topic."""
    item = json.loads(record.value)
    return Answer(record.partition, record.offset, record.key, item["version"], item["digest"])


def as_refusal(record: ConsumerRecord, source: str) -> Refusal | None:
    """Of the rejections, which all scenarios share; None for one of another input topic."""
    item = json.loads(record.value)
    return Refusal(item["partition"], item["offset"], item["code"]) if item["topic"] == source else None

"""Cut, garbled and hostile LLM outputs through the engine, judged by what the recorded answers and queries allow.

`python -m tests.workers.llm.fuzz --outputs 10000` prints the counts.
"""

import argparse
import asyncio
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import REGISTRY

from tests.support.llm import RECORDED, Recorded, engine_of
from topics.queries import OpenCompany, QueryReading, QueryToolCall, ToolCall
from workers.llm.answer import PLANS
from workers.llm.engine import Understood
from workers.llm.errors import LlmError, UnavailableError

# In no recorded query or profile: they may be in no call.
FOREIGN = (
    "Evilcorp",
    "Zanzibar Holdings",
    "Reykjavik",
    "Berlin",
    "berlin",
    "New Zealand",
    "Mumbai",
    "Quuxford",
    "amazon",
)
_NAMED = re.compile(rf"\b(?:{'|'.join(FOREIGN)})\b")
_SNIPPETS = (
    '"', "'", "\\", "\\u", "\\ud83d", "\ud83d", "{", "}", "[", "]", ",", ":", "null", "NaN", "-Infinity", "1e999",
    "true", "```", "<think>", "</s>",
    "\x00", "\u202e", "\ufeff", "é", "🍕", "\n", '"intent":"out_of_scope",', '{"tool":"refuse"},',
    '{"tool":"delete_all"},', '"tool_calls":[', "9" * 400, " " * 300, "[" * 20, '{"a":' * 20,
)  # fmt: skip
_ORDERS: tuple[dict[str, Any], ...] = (
    {"tool": "open_company", "company": "Evilcorp", "criteria": [], "page": "Evilcorp careers page"},
    {"tool": "open_company", "company": None, "criteria": [], "page": "apply at Zanzibar Holdings"},
    {"tool": "search_jobs", "criteria": [], "rewrite": "jobs in Reykjavik"},
    {"tool": "search_jobs", "criteria": [], "rewrite": "jobs in berlin <script>alert(1)</script>"},
    {"tool": "refuse"},
    {"tool": "load_profile", "fields": ["title", "password"]},
    {"tool": "send_email", "to": "x@example.org"},
    {"tool": "search_jobs", "criteria": [{"type": "company", "span": "e", "value": "Evilcorp", "negated": False}]},
)


def _cut(text: str, chance: random.Random) -> str:
    return text[: chance.randrange(len(text))]


def _garble(text: str, chance: random.Random) -> str:
    """Some edits: characters lost, doubled, exchanged, snippets put in."""
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(text) + 1)
        end = min(len(text), at + chance.choice((0, 1, 1, 2, 8, 40)))
        put = chance.choice(("", chance.choice(_SNIPPETS), text[at:end] * 2, chr(chance.randrange(1, 0x3000))))
        text = text[:at] + put + text[end:]
    return text


def _mix(text: str, chance: random.Random) -> str:
    """The beginning of one answer and the end of another."""
    other = chance.choice(RECORDED).answer
    return text[: chance.randrange(len(text))] + other[chance.randrange(len(other)) :]


def _rename(text: str, chance: random.Random) -> str:
    """A word becomes a name that was never given: what a model makes up, or is made to say."""
    words = sorted({word.strip('",.') for word in text.split() if word.strip('",.').isalpha()})
    word = chance.choice(words)
    return text.replace(word, chance.choice(FOREIGN)) if chance.random() < 0.5 else _once(text, word, chance)


def _once(text: str, word: str, chance: random.Random) -> str:
    places = [at for at in range(len(text)) if text.startswith(word, at)]
    at = chance.choice(places)
    return text[:at] + chance.choice(FOREIGN) + text[at + len(word) :]


def _order(text: str, chance: random.Random) -> str:
    """An answer whose calls an injected text dictated."""
    at = text.index("[", text.index('"tool_calls"')) + 1
    order = json.dumps(chance.choice(_ORDERS))
    place = chance.random()
    if place < 0.4:
        return f"{text[:at]}{order}, {text[at:]}"
    intent = chance.choice([*PLANS, "admin"])
    return f'{{"intent": "{intent}", "tool_calls": [{order}], "language": "en", "facets": []}}'


def _noise(_: str, chance: random.Random) -> str:
    return "".join(chance.choice(_SNIPPETS) for _ in range(chance.randint(0, 60)))


KINDS: dict[str, Callable[[str, random.Random], str]] = {
    "cut": _cut,
    "garbled": _garble,
    "mixed": _mix,
    "renamed": _rename,
    "ordered": _order,
    "noise": _noise,
    "untouched": lambda text, _: text,
}


@dataclass
class Counts:
    """What became of the outputs."""

    kinds: Counter[str] = field(default_factory=Counter)
    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    calls: int = 0
    fallbacks: int = 0


def judge_call(recorded: Recorded, call: ToolCall, number: int) -> None:
    """Valid as an event, and nothing in it that was not given."""
    event = QueryToolCall(query_id=recorded.query.id, source_version=0, engine="llm", call=call)
    assert QueryToolCall.model_validate_json(event.model_dump_json()) == event
    assert call.id == f"{recorded.query.id}:0:{number}"
    said = json.dumps(call.model_dump(mode="json"), ensure_ascii=False)
    assert not _NAMED.search(said), (recorded.name, said)
    if isinstance(call, OpenCompany):
        assert "<" not in call.arguments.page


def judge_criteria(recorded: Recorded, reading: QueryReading) -> None:
    """Spans are the query's, in order, apart."""
    end = 0
    for criterion in reading.criteria:
        assert criterion.start >= end
        assert recorded.query.text[criterion.start : criterion.end] == criterion.span != ""
        end = criterion.end


def answers_counted() -> float:
    """All that the metric has counted, whatever the result."""
    return sum(
        sample.value
        for metric in REGISTRY.collect()
        if metric.name == "talentstream_llm_answers"
        for sample in metric.samples
        if sample.name.endswith("_total")
    )


async def run(outputs: int, seed: int) -> Counts:
    """Sends so many outputs through the engine; raises at the first that does what it must not."""
    chance = random.Random(seed)
    counts = Counts()
    before = answers_counted()
    whole: dict[str, list[ToolCall]] = {}
    for recorded in RECORDED:
        whole[recorded.name] = []
        await engine_of([recorded.answer]).read(recorded.query, whole[recorded.name].append)
    for _ in range(outputs):
        recorded = chance.choice(RECORDED)
        kind = chance.choice(list(KINDS))
        text = KINDS[kind](recorded.answer, chance)
        size = chance.choice((1, 3, 4, 17, len(text) + 1))
        chunks = [text[at : at + size] for at in range(0, len(text), size)]
        error = UnavailableError("broken") if chance.random() < 0.1 else None
        calls: list[ToolCall] = []
        try:
            understood = await engine_of(chunks, error).read(recorded.query, calls.append)
        except LlmError as failure:
            outcome = failure.reason
            counts.fallbacks += 1
        else:
            outcome = understood.degraded[0] + " after the calls" if understood.degraded else "ok"
            _judge_whole(recorded, understood, calls)
        for number, call in enumerate(calls):
            judge_call(recorded, call, number)
        assert tuple(call.tool for call in calls) in {
            plan[:length] for plan in PLANS.values() for length in range(len(plan) + 1)
        }
        if kind in ("cut", "untouched"):
            assert calls == whole[recorded.name][: len(calls)]
        counts.kinds[kind] += 1
        counts.outcomes.setdefault(outcome, Counter())[kind] += 1
        counts.calls += len(calls)
    assert answers_counted() == before + outputs + len(RECORDED)
    return counts


def _judge_whole(recorded: Recorded, understood: Understood, calls: list[ToolCall]) -> None:
    reading = understood.reading
    assert not _NAMED.search(reading.model_dump_json()), (recorded.name, reading)
    assert QueryReading.model_validate_json(reading.model_dump_json()) == reading
    assert tuple(call.tool for call in calls) == PLANS[reading.intent.value]
    judge_criteria(recorded, reading)


def table(counts: Counts) -> str:
    """The counts, one outcome a line."""
    kinds = list(KINDS)
    lines = ["".join([f"{'':34}", *(f"{kind:>10}" for kind in kinds), f"{'all':>10}"])]
    for outcome, by_kind in sorted(counts.outcomes.items(), key=lambda item: -item[1].total()):
        numbers = [*(by_kind[kind] for kind in kinds), by_kind.total()]
        lines.append("".join([f"{outcome:34}", *(f"{number:>10}" for number in numbers)]))
    total = counts.kinds.total()
    lines.append("".join([f"{'all':34}", *(f"{counts.kinds[kind]:>10}" for kind in kinds), f"{total:>10}"]))
    lines.append(
        f"{counts.calls} tool calls dispatched, {counts.fallbacks} outputs left to the student, each counted; "
        "no crash, no invalid event, no wrong dispatch"
    )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--outputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    sys.stdout.write(table(asyncio.run(run(arguments.outputs, arguments.seed))))

from collections import Counter

from tests.workers.llm.fuzz import KINDS, Counts, run, table
from workers.llm.errors import LlmError


async def test_ten_thousand_bad_outputs_crash_nothing_and_dispatch_nothing_wrong() -> None:
    counts = await run(10_000, seed=20)
    assert counts.kinds.total() == 10_000
    reasons = {error.reason for error in LlmError.__subclasses__()}
    outcomes = Counter({outcome: by_kind.total() for outcome, by_kind in counts.outcomes.items()})
    assert counts.fallbacks == sum(count for outcome, count in outcomes.items() if outcome in reasons)
    assert {outcome.removesuffix(" after the calls") for outcome in outcomes} <= reasons | {"ok"}
    # That it was put to the test: much fails, in each way that an output can fail, and what is whole is read.
    assert {"llm_malformed", "llm_truncated", "llm_invalid", "llm_ungrounded", "llm_too_large"} <= outcomes.keys()
    assert counts.fallbacks > 5_000
    assert counts.outcomes["ok"]["untouched"] > 1_000
    assert all(kind in table(counts) for kind in KINDS)


def test_the_table_says_what_was_counted() -> None:
    counts = Counts(Counter(cut=2), {"ok": Counter(cut=2)}, calls=3)
    assert "3 tool calls dispatched, 0 outputs left to the student" in table(counts)

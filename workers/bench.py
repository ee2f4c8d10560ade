"""`talentstream bench postings`: how fast the whole is, the bare model is, and what it replaces was.

Machines are noisy, so nothing here is a verdict: the three rates come from one run on one machine, in alternating
rounds, and the table prints medians and ratios.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from models.assets import TOKENIZER, load_tokenizer
from models.esco.embedder import TextEmbedder
from models.postings.student import Student
from models.repository import model_dir
from topics.catalogue import POSTINGS_FLOW, Flow
from topics.postings import Posting
from workers import admin, telemetry
from workers.errors import FatalError
from workers.files import Line
from workers.inference import buckets, pad
from workers.postings import NAME, STAGES
from workers.postings import worker as postings_worker
from workers.publish import publish
from workers.runtime import in_background
from workers.settings import Settings
from workers.tail import first_of_each

BASELINE_SAMPLE = 8
BASELINE_MODELS = 4
BASELINE_TOKENS = 512
THREADS = os.cpu_count() or 1


class Baseline(StrEnum):
    """Pipelines that this one replaces."""

    distilbert4 = "distilbert4"


def _unique(lines: Sequence[Line], events: int, round_: int) -> list[Line]:
    """`events` postings with ids and texts of their own, so that neither a cache nor a compaction saves any work."""
    postings = [line.event for line in lines if isinstance(line.event, Posting)]
    if not postings:
        raise FatalError("no valid posting to measure with")
    copies = []
    for number in range(events):
        posting = postings[number % len(postings)]
        own = posting.model_copy(
            update={"id": f"bench-{round_}-{number}", "body": f"{posting.body}\nRef {round_}/{number}"}
        )
        copies.append(Line(number, own.id, own))
    return copies


async def end_to_end(settings: Settings, flow: Flow, lines: Sequence[Line]) -> float:
    """Events/s from the first publish to the last committed features event."""
    collected = asyncio.create_task(first_of_each(settings, flow.derived[0].name, {line.key for line in lines}))
    started = time.perf_counter()
    await publish(settings, flow.source, lines)
    await collected
    return len(lines) / (time.perf_counter() - started)


class _BareModel:
    """The student's ONNX file in this process: no Kafka, no Triton, no preparing."""

    def __init__(self, lines: Sequence[Line]) -> None:
        student = Student.load(model_dir(Student.name))
        postings = [line.event for line in lines if isinstance(line.event, Posting)]
        prepared = student.prepare_batch(postings)
        self.tokens = sum(len(unit.token_ids) for p in prepared for unit in p.units) / len(prepared)
        self.sentences = sum(len(p.units) for p in prepared) / len(prepared)
        self._postings = len(prepared)
        self._sequences = [unit.token_ids for p in prepared for unit in p.units]
        self._session = _session(model_dir(Student.name) / "1" / "model.onnx")

    def rate(self) -> float:
        """Postings/s over the sentences that the worker would send."""
        started = time.perf_counter()
        for group in buckets([len(s) for s in self._sequences], max_batch=64):
            ids, mask = pad([self._sequences[i] for i in group])
            self._session.run(None, {"input_ids": ids, "attention_mask": mask})
        return self._postings / (time.perf_counter() - started)


class _DistilBert4:
    """Four DistilBERT-size fp32 models (66 M parameters, random weights), each reading every posting at 512 tokens."""

    def __init__(self, lines: Sequence[Line], folder: Path) -> None:
        path = folder / "distilbert.onnx"
        made = subprocess.run(
            [sys.executable, "-m", "models.baselines.distilbert", str(path)],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise FatalError(f"the baseline needs the `train` extra: {made.stderr.strip().splitlines()[-1]}")
        self._sessions = [_session(path) for _ in range(BASELINE_MODELS)]
        # The same WordPiece vocabulary as DistilBERT's.
        tokenizer = load_tokenizer(model_dir(TextEmbedder.name) / TOKENIZER)
        tokenizer.enable_truncation(BASELINE_TOKENS)
        bodies = [line.event.body for line in lines[:BASELINE_SAMPLE] if isinstance(line.event, Posting)]
        encoded = [encoding.ids for encoding in tokenizer.encode_batch(bodies)]
        # Whole batches of 512: what a fixed-length pipeline computes whatever a posting's length.
        self._ids = np.zeros((len(encoded), BASELINE_TOKENS), np.int64)
        for row, ids in enumerate(encoded):
            self._ids[row, : len(ids)] = ids
        self._mask = np.ones_like(self._ids)

    def rate(self) -> float:
        """Postings/s of the four models alone."""
        started = time.perf_counter()
        for session in self._sessions:
            session.run(None, {"input_ids": self._ids, "attention_mask": self._mask})
        return len(self._ids) / (time.perf_counter() - started)


def _session(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise FatalError("the benchmark needs onnxruntime: `uv sync --extra embedded`") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


async def run(
    settings: Settings,
    lines: Sequence[Line],
    *,
    events: int,
    rounds: int,
    baseline: Baseline | None,
    console: Console,
) -> None:
    """Measures in alternating rounds and prints the table."""
    await admin.apply(settings)
    bare = _BareModel(_unique(lines, events, 0))
    rates: dict[str, list[float]] = {"end to end": [], "bare model": []}
    with tempfile.TemporaryDirectory() as folder:
        old = await asyncio.to_thread(_DistilBert4, lines, Path(folder)) if baseline else None
        if old:
            rates[Baseline.distilbert4] = []
        async with postings_worker(settings) as worker, in_background(worker, settings):
            await end_to_end(settings, POSTINGS_FLOW, _unique(lines, min(events, 32), -1))  # warm-up
            before = telemetry.stage_seconds(NAME, STAGES)
            for round_ in range(rounds):
                rates["end to end"].append(await end_to_end(settings, POSTINGS_FLOW, _unique(lines, events, round_)))
                rates["bare model"].append(await asyncio.to_thread(bare.rate))
                if old:
                    rates[Baseline.distilbert4].append(await asyncio.to_thread(old.rate))
    console.print(
        f"{events} postings a round, {rounds} rounds, {THREADS} cores; the student reads on average "
        f"{bare.sentences:.1f} sentences, {bare.tokens:.0f} tokens of a posting"
    )
    console.print(table(rates, _MEANING, "postings"))
    console.print(_profile(before, events * rounds))


def _profile(before: Mapping[str, float], events: int) -> Table:
    """Where the batches of the end-to-end rounds were: several are under way at once, so shares are of their sum."""
    spent = {stage: total - before[stage] for stage, total in telemetry.stage_seconds(NAME, STAGES).items()}
    shown = Table("stage", "ms a posting", "share")
    for stage, seconds in spent.items():
        share = seconds / sum(spent.values())
        shown.add_row(f"{stage}: {STAGES[stage]}", f"{1000 * seconds / events:.1f}", f"{share:.0%}")
    return shown


_MEANING = {
    "end to end": "Kafka → worker → Triton → Kafka, exactly once",
    "bare model": "ONNX file in process, same sentences",
    "distilbert4": f"{BASELINE_MODELS} fp32 DistilBERTs at {BASELINE_TOKENS} tokens, models alone",
}


def table(rates: Mapping[str, Sequence[float]], meaning: Mapping[str, str], what: str) -> Table:
    """Median, least and most of each contender's rates, and how the first compares with it."""
    shown = Table("", "what is timed", f"{what}/s (median)", "min", "max", "end to end ÷ this")
    whole = statistics.median(rates["end to end"])
    for name, values in rates.items():
        median = statistics.median(values)
        shown.add_row(
            name,
            meaning[name],
            f"{median:.1f}",
            f"{min(values):.1f}",
            f"{max(values):.1f}",
            f"{whole / median:.2f}×",
        )
    return shown

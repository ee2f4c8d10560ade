"""Every posting against every CV without Kafka, through the code of the workers: extracted, scored, explained."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from functools import partial

from topics.cvs import CvFeatures
from topics.matches import Match
from topics.postings import PostingFeatures
from workers import cvs, postings
from workers.files import Line
from workers.matching.ranking import Rounded, explained
from workers.matching.scoring import Scorer
from workers.offline import extract_lines
from workers.settings import Settings


async def match_lines(
    settings: Settings, posting_lines: Iterable[Line], cv_lines: Iterable[Line], scorer: Scorer
) -> AsyncIterator[tuple[Line, list[Match] | None]]:
    """First each CV that is not valid, then each posting, in order, with all CVs, the best first; None if not valid.

    Raises:
        RetryableError: Triton failed.
    """
    people: list[CvFeatures] = []
    async with cvs.connect(settings) as cv_parts:
        async for line, features in extract_lines(cv_lines, partial(cvs.extract, parts=cv_parts)):
            if isinstance(features, CvFeatures):
                people.append(features)
            else:
                yield line, None
    async with postings.connect(settings) as parts:
        async for line, features in extract_lines(posting_lines, partial(postings.extract, parts=parts)):
            if isinstance(features, PostingFeatures):
                yield line, await asyncio.to_thread(ranked, features, people, scorer)
            else:
                yield line, None


def ranked(posting: PostingFeatures, people: Sequence[CvFeatures], scorer: Scorer) -> list[Match]:
    """All of them, the best first, equals by id."""
    scored = [Rounded.of(one) for one in scorer.score(posting, people)]
    matches = [explained(posting, cv, one, of=cv) for cv, one in zip(people, scored, strict=True)]
    return sorted(matches, key=lambda match: (-match.score, match.id))

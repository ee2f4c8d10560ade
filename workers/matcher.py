"""The matcher worker: features of postings and CVs in, ranked and explained lists of both out (`workers/matching`)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from models.matching.scorer import shipped
from workers.matching import redis_index
from workers.matching.index import FaissIndex, Index
from workers.matching.items import Side, Unpacked
from workers.matching.matcher import NAME, Matcher
from workers.matching.ranking import Ranker
from workers.matching.session import group
from workers.settings import Settings

__all__ = ["NAME", "indexes", "ranker", "worker"]


def ranker(settings: Settings) -> Ranker:
    """As the settings say, with the shipped scorer."""
    return Ranker(
        scorer=shipped(),
        top=settings.match_top,
        min_score=settings.match_min_score,
        diversity=settings.match_diversity,
        unpacked=Unpacked(),
    )


@asynccontextmanager
async def indexes(settings: Settings) -> AsyncIterator[dict[Side, Index]]:
    """Vector sets where they have an address, else FAISS in this process; raises as :func:`redis_index.connect`."""
    if settings.vector_redis_url is None:
        yield {side: FaissIndex() for side in Side}
        return
    async with redis_index.connect(settings, group(settings)) as found:
        yield dict(found)


@asynccontextmanager
async def worker(settings: Settings) -> AsyncIterator[Matcher]:
    """The matcher.

    Raises:
        RetryableError: the vector sets' Redis does not answer.
        FatalError: it is older than 8.
    """
    async with indexes(settings) as found:
        yield Matcher(ranker(settings), found, settings.match_candidates)

"""A student and its model on Triton, checked to belong together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import metadata
from typing import Protocol

from workers import inference
from workers.errors import FatalError
from workers.inference import ServedModel, TritonInfer
from workers.settings import Settings

# Of our code, as each result's lineage tells. Read once: looking it up parses a file, three milliseconds each time.
RELEASE = metadata.version("talentstream")


class Assets(Protocol):
    """What stands around an encoder: it prepares texts and decodes answers."""

    @property
    def name(self) -> str:
        """Of the model on Triton."""

    @property
    def assets_digest(self) -> str:
        """Of all files and names that weights and decoding must agree on."""


@asynccontextmanager
async def connect(settings: Settings, assets: Assets) -> AsyncIterator[TritonInfer]:
    """A client of the assets' model.

    Raises:
        RetryableError: Triton or the model is not ready.
        FatalError: Triton serves a model that was exported with other assets than ours.
    """

    def check(model: ServedModel) -> None:
        served = model.parameters.get("assets_digest")
        if served != assets.assets_digest:
            raise FatalError(
                f"Triton serves {assets.name} made with assets {served}, this worker has {assets.assets_digest}; "
                "deploy triton_repo/ and the worker of one release"
            )

    async with inference.connect(settings, assets.name, check) as infer:
        yield infer


def version(model: ServedModel) -> str:
    """`VERSION-DIGEST` of the weights."""
    return f"{model.version}-{model.parameters['digest']}"

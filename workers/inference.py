"""The one client of Triton: token sequences in, arrays out, in length-bucketed batches with a deadline on each."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import structlog
from numpy.typing import NDArray
from tritonclient.grpc import InferInput, InferRequestedOutput
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from workers import telemetry, tracing
from workers.errors import FatalError, PoisonError, RetryableError, SuspectError, WorkError
from workers.settings import Settings

# Sequences are padded up to a multiple of this: those of one request have one shape.
LENGTH_STEP = 4
# Keeps a request's activations small enough for a CPU's cache and a client's deadline.
MAX_REQUEST_TOKENS = 4096
CONNECT_TIMEOUT_S = 5.0
# A newer version of the model is looked for this often; one that is gone is noticed by the request that fails.
REFRESH_S = 15.0

# Triton's gRPC target may be dns:///name; without round robin the channel would stay with one address. Given channel
# arguments replace tritonclient's own, so the message sizes are restated (unlimited, as Triton's default).
_CHANNEL_ARGS = [
    # A new channel then makes a new connection, where it would else share the one of the channel that it replaces.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.lb_policy_name", "round_robin"),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
]

log = structlog.get_logger()

Outputs = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class ServedModel:
    """What Triton says of a model it serves.

    Attributes:
        outputs: names of the output tensors, in the configuration's order.
        per_token: those among them whose first free dimension is the token.
        parameters: the configuration's string parameters.
    """

    name: str
    version: str
    max_batch: int
    outputs: tuple[str, ...]
    per_token: frozenset[str]
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Inference:
    """Outputs of one version of a model.

    Attributes:
        model: that made all of them.
        outputs: for each sequence, in order; per-token ones cut to the sequence's own length.
    """

    model: ServedModel
    outputs: list[Outputs]


class Infer(Protocol):
    """The seam between handlers and Triton."""

    @property
    def model(self) -> ServedModel:
        """The version that the next call will use."""

    async def __call__(self, sequences: Sequence[Sequence[int]]) -> Inference:
        """Runs the model on token id sequences, all on one version of it.

        Raises:
            RetryableError: Triton is down, slow or overloaded, or that version has gone.
            SuspectError: Triton answers nonsense: not finite, or of a wrong shape.
            PoisonError: Triton refuses this input.
        """


def buckets(lengths: Sequence[int], max_batch: int, max_tokens: int = MAX_REQUEST_TOKENS) -> list[list[int]]:
    """Groups indices of sequences into requests of one padded length, longest first.

    Each group has at most `max_batch` members and, padded, at most `max_tokens` tokens (or one member); every index
    is in exactly one group.
    """
    by_width: dict[int, list[int]] = {}
    for index, length in enumerate(lengths):
        by_width.setdefault(_padded(length), []).append(index)
    groups = []
    # Never padded further to fill a request: a further request costs less than the tokens that it saves.
    for width, members in sorted(by_width.items(), reverse=True):
        rows = max(1, min(max_batch, max_tokens // width))
        groups += [members[start : start + rows] for start in range(0, len(members), rows)]
    return groups


def _padded(length: int) -> int:
    return -(-length // LENGTH_STEP) * LENGTH_STEP


def pad(sequences: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Token ids and attention mask, each (sequences, longest length rounded up to :data:`LENGTH_STEP`)."""
    width = _padded(max(len(sequence) for sequence in sequences))
    ids = np.zeros((len(sequences), width), np.int64)
    mask = np.zeros_like(ids)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = sequence
        mask[row, : len(sequence)] = 1
    return ids, mask


class TritonInfer:
    """:class:`Infer` over gRPC, which follows the newest version of its model. Made by :func:`connect`."""

    def __init__(
        self,
        client: InferenceServerClient,
        model: ServedModel,
        settings: Settings,
        check: Callable[[ServedModel], None],
    ) -> None:
        self._client = client
        self._settings = settings
        self._retired: set[asyncio.Task[None]] = set()
        self._model = model
        self._check = check
        self._refresh_at = time.monotonic() + REFRESH_S
        self._headers = _headers(settings)
        self._timeout_s = settings.inference_timeout_s
        self._permits = asyncio.Semaphore(settings.inference_concurrency)

    @property
    def model(self) -> ServedModel:
        """See :class:`Infer`."""
        return self._model

    async def __call__(self, sequences: Sequence[Sequence[int]]) -> Inference:
        """See :class:`Infer`."""
        if time.monotonic() >= self._refresh_at:
            await self._refresh()
        model = self._model
        groups = buckets([len(s) for s in sequences], model.max_batch)
        results: list[Outputs] = [{} for _ in sequences]
        try:
            async with asyncio.TaskGroup() as tasks:
                for group in groups:
                    tasks.create_task(self._infer_group(model, sequences, group, results))
        except* WorkError as errors:
            # It may be that this version has gone: the next attempt, on the whole batch, should use the one there is.
            self._refresh_at = 0.0
            # One cause is enough; the batch is retried or split as a whole.
            raise errors.exceptions[0] from None
        return Inference(model, results)

    async def close(self) -> None:
        """Lets go of all connections."""
        for closing in self._retired:
            closing.cancel()
        await asyncio.gather(*self._retired, self._client.close(), return_exceptions=True)

    def _reconnect(self, client: InferenceServerClient) -> None:
        """Takes a new connection, if `client` is still the one in use.

        A connection that carries nothing any more looks alive until TCP gives up, minutes later; after a deadline the
        next request must not take it again (keep-alive pings were tried: it was not found within 45 seconds).
        """
        if client is not self._client:
            return
        self._client = _client(self._settings)
        retiring = asyncio.create_task(self._retire(client))
        self._retired.add(retiring)
        retiring.add_done_callback(self._retired.discard)

    async def _retire(self, client: InferenceServerClient) -> None:
        try:
            # Other requests may be under way on it; each has a deadline.
            await asyncio.sleep(max(CONNECT_TIMEOUT_S, self._settings.inference_timeout_s))
        finally:
            await client.close()

    async def _refresh(self) -> None:
        client = self._client
        try:
            model = await _describe(client, self._model.name, self._headers)
        except RetryableError:
            self._reconnect(client)
            raise
        self._check(model)
        if model != self._model:
            log.info("model switched", model=model.name, version=model.version, before=self._model.version)
        self._model, self._refresh_at = model, time.monotonic() + REFRESH_S

    async def _infer_group(
        self, model: ServedModel, sequences: Sequence[Sequence[int]], group: list[int], results: list[Outputs]
    ) -> None:
        ids, mask = pad([sequences[index] for index in group])
        async with self._permits:
            arrays = await self._request(model, {"input_ids": ids, "attention_mask": mask})
        telemetry.INFERENCE_SEQUENCES.labels(model.name).inc(len(group))
        telemetry.INFERENCE_TOKENS.labels(model.name).inc(int(mask.sum()))
        for row, index in enumerate(group):
            length = len(sequences[index])
            results[index] = {
                name: array[row, :length] if name in model.per_token else array[row] for name, array in arrays.items()
            }

    async def _request(self, model: ServedModel, tensors: Mapping[str, NDArray[np.int64]]) -> Outputs:
        inputs = []
        for name, array in tensors.items():
            tensor = InferInput(name, list(array.shape), "INT64")
            tensor.set_data_from_numpy(array)
            inputs.append(tensor)
        started = time.perf_counter()
        client = self._client
        try:
            response = await client.infer(
                model.name,
                inputs,
                model_version=model.version,
                outputs=[InferRequestedOutput(name) for name in model.outputs],
                client_timeout=self._timeout_s,
                headers=self._headers | tracing.outgoing_headers(),
            )
        except InferenceServerException as error:
            telemetry.INFERENCE_REQUESTS.labels(model.name, "error").inc()
            if "DEADLINE_EXCEEDED" in str(error.status()):
                self._reconnect(client)
            raise _mapped(error) from error
        telemetry.INFERENCE_SECONDS.labels(model.name).observe(time.perf_counter() - started)
        arrays = {name: response.as_numpy(name) for name in model.outputs}
        rows = len(next(iter(tensors.values())))
        for name, array in arrays.items():
            if array is None or len(array) != rows or not np.isfinite(array).all():
                telemetry.INFERENCE_REQUESTS.labels(model.name, "invalid").inc()
                raise SuspectError(f"{model.name}: {name} has a wrong shape or is not finite")
        telemetry.INFERENCE_REQUESTS.labels(model.name, "ok").inc()
        return arrays


def _mapped(error: InferenceServerException) -> WorkError:
    status = str(error.status())
    if "UNAUTHENTICATED" in status or "PERMISSION_DENIED" in status:
        return FatalError(f"Triton refuses us ({status}): check TRITON_TOKEN and TRITON_SSL_CERTFILE")
    # Only this status speaks of the input; all others speak of the server, which may recover.
    if "INVALID_ARGUMENT" in status:
        return PoisonError(f"Triton refuses the input: {error.message()}")
    return RetryableError(f"Triton: {status}")


@asynccontextmanager
async def connect(
    settings: Settings, name: str, check: Callable[[ServedModel], None] = lambda _: None
) -> AsyncIterator[TritonInfer]:
    """A client of the newest ready version of model `name`, now and when another comes.

    Args:
        settings: of Triton.
        name: of the model.
        check: called with each version before its first use; raises where it can't be used.

    Raises:
        RetryableError: Triton does not answer, or the model is not (yet) ready.
        FatalError: no address is set, or Triton refuses us.
    """
    if settings.triton_url is None:
        raise FatalError("TRITON_URL is not set")
    client = _client(settings)
    try:
        model = await _describe(client, name, _headers(settings))
        check(model)
    except BaseException:
        await client.close()
        raise
    infer = TritonInfer(client, model, settings, check)
    try:
        yield infer
    finally:
        await infer.close()


def _client(settings: Settings) -> InferenceServerClient:
    return InferenceServerClient(
        settings.triton_url,
        ssl=settings.triton_ssl_cafile is not None,
        root_certificates=settings.triton_ssl_cafile,
        certificate_chain=settings.triton_ssl_certfile,
        private_key=settings.triton_ssl_keyfile,
        channel_args=_CHANNEL_ARGS,
    )


def _headers(settings: Settings) -> dict[str, str]:
    """The metadata of each call."""
    token = settings.triton_token
    return {} if token is None else {"authorization": f"Bearer {token.get_secret_value()}"}


async def _describe(client: InferenceServerClient, name: str, headers: Mapping[str, str]) -> ServedModel:
    try:
        metadata = await client.get_model_metadata(name, headers=headers, client_timeout=CONNECT_TIMEOUT_S)
        version = max(metadata.versions, key=int)
        answer = await client.get_model_config(name, version, headers=headers, client_timeout=CONNECT_TIMEOUT_S)
    except InferenceServerException as error:
        if isinstance(mapped := _mapped(error), FatalError):
            raise mapped from error
        raise RetryableError(f"model {name} is not ready: {error.status()}") from error
    config: Any = answer.config
    return ServedModel(
        name=name,
        version=version,
        max_batch=max(1, config.max_batch_size),
        outputs=tuple(output.name for output in config.output),
        per_token=frozenset(output.name for output in config.output if output.dims[0] == -1),
        parameters={key: value.string_value for key, value in config.parameters.items()},
    )

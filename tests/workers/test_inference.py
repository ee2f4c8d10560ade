"""The Triton client against a real tritonserver with the shipped student."""

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import REGISTRY

from models.postings.student import Student
from models.repository import model_dir
from workers import inference, postings
from workers.embedded import EmbeddedTriton
from workers.errors import FatalError, RetryableError
from workers.settings import Settings

SEQUENCES = [[101, 2023, 2003, 102], [101, *range(2000, 2060), 102], [101, 102], [101, *range(3000, 3020), 102]]


def requests(result: str) -> float:
    labels = {"model": Student.name, "result": result}
    return REGISTRY.get_sample_value("talentstream_inference_requests_total", labels) or 0.0


async def test_outputs_come_back_in_order_and_at_their_own_length(triton_settings: Settings) -> None:
    async with inference.connect(triton_settings, Student.name) as infer:
        together = (await infer(SEQUENCES)).outputs
        alone = [(await infer([sequence])).outputs[0] for sequence in SEQUENCES]
    assert [len(output["token_probs"]) for output in together] == [len(s) for s in SEQUENCES]
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one["sentence_scores"], other["sentence_scores"], atol=1e-4)


async def test_nothing_to_infer_is_no_request(triton_settings: Settings) -> None:
    async with inference.connect(triton_settings, Student.name) as infer:
        before = requests("ok")
        assert (await infer([])).outputs == []
        assert requests("ok") == before


async def test_model_describes_itself(triton_settings: Settings) -> None:
    async with inference.connect(triton_settings, Student.name) as infer:
        assert infer.model.outputs == ("sentence_scores", "token_probs")
        assert infer.model.per_token == {"token_probs"}
        assert infer.model.parameters.keys() >= {"digest", "assets_digest"}


@pytest.mark.parametrize(
    ("url", "name"), [("127.0.0.1:1", Student.name), (None, "no_such_model")], ids=["nobody there", "unknown model"]
)
async def test_what_is_not_ready_may_become_so(triton_settings: Settings, url: str | None, name: str) -> None:
    settings = triton_settings.model_copy(update={"triton_url": url or triton_settings.triton_url})
    with pytest.raises(RetryableError):
        async with inference.connect(settings, name):
            pass


async def test_no_address_is_a_configuration_error() -> None:
    with pytest.raises(FatalError, match="TRITON_URL"):
        async with inference.connect(Settings(TRITON_URL=None), Student.name):
            pass


async def test_a_hung_triton_meets_the_deadline(tmp_path: Path) -> None:
    async with EmbeddedTriton(tmp_path) as triton:
        settings = Settings(TRITON_URL=triton.url, inference_timeout_s=0.5)
        async with inference.connect(settings, Student.name) as infer:
            await infer(SEQUENCES)
            failed = requests("error")
            triton.pause()
            async with asyncio.timeout(5):
                with pytest.raises(RetryableError, match="DEADLINE"):
                    await infer(SEQUENCES)
            assert requests("error") > failed
            triton.resume()
            assert len((await infer(SEQUENCES)).outputs) == len(SEQUENCES)


async def test_a_model_made_with_other_assets_stops_the_worker(
    triton_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(Student.load(model_dir(Student.name)), assets_digest="another")
    monkeypatch.setattr(Student, "load", lambda directory: other)
    with pytest.raises(FatalError, match="one release"):
        async with postings.connect(triton_settings):
            pass

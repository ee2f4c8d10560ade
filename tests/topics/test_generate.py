import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator, Draft202012Validator

from topics.catalogue import BY_NAME, CATALOGUE, Topic
from topics.generate import ASYNCAPI, SCHEMAS, documents

DATA = Path(__file__).parent.parent / "data"


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_committed_files_are_what_the_models_say(path: Path) -> None:
    assert path.read_text() == documents()[path], "run `python -m topics.generate`"


def test_no_schema_is_left_over() -> None:
    assert {path.stem for path in SCHEMAS.iterdir()} == {topic.name for topic in CATALOGUE if topic.model}


@pytest.mark.parametrize("topic", [t for t in CATALOGUE if t.model], ids=lambda topic: topic.name)
def test_schemas_are_valid_json_schema(topic: Topic) -> None:
    Draft202012Validator.check_schema(json.loads((SCHEMAS / f"{topic.name}.json").read_text()))


def test_asyncapi_document_is_valid() -> None:
    """Against the specification's own schema (package @asyncapi/specs 6, Apache-2.0)."""
    specification: dict[str, Any] = json.loads((DATA / "asyncapi-3.0.0.json").read_text())
    document = yaml.safe_load(ASYNCAPI.read_text())
    errors = [f"{error.json_path}: {error.message}" for error in Draft7Validator(specification).iter_errors(document)]
    assert errors == []
    assert {channel["address"] for channel in document["channels"].values()} == BY_NAME.keys()
    for message in document["components"]["messages"].values():
        reference = message["payload"].get("schema", {}).get("$ref")
        assert reference is None or (ASYNCAPI.parent / reference).is_file()

"""Writes the contract for readers of other languages: a JSON Schema a topic and one AsyncAPI 3 document.

`python -m topics.generate` rewrites `topics/schemas/` and `topics/asyncapi.yaml`; `--check` only compares (a test
does, so the committed files never drift from the models).
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import yaml

from topics.catalogue import CATALOGUE, DELETE_RETENTION_MS, Topic
from topics.rejections import DEAD_LETTER_HEADERS

HERE = Path(__file__).parent
SCHEMAS = HERE / "schemas"
ASYNCAPI = HERE / "asyncapi.yaml"


def json_schema(topic: Topic) -> dict[str, Any]:
    """JSON Schema 2020-12 of the topic's value."""
    if topic.model is None:
        raise TypeError(f"{topic.name} carries opaque bytes")
    schema = topic.model.model_json_schema(mode="validation" if topic.direction == "in" else "serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"{topic.name}.json", **schema}


def _headers(topic: Topic) -> dict[str, Any]:
    string = {"type": "string"}
    if topic.event_type is None:
        return {
            "type": "object",
            "properties": dict.fromkeys(DEAD_LETTER_HEADERS, string),
            "required": list(DEAD_LETTER_HEADERS),
        }
    properties: dict[str, Any] = {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_type": {"type": "string", "const": topic.event_type},
        "ce_id": string,
        "ce_source": string,
        "ce_time": {"type": "string", "format": "date-time"},
        "content-type": {"type": "string", "const": "application/json"},
        "traceparent": string,
        "tracestate": string,
    }
    required: list[str] = []
    if topic.direction != "in":
        properties["ce_subject"] = string
        required = ["ce_specversion", "ce_type", "ce_id", "ce_source", "ce_time", "content-type"]
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def _message(topic: Topic) -> dict[str, Any]:
    message: dict[str, Any] = {
        "name": topic.name,
        "title": topic.summary,
        "headers": _headers(topic),
        "bindings": {"kafka": {"key": {"type": "string", "description": topic.key}}},
    }
    if topic.model is None:
        message["contentType"] = "application/octet-stream"
        message["payload"] = {"description": "The input's original bytes."}
    else:
        message["contentType"] = "application/json"
        message["payload"] = {
            "schemaFormat": "application/schema+json;version=2020-12",
            "schema": {"$ref": f"./schemas/{topic.name}.json"},
        }
    return message


def _identifier(topic: Topic) -> str:
    head, *tail = topic.name.replace(".", "-").split("-")
    return head + "".join(part.capitalize() for part in tail)


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3.0.0 document; operations are named from our side (we receive inputs, send outputs)."""
    channels, operations, messages = {}, {}, {}
    for topic in CATALOGUE:
        name = _identifier(topic)
        action = "receive" if topic.direction == "in" else "send"
        messages[name] = _message(topic)
        configuration: dict[str, Any] = {
            "cleanup.policy": topic.cleanup.split(","),
            "max.message.bytes": topic.max_message_bytes,
        }
        if topic.retention_ms is not None:
            configuration["retention.ms"] = topic.retention_ms
        if topic.compacted:
            configuration["delete.retention.ms"] = DELETE_RETENTION_MS
        channels[name] = {
            "address": topic.name,
            "description": topic.summary,
            "messages": {name: {"$ref": f"#/components/messages/{name}"}},
            "bindings": {"kafka": {"partitions": topic.partitions, "topicConfiguration": configuration}},
        }
        operations[f"{action}{name[0].upper()}{name[1:]}"] = {
            "action": action,
            "channel": {"$ref": f"#/channels/{name}"},
            "messages": [{"$ref": f"#/channels/{name}/messages/{name}"}],
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "talentstream",
            "version": "1.0.0",
            "description": "Postings in, calibrated features out. Read outputs with `isolation.level=read_committed`.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }


def documents() -> dict[Path, str]:
    """Every generated file with its content."""
    files = {
        SCHEMAS / f"{topic.name}.json": json.dumps(json_schema(topic), indent=2) + "\n"
        for topic in CATALOGUE
        if topic.model is not None
    }
    files[ASYNCAPI] = yaml.safe_dump(asyncapi(), sort_keys=False, width=120)
    return files


def main() -> None:
    """Command line; exits 1 under `--check` where a file differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file is out of date")
    check = parser.parse_args().check
    stale = [path for path, text in documents().items() if not path.exists() or path.read_text() != text]
    if check:
        sys.exit(f"out of date: {', '.join(path.name for path in stale)}" if stale else 0)
    SCHEMAS.mkdir(exist_ok=True)
    for path, text in documents().items():
        path.write_text(text)


if __name__ == "__main__":
    main()

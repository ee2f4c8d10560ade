"""docker-compose.yml, workers/Dockerfile and .dockerignore agree with each other and with the code."""

import fnmatch
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from workers.cli import app
from workers.embedded.jars import KAFKA_VERSION
from workers.settings import Settings

TOP = Path(__file__).parents[1]
FILE = TOP / "docker-compose.yml"
DOCKERFILE = (TOP / "workers" / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if "build" in service]


def has_compose() -> bool:
    docker = shutil.which("docker")
    return docker is not None and subprocess.run([docker, "compose", "version"], capture_output=True).returncode == 0


def test_it_is_valid() -> None:
    """By the Compose Specification's schema, and by Compose itself where it is installed."""
    commands = [[sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]]
    if has_compose():
        commands += [
            ["docker", "compose", "--file", str(FILE), "--profile", profile, "config", "--quiet"]
            for profile in ("", "gpu")
        ]
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_environment_of_the_workers_is_what_settings_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)  # no .env
    fields = Settings.model_fields.items()
    names = {str(field.validation_alias or f"TALENTSTREAM_{name.upper()}") for name, field in fields}
    for service in OURS:
        environment = SERVICES[service]["environment"]
        assert set(environment) <= names
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.kafka_bootstrap_servers == "kafka:19092"
    assert settings.triton_url == "triton:8001"
    assert settings.redis_url == "redis://redis:6379/0"
    assert settings.http_port == 8080


def test_nothing_depends_on_the_shell_it_is_started_from() -> None:
    """A KAFKA_BOOTSTRAP_SERVERS meant for this machine (localhost) must not reach the containers."""
    assert "$" not in FILE.read_text()


def test_addresses_lead_to_services_and_their_ports() -> None:
    kafka = SERVICES["kafka"]["environment"]
    assert "INSIDE://:19092" in kafka["KAFKA_LISTENERS"]
    assert "INSIDE://kafka:19092" in kafka["KAFKA_ADVERTISED_LISTENERS"]
    assert "OUTSIDE://localhost:9092" in kafka["KAFKA_ADVERTISED_LISTENERS"]
    for service in OURS:
        for name in ("KAFKA_BOOTSTRAP_SERVERS", "TRITON_URL", "REDIS_URL"):
            host = re.sub(r"^\w+://", "", SERVICES[service]["environment"][name]).split(":")[0]
            assert host in SERVICES
    assert "triton" in SERVICES["triton-gpu"]["networks"]["default"]["aliases"]
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}", "the embedded broker is of the same version"


def test_ports_are_open_to_this_machine_alone() -> None:
    for service in SERVICES.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_what_is_waited_for_can_be_known() -> None:
    for service in SERVICES.values():
        for name, wait in service.get("depends_on", {}).items():
            if wait["condition"] == "service_healthy":
                assert "test" in SERVICES[name]["healthcheck"]
            else:
                assert wait["condition"] == "service_completed_successfully"
                assert SERVICES[name]["restart"] != "unless-stopped"


def test_mounts_exist() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source, _, mode = volume.split(":") if volume.count(":") == 2 else (*volume.split(":"), "")
            if source.startswith("."):
                assert (TOP / source).is_dir()
                assert mode == "ro"
            else:
                assert source in COMPOSE["volumes"]


def test_commands_are_known_to_the_cli() -> None:
    for service in OURS:
        words = [*SERVICES[service]["command"], "--help"]
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0, f"{words}: {result.output}"


def test_workers_may_drain_before_they_are_killed() -> None:
    for service in OURS:
        grace = float(SERVICES[service]["stop_grace_period"].removesuffix("s"))
        assert grace > Settings.model_fields["drain_timeout_s"].default


def test_dockerfile_copies_what_exists_and_is_not_ignored() -> None:
    allowed = [line[1:] for line in (TOP / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = [
        source
        for line in DOCKERFILE.splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    ]
    assert {"pyproject.toml", "uv.lock", "workers"} <= set(copied)
    for source in copied:
        assert (TOP / source).exists()
        assert any(fnmatch.fnmatch(source, pattern) for pattern in allowed), source
    assert all((TOP / SERVICES[name]["build"]["dockerfile"]).is_file() for name in OURS)


def test_image_is_lean_and_not_root() -> None:
    final = DOCKERFILE.split("\nFROM ")[-1]
    assert re.search(r"^USER (?!0|root)", final, re.MULTILINE)
    assert "/livez" in final
    # Neither training nor the embedded servers.
    assert set(re.findall(r"--extra (\S+)", DOCKERFILE)) == {"tracing", "monitor"}
    assert "--all-extras" not in DOCKERFILE

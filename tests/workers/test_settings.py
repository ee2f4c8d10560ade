import pytest
from pydantic import ValidationError

from workers.settings import Settings


def test_each_setting_says_what_it_is() -> None:
    for name, field in Settings.model_fields.items():
        assert field.title, name
        assert field.description, name


def test_addresses_have_their_usual_names_and_the_rest_a_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "k:9092")
    monkeypatch.setenv("TRITON_URL", "t:8001")
    monkeypatch.setenv("REDIS_URL", "redis://r")
    monkeypatch.setenv("TALENTSTREAM_BATCH_EVENTS", "7")
    settings = Settings()
    assert (settings.kafka_bootstrap_servers, settings.triton_url, settings.redis_url) == (
        "k:9092",
        "t:8001",
        "redis://r",
    )
    assert settings.batch_events == 7


def test_a_wrong_value_names_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALENTSTREAM_DELIVERY", "twice")
    with pytest.raises(ValidationError, match="delivery"):
        Settings()

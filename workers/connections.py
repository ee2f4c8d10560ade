"""Where Kafka, Triton and Redis are, and the credentials for them."""

from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, FilePath, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Connections(BaseSettings):
    """A part of `workers.settings.Settings`."""

    model_config = SettingsConfigDict(
        env_prefix="TALENTSTREAM_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,  # may be a password
    )

    kafka_bootstrap_servers: str | None = Field(
        default=None,
        validation_alias="KAFKA_BOOTSTRAP_SERVERS",
        title="Kafka brokers",
        description="host:port, comma-separated. Where unset, `demo` and `up` start an embedded broker.",
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT",
        validation_alias="KAFKA_SECURITY_PROTOCOL",
        title="Kafka security protocol",
        description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL. With TLS the broker's host name is always verified.",
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512",
        validation_alias="KAFKA_SASL_MECHANISM",
        title="Kafka SASL mechanism",
        description="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; for the two SASL protocols.",
    )
    kafka_sasl_username: str | None = Field(
        default=None,
        validation_alias="KAFKA_SASL_USERNAME",
        title="Kafka user",
        description="For the two SASL protocols.",
    )
    kafka_sasl_password: SecretStr | None = Field(
        default=None,
        validation_alias="KAFKA_SASL_PASSWORD",
        title="Kafka password",
        description="For the two SASL protocols.",
    )
    kafka_ssl_cafile: FilePath | None = Field(
        default=None,
        validation_alias="KAFKA_SSL_CAFILE",
        title="Kafka CA",
        description="PEM file of the authority that signed the brokers' certificates; else the system's authorities.",
    )
    kafka_ssl_certfile: FilePath | None = Field(
        default=None,
        validation_alias="KAFKA_SSL_CERTFILE",
        title="Kafka client certificate",
        description="PEM file, for mutual TLS.",
    )
    kafka_ssl_keyfile: FilePath | None = Field(
        default=None,
        validation_alias="KAFKA_SSL_KEYFILE",
        title="Kafka client key",
        description="PEM file, not encrypted; of the client certificate.",
    )
    triton_url: str | None = Field(
        default=None,
        validation_alias="TRITON_URL",
        title="Triton gRPC address",
        description="host:port or a gRPC target such as dns:///triton:8001, which balances over all its addresses.",
    )
    triton_ssl_cafile: FilePath | None = Field(
        default=None,
        validation_alias="TRITON_SSL_CAFILE",
        title="Triton CA",
        description="PEM file of the authority that signed Triton's certificate; turns TLS on.",
    )
    triton_ssl_certfile: FilePath | None = Field(
        default=None,
        validation_alias="TRITON_SSL_CERTFILE",
        title="Triton client certificate",
        description="PEM file, for mutual TLS.",
    )
    triton_ssl_keyfile: FilePath | None = Field(
        default=None,
        validation_alias="TRITON_SSL_KEYFILE",
        title="Triton client key",
        description="PEM file, not encrypted; of the client certificate.",
    )
    triton_token: SecretStr | None = Field(
        default=None,
        validation_alias="TRITON_TOKEN",
        title="Triton token",
        description="Sent with each call as `authorization: Bearer TOKEN`, for a gateway before Triton.",
    )
    redis_url: str | None = Field(
        default=None,
        validation_alias="REDIS_URL",
        title="Redis address",
        description="redis://user:password@host:port/db, rediss:// for TLS. Without it results are not cached; "
        "nothing else changes.",
        repr=False,  # may hold a password
    )
    vector_redis_url: str | None = Field(
        default=None,
        validation_alias="VECTOR_REDIS_URL",
        title="Vector sets",
        description="redis:// address as above, of a Redis 8 that evicts nothing, which several matchers search; "
        "without it each matcher holds all vectors itself (FAISS).",
        repr=False,  # may hold a password
    )
    redis_password: SecretStr | None = Field(
        default=None,
        validation_alias="REDIS_PASSWORD",
        title="Redis password",
        description="Where an address holds none.",
    )
    redis_ssl_cafile: FilePath | None = Field(
        default=None,
        validation_alias="REDIS_SSL_CAFILE",
        title="Redis CA",
        description="PEM file of the authority that signed Redis's certificate; else the system's authorities.",
    )

    @field_validator("redis_url", "vector_redis_url")
    @classmethod
    def _is_redis_address(cls, url: str | None) -> str | None:
        # Said here in our words: what the client says of a malformed address may hold a part of the password.
        try:
            if url is None or ((urlsplit(url).port or True) and urlsplit(url).scheme in ("redis", "rediss", "unix")):
                return url
        except ValueError:
            pass
        raise ValueError("not a redis://, rediss:// or unix:// address; %-encode reserved characters")

    @model_validator(mode="after")
    def _security_is_complete(self) -> Self:
        protocol = self.kafka_security_protocol
        credentials = (self.kafka_sasl_username, self.kafka_sasl_password)
        kafka_files = (self.kafka_ssl_cafile, self.kafka_ssl_certfile, self.kafka_ssl_keyfile)
        for broken, message in (
            (
                protocol.startswith("SASL") and not all(credentials),
                f"KAFKA_SECURITY_PROTOCOL={protocol} needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD",
            ),
            (
                not protocol.startswith("SASL") and any(credentials),
                f"KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD are not used with KAFKA_SECURITY_PROTOCOL={protocol}",
            ),
            (
                not protocol.endswith("SSL") and any(kafka_files),
                f"KAFKA_SSL_CAFILE, _CERTFILE and _KEYFILE are not used with KAFKA_SECURITY_PROTOCOL={protocol}",
            ),
            (
                bool(self.kafka_ssl_certfile) != bool(self.kafka_ssl_keyfile),
                "KAFKA_SSL_CERTFILE and KAFKA_SSL_KEYFILE need each other",
            ),
            (
                bool(self.triton_ssl_certfile) != bool(self.triton_ssl_keyfile),
                "TRITON_SSL_CERTFILE and TRITON_SSL_KEYFILE need each other",
            ),
            (
                self.triton_ssl_certfile and not self.triton_ssl_cafile,
                "TRITON_SSL_CERTFILE needs TRITON_SSL_CAFILE, which turns TLS on",
            ),
            (
                self.redis_ssl_cafile
                and not any((url or "").startswith("rediss://") for url in (self.redis_url, self.vector_redis_url)),
                "REDIS_SSL_CAFILE needs a REDIS_URL that begins with rediss://",
            ),
        ):
            if broken:
                raise ValueError(message)
        return self

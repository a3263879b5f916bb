"""What a process is told about Kafka: the brokers, the topics, and how the way to them is protected.

A part of `Settings` (runtime/settings.py), which reads it; nothing is read here.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, FilePath, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode

Name = Annotated[str, Field(min_length=1)]


class KafkaSettings(BaseSettings):
    """KAFKA_*. Security settings and the wait of a fetch carry the names and values of aiokafka's own parameters.

    An idle fetch waits at the broker for news. Apache Kafka ends the wait when news comes; the embedded broker does
    not: there 500 ms cost 131 ms at the median, 5 cost 3 ms and a sixth of a core in consumer and broker together
    while nothing happens, 20 cost 5 ms and a third of that.
    """

    kafka_brokers: Annotated[tuple[str, ...], NoDecode] = ("127.0.0.1:9092",)
    kafka_group_id: Name = "inventory-service"
    kafka_topic_inventory_events: Name = "inventory.events"
    kafka_topic_order_events: Name = "order.events"
    kafka_topic_product_events: Name = "product.events"
    kafka_enable_idempotence: bool = False
    kafka_fetch_max_wait_ms: int = Field(default=20, ge=1, le=5_000)
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = ""
    kafka_sasl_username: str = ""
    kafka_sasl_password: SecretStr = SecretStr("")
    kafka_ssl_cafile: FilePath | None = None

    @field_validator("kafka_security_protocol", "kafka_sasl_mechanism", mode="before")
    @classmethod
    def _upper(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    @field_validator("kafka_ssl_cafile", mode="before")
    @classmethod
    def _nothing_is_no_file(cls, value: Any) -> Any:
        return value or None

    @property
    def kafka_uses_tls(self) -> bool:
        """Whether the way to the brokers is encrypted."""
        return self.kafka_security_protocol in {"SSL", "SASL_SSL"}

    @property
    def kafka_uses_sasl(self) -> bool:
        """Whether we say to the brokers who we are."""
        return self.kafka_security_protocol in {"SASL_PLAINTEXT", "SASL_SSL"}

    def _kafka_contradictions(self) -> list[str]:
        """What cannot be meant together, in words that name each of the settings in full."""
        return [words for words, is_so in self._kafka_doubts().items() if is_so]

    def _kafka_doubts(self) -> dict[str, bool]:
        topics = {self.kafka_topic_inventory_events, self.kafka_topic_order_events, self.kafka_topic_product_events}
        protocol = f"KAFKA_SECURITY_PROTOCOL={self.kafka_security_protocol}"
        credentials = (
            self.kafka_sasl_mechanism,
            self.kafka_sasl_username,
            self.kafka_sasl_password.get_secret_value(),
        )
        three = "KAFKA_TOPIC_INVENTORY_EVENTS, KAFKA_TOPIC_ORDER_EVENTS and KAFKA_TOPIC_PRODUCT_EVENTS"
        named = "KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD"
        return {
            "KAFKA_BROKERS names no broker": not self.kafka_brokers,
            f"{three} must be three topics": len(topics) < 3,
            f"{protocol} needs all of {named}": self.kafka_uses_sasl and not all(credentials),
            f"{protocol} uses none of {named}": not self.kafka_uses_sasl and any(credentials),
            f"{protocol} uses no KAFKA_SSL_CAFILE": not self.kafka_uses_tls and self.kafka_ssl_cafile is not None,
        }

"""The topics that bridge and relay need, and with how many partitions they are made where nobody made them before."""

from __future__ import annotations

from collections.abc import Mapping

from domain.contracts.events import DEAD_LETTER_SUFFIX
from runtime.settings import Settings

PARTITIONS = 6
"""As many processes can share a topic. An existing topic keeps what it has."""


def consumed_topics(settings: Settings) -> tuple[str, str]:
    """Where other services' events come from."""
    return settings.kafka_topic_order_events, settings.kafka_topic_product_events


def all_topics(settings: Settings) -> Mapping[str, int]:
    """Every topic we read or write, dead-letter topics included, and its partitions."""
    consumed = consumed_topics(settings)
    dead_letters = (f"{topic}{DEAD_LETTER_SUFFIX}" for topic in consumed)
    return dict.fromkeys((*consumed, settings.kafka_topic_inventory_events, *dead_letters), PARTITIONS)

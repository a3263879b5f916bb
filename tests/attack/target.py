"""What is attacked: where the service listens, what its settings are, and what is known of its insides."""

from __future__ import annotations

import random
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from gateway.auth import SCOPES, development_token
from runtime.settings import Settings

KNOWN_MAX = 40
"""Values kept of one name; older ones are forgotten."""


@dataclass(frozen=True, slots=True)
class Target:
    """A running service: `api` as http://host:port, `grpc` as host:port, `settings` reach its servers."""

    api: str
    grpc: str
    settings: Settings

    @property
    def address(self) -> tuple[str, int]:
        """Where REST listens, for a socket."""
        parts = urlsplit(self.api)
        return str(parts.hostname), int(parts.port or 80)

    def bearer(self, *scopes: str, subject: str = "attacker") -> str:
        """The Authorization value of a good token; all scopes when none is named."""
        return "Bearer " + development_token(self.settings, subject=subject, scopes=scopes or SCOPES)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no answer may ever contain."""
        held = (self.settings.jwt_secret, self.settings.db_password)
        return tuple(secret.get_secret_value() for secret in held if secret.get_secret_value())


@dataclass(slots=True)
class Known:
    """What earlier answers named, so that later questions get past "not found": ids, SKUs and the like, by name."""

    dice: random.Random
    values: dict[str, deque[str]] = field(default_factory=lambda: defaultdict(lambda: deque(maxlen=KNOWN_MAX)))

    def learn(self, answer: Any) -> None:
        """Remember what an answer names."""
        for name, value in _members(answer):
            is_name = name.endswith("Id") or name in {"sku", "region"}
            if is_name and isinstance(value, str) and 0 < len(value) <= 100 and value not in self.values[name]:
                self.values[name].append(value)

    def pick(self, name: str) -> str | None:
        """One of the values of a name, None when there is none, and sometimes anyway."""
        values = self.values.get(name)
        return self.dice.choice(list(values)) if values and self.dice.random() < 0.8 else None

    def put_into(self, asked: Any) -> Any:
        """The same question with known values where it names some."""
        if isinstance(asked, list):
            return [self.put_into(one) for one in asked]
        if not isinstance(asked, dict):
            return asked
        return {
            name: (self.pick(name) or value) if isinstance(value, str) else self.put_into(value)
            for name, value in asked.items()
        }


def _members(answer: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(answer, list):
        for one in answer:
            yield from _members(one)
    elif isinstance(answer, dict):
        for name, value in answer.items():
            yield name, value
            yield from _members(value)

"""What a process is told about Temporal: the server, the namespace, and how the way to it is protected.

A part of `Settings` (runtime/settings.py), which reads it; nothing is read here, files neither.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

OptionalPath = Annotated[Path | None, BeforeValidator(lambda value: value or None)]
"""The path of a file; empty text is none, not the directory we are in."""


class TemporalSettings(BaseSettings):
    """TEMPORAL_*, by the names of Temporal's own environment configuration.

    `_data` is the PEM text itself where `_path` names a file of it.
    """

    temporal_address: str = "127.0.0.1:7233"
    temporal_namespace: str = Field(default="default", min_length=1)
    temporal_ui_url: str = "http://127.0.0.1:8233"
    temporal_api_key: SecretStr = SecretStr("")
    temporal_tls: bool = False
    temporal_tls_server_name: str = ""
    temporal_tls_server_ca_cert_path: OptionalPath = None
    temporal_tls_server_ca_cert_data: str = ""
    temporal_tls_client_cert_path: OptionalPath = None
    temporal_tls_client_cert_data: str = ""
    temporal_tls_client_key_path: OptionalPath = None
    temporal_tls_client_key_data: SecretStr = SecretStr("")
    temporal_tls_disable_host_verification: bool = False

    @field_validator("temporal_tls_disable_host_verification")
    @classmethod
    def _verify_always(cls, value: bool) -> bool:
        if value:
            raise ValueError(
                "Temporal's SDK for Python always verifies the server: say who signed its certificate "
                "(TEMPORAL_TLS_SERVER_CA_CERT_PATH) and which name it carries (TEMPORAL_TLS_SERVER_NAME)"
            )
        return value

    def _temporal_contradictions(self) -> list[str]:
        """What cannot be meant together, in words that name each of the settings in full."""
        pairs = {
            "SERVER_CA_CERT": (self.temporal_tls_server_ca_cert_path, self.temporal_tls_server_ca_cert_data),
            "CLIENT_CERT": (self.temporal_tls_client_cert_path, self.temporal_tls_client_cert_data),
            "CLIENT_KEY": (self.temporal_tls_client_key_path, self.temporal_tls_client_key_data.get_secret_value()),
        }
        named = {name: f"TEMPORAL_TLS_{name}_PATH and TEMPORAL_TLS_{name}_DATA" for name in pairs}
        problems = [f"{named[name]} say the same thing twice: set one" for name, pair in pairs.items() if all(pair)]
        if any(pairs["CLIENT_CERT"]) != any(pairs["CLIENT_KEY"]):
            either = {name: words.replace(" and ", " or ") for name, words in named.items()}
            problems.append(f"{either['CLIENT_CERT']} goes together with {either['CLIENT_KEY']}")
        return problems

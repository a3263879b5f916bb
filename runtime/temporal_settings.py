"""What a process is told about Temporal: the server, the namespace, and how the way to it is protected.

A part of `Settings` (runtime/settings.py), which reads it; nothing is read here.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class TemporalSettings(BaseSettings):
    """TEMPORAL_*, by the names of Temporal's own environment configuration."""

    temporal_address: str = "127.0.0.1:7233"
    temporal_namespace: str = Field(default="default", min_length=1)
    temporal_ui_url: str = "http://127.0.0.1:8233"
    temporal_api_key: SecretStr = SecretStr("")
    temporal_tls: bool = False
    temporal_tls_server_ca_cert_path: Path | None = None
    temporal_tls_client_cert_path: Path | None = None
    temporal_tls_client_key_path: Path | None = None

    def _temporal_contradictions(self) -> list[str]:
        """What cannot be meant together, in words that name each of the settings in full."""
        if bool(self.temporal_tls_client_cert_path) != bool(self.temporal_tls_client_key_path):
            return ["TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH go together"]
        return []

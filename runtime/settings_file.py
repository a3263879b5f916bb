"""The YAML file that CONFIG_FILE names: what it holds for us, and what is wrong with it as a file.

Knows nothing of what a setting means; runtime/settings.py reads the values.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """Values by lower-case name. `problems` are in words; when `is_read` is false nobody knows what it sets."""

    values: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    is_read: bool = True


def read_settings_file(path: str, names: Collection[str]) -> SettingsFile:
    """What the file at `path` sets of the settings with these names; empty for no path."""
    if not path:
        return SettingsFile()
    try:
        content = yaml.safe_load(Path(path).read_text("utf-8")) or {}
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        return SettingsFile(problems=[f"CONFIG_FILE {path} cannot be read: {error}"], is_read=False)
    if not isinstance(content, dict):
        return SettingsFile(problems=[f"CONFIG_FILE {path} must hold settings as NAME: value"], is_read=False)
    values = {str(name).lower(): value for name, value in content.items() if str(name).lower() in names}
    unknown = sorted(str(name) for name in content if str(name).lower() not in names)
    return SettingsFile(values, [f"CONFIG_FILE {path} names no setting of ours: {name}" for name in unknown])

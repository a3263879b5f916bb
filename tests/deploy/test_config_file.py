from __future__ import annotations

import pytest

from domain import adjustments, purchase_orders, transfers
from domain.operations import Step
from runtime.settings import Settings, load_settings
from tests.deploy.files import ROOT, read_yaml

EXAMPLE = ROOT / "config/config.yaml"

FOR_OURSELVES = {"serve_child"}
"""Set by the parent of several serving processes, by nobody else."""


def test_the_example_names_every_setting() -> None:
    assert set(read_yaml(EXAMPLE)) == Settings.model_fields.keys() - FOR_OURSELVES


def test_the_example_loads_and_shows_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONFIG_FILE", str(EXAMPLE))
    assert load_settings() == Settings()


def test_the_example_names_what_is_reminded() -> None:
    (told,) = [line for line in EXAMPLE.read_text("utf-8").splitlines() if line.startswith("approval_remind_seconds:")]
    nouns = {"adjustment": adjustments.STEPS, "transfer": transfers.STEPS, "purchase order": purchase_orders.STEPS}
    assert {noun for noun in nouns if noun in told} == {noun for noun, steps in nouns.items() if Step.REMIND in steps}


def test_the_environment_wins_over_the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONFIG_FILE", str(EXAMPLE))
    monkeypatch.setenv("APP_PORT", "18080")
    assert load_settings().app_port == 18080

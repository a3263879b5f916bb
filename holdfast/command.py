"""How every command begins and ends: it reads its settings, or says what is wrong with them, and leaves with a code."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import NoReturn

import typer

from holdfast.stack_file import STACK_FILE
from runtime.lifecycle import exit_process
from runtime.settings import Settings, SettingsError, load_settings

DEFAULT_DIRECTORY = Path(".holdfast")


def run(module: str, *arguments: object) -> NoReturn:
    """Call `main(settings, ...)` of one process; what it returns is the exit code."""
    settings = read_settings()
    finish(importlib.import_module(module).main(settings, *arguments))


def read_settings() -> Settings:
    """The settings of this process; ends it when they are wrong."""
    try:
        return load_settings()
    except SettingsError as error:
        refuse(str(error))


def settings_here(stack_file: Path = DEFAULT_DIRECTORY / STACK_FILE) -> Settings:
    """Settings of a command typed beside `holdfast up`: what they do not name comes from the stack that runs here."""
    here = importlib.import_module("holdfast.local_stack").local_addresses(stack_file, read_settings())
    return load_settings(**here)


def refuse(message: str) -> NoReturn:
    """End the process because it was called wrongly."""
    typer.echo(message, err=True)
    finish(2)


def finish(code: int | None) -> NoReturn:
    """End the process with a code, 0 where there is none."""
    exit_process(code or 0)

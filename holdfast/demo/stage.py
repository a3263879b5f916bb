"""How the demo looks: chapters, sentences, claims as they are made, and the table at the end.

Rich on a terminal, plain lines when piped. Decides nothing and measures nothing.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.rule import Rule
from rich.table import Table

from holdfast.demo.claims import Claim, Claims

WIDTH_PIPED = 110
WIDTH_MAX = 120
_EVENT_STYLES = {"ready": "green", "died": "yellow", "failed": "red"}


class Stage:
    """Where the story is told. `begun_at` counts from the first word."""

    def __init__(self, claims: Claims, stream: TextIO | None = None) -> None:
        stream = stream or sys.stdout
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
        self._console = Console(file=stream, highlight=False)
        self._console.width = min(self._console.width, WIDTH_MAX) if self._console.is_terminal else WIDTH_PIPED
        self._claims = claims
        self._chapters = 0
        self._chapter = ""
        self._begun_at = time.monotonic()

    @property
    def elapsed_seconds(self) -> float:
        """Since the first word."""
        return time.monotonic() - self._begun_at

    def open(self, title: str, text: str) -> None:
        """The first words."""
        if self._console.is_terminal:
            self._console.print(Panel.fit(f"[bold]{escape(title)}[/bold]\n{escape(text)}", border_style="cyan"))
        else:
            self._console.print(f"{title}\n{text}", markup=False, soft_wrap=True)

    def chapter(self, title: str) -> None:
        """A new chapter; claims made from now on belong to it."""
        self._chapters += 1
        self._chapter = title
        self._console.print()
        heading = f"{self._chapters}. {title}"
        if self._console.is_terminal:
            self._console.print(Rule(f"[bold cyan]{escape(heading)}[/bold cyan]", align="left", style="cyan"))
        else:
            self._console.print(f"== {heading}", markup=False)

    def say(self, text: str) -> None:
        """A sentence of the story."""
        self._console.print(f"  {escape(text)}", soft_wrap=not self._console.is_terminal)

    def aside(self, text: str) -> None:
        """Something for who wants to look closer."""
        self._console.print(f"  [dim]{escape(text)}[/dim]", soft_wrap=True)

    def part(self, name: str, event: str, detail: str) -> None:
        """What a part of the stack does, as the supervisor reports it; only what matters to a spectator."""
        if event in _EVENT_STYLES:
            style = _EVENT_STYLES[event]
            seconds = f"{self.elapsed_seconds:5.1f} s"
            words = escape(detail.splitlines()[0] if detail else "")
            self._console.print(f"  [dim]{seconds}[/dim]  {name:<9}[{style}]{event:<6}[/{style}] [dim]{words}[/dim]")

    def claim(self, text: str, held: bool, measured: str = "") -> bool:
        """Make a claim, show whether it held, and remember it."""
        claim = self._claims.add(Claim(self._chapter, text, held, measured))
        self._console.print(f"  {_mark(claim)} {escape(text)}{_measured(claim)}", soft_wrap=True)
        return held

    @contextmanager
    def progress(self, text: str, total: int) -> Iterator[Progress]:
        """A bar while the context is open; nothing when piped. `advance(progress)` moves it."""
        columns = (
            TextColumn("  {task.description}"),
            BarColumn(bar_width=40),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._console, transient=True, disable=not self._console.is_terminal) as bar:
            bar.add_task(text, total=total)
            yield bar

    def table(self, title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
        """Some figures side by side; all columns but the first are numbers."""
        table = Table(title=title, title_justify="left", show_edge=False, box=None, padding=(0, 2), title_style="bold")
        for number, column in enumerate(columns):
            table.add_column(column, justify="left" if number == 0 else "right", header_style="dim")
        for row in rows:
            table.add_row(*map(escape, row))
        self._console.print()
        self._console.print(table)

    def finale(self) -> None:
        """The verdict, and on a terminal all claims in one table: piped, they stand above line by line."""
        if self._console.is_terminal:
            self._console.print()
            self._console.print(self._table_of_claims())
        made, broken = len(self._claims.made), len(self._claims.broken)
        verdict = (
            f"[bold red]{broken} of {made} claims did not hold.[/bold red]"
            if broken
            else f"[bold green]All {made} claims held.[/bold green]"
        )
        self._console.print(f"\n  {verdict}")
        for claim in self._claims.broken:
            self._console.print(f"  {_mark(claim)} {escape(claim.chapter)}: {escape(claim.text)}", soft_wrap=True)

    def _table_of_claims(self) -> Table:
        table = Table(show_edge=False, padding=(0, 1), header_style="dim", box=None)
        table.add_column("")
        table.add_column("claim", ratio=3)
        table.add_column("measured", style="cyan", ratio=2)
        for claim in self._claims.made:
            table.add_row(_mark(claim), escape(claim.text), escape(claim.measured))
        return table

    def trouble(self, text: str) -> None:
        """Something went wrong with the telling itself."""
        self._console.print(f"\n  [red]{escape(text)}[/red]", soft_wrap=True)

    def closing(self, lines: list[tuple[str, str]]) -> None:
        """How to go on: a command or address, and what for."""
        self._console.print()
        width = max(len(what) for what, _ in lines)
        for what, for_what in lines:
            self._console.print(f"  [bold]{escape(what.ljust(width))}[/bold]  {escape(for_what)}", soft_wrap=True)


def advance(progress: Progress, by: int = 1) -> None:
    """Move the only bar of a `Stage.progress`."""
    for task_id in progress.task_ids:
        progress.advance(task_id, by)


def reach(progress: Progress, completed: int) -> None:
    """Set the only bar of a `Stage.progress`."""
    for task_id in progress.task_ids:
        progress.update(task_id, completed=completed)


def _mark(claim: Claim) -> str:
    return "[bold green]✔[/bold green]" if claim.held else "[bold red]✘[/bold red]"


def _measured(claim: Claim) -> str:
    return f"  [cyan]{escape(claim.measured)}[/cyan]" if claim.measured else ""

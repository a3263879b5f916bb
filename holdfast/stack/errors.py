"""What can go wrong with the stack, in words for the person at the terminal. Decides nothing."""

from __future__ import annotations


class StackError(Exception):
    """The stack cannot do what was asked; the message says which part, why, and what to do."""


class NotReadyError(Exception):
    """A probe's answer when a part does not serve yet; the message is the reason seen last."""

"""Deterministic stories. They reach the world only through workflows/ports.py and never read a clock of their own."""

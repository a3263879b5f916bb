"""Workflows as they were: of a reservation until 2026-11-28 (commit b7ac96e), of an adjustment until then (1ce4035).

A transfer is as it came (c3f9262), on the adjustment's operation, which was not yet careful with long words.

Copied and not kept up: a test begins work on them that today's code has to finish. Histories that they left are among
those in tests/replay/histories.
"""

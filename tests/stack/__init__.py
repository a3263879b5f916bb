"""The embedded stack and the supervisor, with real processes."""

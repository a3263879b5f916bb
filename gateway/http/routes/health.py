"""The routes that need no token: how the service is, and its metrics."""

from __future__ import annotations

from gateway.http import health
from gateway.http.route import Route, answers
from gateway.http.schemas.health import Health, Liveness

ANYBODY = ()

HEALTH = (
    Route("GET", "/health", health.overview, ANYBODY, answers(Health) + answers(Health, 503)),
    Route("GET", "/health/live", health.live, ANYBODY, answers(Liveness)),
    Route("GET", "/health/ready", health.ready, ANYBODY, answers(Liveness) + answers(Liveness, 503)),
    Route("GET", "/metrics", health.metrics, ANYBODY, answers(None, content_type="text/plain")),
)

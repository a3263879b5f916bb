"""The OpenAPI document and a page to read and try it: Swagger UI from its package, no content network, no inline code.

Serves three files of that package and nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

from domain.errors import NotFound
from gateway.http.call import Call, Reply
from gateway.http.openapi import document
from gateway.http.route import Route, answers

ASSETS = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
START_SCRIPT = "start.js"

_PAGE = b"""<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Holdfast API</title>
    <link rel="stylesheet" href="/docs/swagger-ui.css">
    <link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
  </head>
  <body>
    <div id="page"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
"""
_START = b"""window.onload = () => SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#page",
  deepLinking: true,
  displayRequestDuration: true,
  persistAuthorization: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
"""
_SAFE = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
_KEPT_FOR_AN_HOUR = {"Cache-Control": "public, max-age=3600"}


class Documentation:
    """The routes that describe all routes, themselves included."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = (*routes, *self._own_routes())
        self._document = document(self.routes)

    async def openapi(self, call: Call[None, None]) -> Reply:  # noqa: ARG002 - the same for everyone
        """Give this description of the API as an OpenAPI 3.1 document."""
        return Reply(body=self._document)

    async def page(self, call: Call[None, None]) -> Reply:  # noqa: ARG002
        """Show a page to read this description and try it."""
        return Reply(body=_PAGE, content_type="text/html; charset=utf-8", headers=_SAFE)

    async def asset(self, call: Call[None, None]) -> Reply:
        """Give a part of that page."""
        name = call.texts["asset"]
        if name == START_SCRIPT:
            return Reply(body=_START, content_type="text/javascript; charset=utf-8", headers=_KEPT_FOR_AN_HOUR)
        if name not in ASSETS:
            raise NotFound()
        content = await asyncio.to_thread(_asset, name)
        return Reply(body=content, content_type=ASSETS[name], headers=_KEPT_FOR_AN_HOUR)

    def _own_routes(self) -> tuple[Route, ...]:
        return (
            Route("GET", "/openapi.json", self.openapi, (), answers(None, content_type="application/json")),
            Route("GET", "/docs", self.page, (), answers(None, content_type="text/html")),
            Route("GET", "/docs/{asset}", self.asset, (), answers(None, content_type="*/*")),
        )


@cache
def _asset(name: str) -> bytes:
    return Path(str(distribution("swagger-ui-py").locate_file(f"swagger_ui/static/{name}"))).read_bytes()

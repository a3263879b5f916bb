"""The aiohttp application: the route table made to work, and an orderly end.

The listening socket belongs to gateway/http/server.py, the order of starting and stopping to holdfast/serve.py.
"""

from __future__ import annotations

from aiohttp import web

from gateway.http.docs import Documentation
from gateway.http.draining import Draining
from gateway.http.endpoint import Endpoint
from gateway.http.middleware import DRAINING, observe, sign
from gateway.http.route import Route
from gateway.http.routes import ROUTES
from gateway.services import Services
from runtime.settings import Settings
from runtime.tracing import http_middlewares


def make_app(services: Services, settings: Settings) -> web.Application:
    """The REST face of the services. `settings` give its limits: body bytes and request seconds."""
    app = web.Application(middlewares=[*http_middlewares(), observe], client_max_size=settings.request_body_bytes_max)
    app[DRAINING] = Draining()
    app.on_response_prepare.append(sign)
    for route in Documentation(ROUTES).routes:
        _add(app.router, route, Endpoint(route, services))
    return app


def _add(router: web.UrlDispatcher, route: Route, endpoint: Endpoint) -> None:
    if route.method == "GET":
        router.add_get(route.path, endpoint.answer, allow_head=True)
    else:
        router.add_route(route.method, route.path, endpoint.answer)


def draining(app: web.Application) -> Draining:
    """How far the application is on its way from serving to gone, and the way to send it there."""
    return app[DRAINING]

"""The local page of one home: read-only, live by server-sent events, served on loopback.

GET /             the page                       /static/...   its style, script and lamp
    /status.json  the Status of this moment      /alerts.json  its alerts alone
    /events       a Status on every change       /healthz      200 while the rules run, else 503
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING

import msgspec

from gateway.health import Status
from gateway.health.why import STALLED_S
from gateway.home import WebSettings
from gateway.web.doorbell import close, knock, listen
from gateway.web.guard import COOKIE, COOKIE_S, HEADERS, Guard, guard

if TYPE_CHECKING:
    from aiohttp import web

PUSH_GAP_S = 0.5
"""At most two pushes a second, however much happens."""
KEEP_ALIVE_S = 10.0
"""A Status is sent this often even if nothing happened: that tells the page that we live."""
CLIENTS = 16
"""Pages open at once."""
WRITE_S = 20.0
"""A client that takes nothing for this long is let go."""

STATIC = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    "labels.js": "text/javascript",
    "view.js": "text/javascript",
    "lamp.svg": "image/svg+xml",
}
LANGUAGES = {"zh": "zh-CN", "en": "en"}

_Serve = Callable[["web.Request"], Awaitable["web.StreamResponse"]]


class WebPage:
    """`run()` is one job; `changed()` says that the Status may be another now."""

    def __init__(
        self,
        settings: WebSettings,
        status: Callable[[], Status],
        keep_alive_s: float = KEEP_ALIVE_S,
    ) -> None:
        """Raises ValueError if the page would be open to the network without a token."""
        self.url = ""
        """Where it listens, once it does."""
        self.listening = asyncio.Event()
        self._guard: Guard = guard(settings.listen, settings.token, socket.gethostname())
        self._status = status
        self._keep_alive_s = keep_alive_s
        self._news = asyncio.Event()
        self._clients = 0
        self._closing = False

    def changed(self) -> None:
        """Wakes every open page. Call it from the loop that runs the job."""
        self._news.set()
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Serves until cancelled. Raises OSError if the address is taken."""
        where = self._guard.address
        sockets = listen(where.host, where.port)
        try:
            self.url = _url(sockets[0].getsockname())
            self.listening.set()
            await knock(sockets)
            # In a thread: on a small board it takes seconds, and a press must not wait for it.
            await asyncio.to_thread(import_module, "aiohttp.web")
            await self._serve(sockets)
        finally:
            self.url = ""
            self.listening.clear()
            close(sockets)

    async def _serve(self, sockets: Sequence[socket.socket]) -> None:
        from aiohttp import web

        self._closing = False
        runner = web.AppRunner(
            self.application(), access_log=None, handler_cancellation=True, shutdown_timeout=2.0
        )
        await runner.setup()
        try:
            for sock in sockets:
                await web.SockSite(runner, sock).start()
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    def application(self) -> web.Application:
        from aiohttp import web

        @web.middleware
        async def admit(request: web.Request, handler: _Serve) -> web.StreamResponse:
            return await self._admit(request, handler)

        app = web.Application(middlewares=[admit])
        app.on_response_prepare.append(_add_headers)
        app.on_shutdown.append(self._close)
        app.router.add_get("/", self._page)
        app.router.add_get("/status.json", self._status_json)
        app.router.add_get("/alerts.json", self._alerts_json)
        app.router.add_get("/events", self._events, allow_head=False)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/static/{name}", self._static)
        return app

    # ------------------------------------------------------------ who may

    async def _admit(self, request: web.Request, handler: _Serve) -> web.StreamResponse:
        from aiohttp import web

        if not self._guard.knows(request.headers.get("Host", "")):
            raise web.HTTPMisdirectedRequest(text="This is not a name of this hub.\n")
        if request.path == "/healthz":
            return await handler(request)
        cookie = request.cookies.get(COOKIE, "")
        if not self._guard.opens(request.query, request.headers, cookie):
            raise web.HTTPUnauthorized(text=NO_TOKEN, headers={"WWW-Authenticate": "Bearer"})
        if "token" in request.query:
            raise self._without_token(request)
        return await handler(request)

    def _without_token(self, request: web.Request) -> web.HTTPSeeOther:
        """The token moves from the address, where it would be kept and shown, into a cookie."""
        from aiohttp import web

        away = web.HTTPSeeOther(request.rel_url.without_query_params("token"))
        if self._guard.wants_token:
            away.set_cookie(
                COOKIE, self._guard.pass_mark, max_age=COOKIE_S, httponly=True, samesite="Lax"
            )
        return away

    # ------------------------------------------------------------ what is served

    async def _page(self, request: web.Request) -> web.Response:
        from aiohttp import web

        language = LANGUAGES.get(self._status().language, "zh-CN")
        html = _asset("page.html").decode().replace('lang="zh-CN"', f'lang="{language}"', 1)
        return web.Response(text=html, content_type="text/html")

    async def _static(self, request: web.Request) -> web.Response:
        from aiohttp import web

        name = request.match_info["name"]
        if name not in STATIC:
            raise web.HTTPNotFound
        return web.Response(body=_asset(name), content_type=STATIC[name], charset="utf-8")

    async def _status_json(self, request: web.Request) -> web.Response:
        return _json(msgspec.json.encode(self._status()))

    async def _alerts_json(self, request: web.Request) -> web.Response:
        status = self._status()
        alerts = {"at": status.at, "open": status.open, "recent": status.recent}
        return _json(msgspec.json.encode(alerts))

    async def _healthz(self, request: web.Request) -> web.Response:
        status = self._status()
        silent = status.at.since(status.last_rule_pass or status.started_at)
        well = silent <= STALLED_S and status.storage.ok
        return _json(b'{"ok":true}' if well else b'{"ok":false}', 200 if well else 503)

    # ------------------------------------------------------------ live

    async def _events(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        if self._clients >= CLIENTS:
            raise web.HTTPServiceUnavailable(text="Too many pages are open.\n")
        self._clients += 1
        try:
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            await response.write(b"retry: 2000\n\n")
            await self._push(response)
        except TimeoutError:  # it takes nothing: an end in good order would wait for it, too
            if request.transport:
                request.transport.abort()
        finally:
            self._clients -= 1
        return response

    async def _push(self, response: web.StreamResponse) -> None:
        while not self._closing:
            news = self._news
            body = msgspec.json.encode(self._status())
            async with asyncio.timeout(WRITE_S):
                await response.write(b"event: status\ndata: " + body + b"\n\n")
            await asyncio.sleep(PUSH_GAP_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._keep_alive_s):
                    await news.wait()

    async def _close(self, app: web.Application) -> None:
        self._closing = True
        self.changed()


NO_TOKEN = """打开此页面需要安装人员提供的链接。
Open this page with the link that the installer gave you.
"""


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


def _asset(name: str) -> bytes:
    return (files("gateway.web") / "static" / name).read_bytes()


def _json(body: bytes, status: int = 200) -> web.Response:
    from aiohttp import web

    return web.Response(body=body, status=status, content_type="application/json")


def _url(address: object) -> str:
    """The address of a listening socket, as a browser wants it."""
    host, port, *_ = msgspec.convert(address, tuple[str | int, ...])
    return f"http://[{host}]:{port}/" if ":" in str(host) else f"http://{host}:{port}/"

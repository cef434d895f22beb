"""The page's server: read-only, for those who may, live, and closed in good order."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import msgspec
import pytest

from gateway.health import Status, StorageHealth
from gateway.home import WebSettings
from gateway.web.guard import COOKIE, HEADERS, address, guard
from gateway.web.server import CLIENTS, KEEP_ALIVE_S, STATIC, WebPage
from tests.fakes import at
from tests.lived_in import NOW, LivedIn, press

TOKEN = "a-long-token-from-the-plan-0123456789"
PATHS = ["/", "/status.json", "/alerts.json", "/healthz", *(f"/static/{name}" for name in STATIC)]


class Served:
    def __init__(self, page: WebPage, job: asyncio.Task[None], http: aiohttp.ClientSession) -> None:
        self.page = page
        self.job = job
        self.http = http

    def url(self, path: str) -> str:
        return self.page.url.rstrip("/") + path


@asynccontextmanager
async def served(
    home: LivedIn, token: str = "", keep_alive_s: float = KEEP_ALIVE_S
) -> AsyncIterator[Served]:
    page = WebPage(WebSettings(listen="127.0.0.1:0", token=token), home.status, keep_alive_s)
    job = asyncio.create_task(page.run())
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        try:
            async with asyncio.timeout(10):
                await page.listening.wait()
            yield Served(page, job, http)
        finally:
            job.cancel()
            await asyncio.wait([job])


async def next_status(stream: aiohttp.StreamReader) -> Status:
    async with asyncio.timeout(10):
        while True:
            line = await stream.readline()
            assert line, "the stream ended"
            if line.startswith(b"data: "):
                return msgspec.json.decode(line[6:], type=Status)


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_carries_the_protective_headers(path: str) -> None:
    async with served(LivedIn()) as web:
        for method in ("GET", "HEAD"):
            async with web.http.request(method, web.url(path)) as answer:
                assert answer.status == 200
                assert {name: answer.headers[name] for name in HEADERS} == HEADERS


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_the_page_can_only_be_read(method: str) -> None:
    async with served(LivedIn()) as web:
        for path in (*PATHS, "/events"):
            async with web.http.request(method, web.url(path)) as answer:
                assert answer.status == 405
                assert answer.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("path", ["/static/../server.py", "/static/page.html", "/favicon.ico"])
async def test_only_what_belongs_to_the_page_is_served(path: str) -> None:
    async with served(LivedIn()) as web, web.http.get(web.url(path)) as answer:
        assert answer.status == 404


async def test_the_page_asks_nothing_of_other_machines_and_holds_no_inline_code() -> None:
    async with served(LivedIn()) as web:
        for path in ("/", *(f"/static/{name}" for name in STATIC)):
            async with web.http.get(web.url(path)) as answer:
                text = (await answer.text()).replace("http://www.w3.org/2000/svg", "")
            assert "http:" not in text
            assert "https:" not in text
            assert "style=" not in text
            assert "<style" not in text
            assert " onclick" not in text


async def test_status_and_alerts_are_what_the_hub_thinks() -> None:
    home = LivedIn()
    home.happen(press())
    async with served(home) as web:
        async with web.http.get(web.url("/status.json")) as answer:
            assert msgspec.json.decode(await answer.read(), type=Status) == home.status()
        async with web.http.get(web.url("/alerts.json")) as answer:
            alerts = await answer.json()
    assert [view["alert"]["type"] for view in alerts["open"]] == ["sos.pressed"]
    assert alerts["open"][0]["sentence"]["zh"].endswith("卧室呼叫按钮被按下")


@pytest.mark.parametrize(
    "part", [{"storage": StorageHealth(False, "full")}, {"last_rule_pass": at(NOW - 600)}]
)
async def test_health_is_refused_when_the_rules_stand_still_or_the_disk_fails(
    part: dict[str, object],
) -> None:
    home = LivedIn()
    home.set(**part)
    async with served(home) as web, web.http.get(web.url("/healthz")) as answer:
        assert answer.status == 503


async def test_the_language_of_the_plan_is_the_pages() -> None:
    home = LivedIn()
    home.set(language="en")
    async with served(home) as web, web.http.get(web.url("/")) as answer:
        assert '<html lang="en">' in await answer.text()


# ---------------------------------------------------------------- who may read


@pytest.mark.parametrize(
    "name", ["evil.example", "evil.example:8377", "127.0.0.1.evil.example", ""]
)
async def test_a_foreign_name_that_leads_here_is_refused(name: str) -> None:
    async with served(LivedIn()) as web:
        for path in (*PATHS, "/events"):
            async with web.http.get(web.url(path), headers={"Host": name}) as answer:
                assert answer.status in (400, 421)


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST:8377", "127.0.0.1:1", "[::1]:8377"])
async def test_the_names_of_this_machine_are_known_on_loopback(name: str) -> None:
    headers = {"Host": name}
    async with (
        served(LivedIn()) as web,
        web.http.get(web.url("/status.json"), headers=headers) as answer,
    ):
        assert answer.status == 200


async def test_without_the_token_nothing_is_told() -> None:
    async with served(LivedIn(), TOKEN) as web:
        for path in ("/", "/status.json", "/alerts.json", "/events", "/static/page.js"):
            for query in ("", "?token=", "?token=wrong", f"?token={TOKEN}x"):
                async with web.http.get(web.url(path + query)) as answer:
                    assert answer.status == 401
                    assert TOKEN not in await answer.text()
        headers = {"Authorization": "Bearer \udce4wrong"}
        async with web.http.get(web.url("/"), headers=headers) as answer:
            assert answer.status == 401


async def test_the_token_moves_from_the_address_into_a_cookie_that_does_not_tell_it() -> None:
    async with served(LivedIn(), TOKEN) as web:
        link = web.url(f"/status.json?token={TOKEN}")
        async with web.http.get(link, allow_redirects=False) as answer:
            assert answer.status == 303
            assert answer.headers["Location"] == "/status.json"
            cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith(f"{COOKIE}=")
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert TOKEN not in cookie
        async with web.http.get(web.url("/")) as answer:
            assert answer.status == 200


async def test_the_token_opens_by_header_too() -> None:
    async with served(LivedIn(), TOKEN) as web:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with web.http.get(web.url("/status.json"), headers=headers) as answer:
            assert answer.status == 200


def test_a_page_open_to_the_network_wants_a_token() -> None:
    with pytest.raises(ValueError, match="token"):
        WebPage(WebSettings(listen="0.0.0.0:8377"), LivedIn().status)
    WebPage(WebSettings(listen="0.0.0.0:8377", token=TOKEN), LivedIn().status)


def test_in_the_network_it_answers_to_its_address_and_its_own_name_only() -> None:
    door = guard("0.0.0.0:8377", TOKEN, "Hub-1.street")
    known = ("192.168.1.5:8377", "hub-1.street", "hub-1.local:8377", "[fe80::1]:8377", "localhost")
    assert [door.knows(name) for name in known] == [True] * 5
    assert [door.knows(name) for name in ("evil.example", "[::1", "hub-1:x")] == [False] * 3


@pytest.mark.parametrize("listen", ["8377", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:70000"])
def test_an_address_without_a_port_is_explained(listen: str) -> None:
    with pytest.raises(ValueError, match="address:port"):
        address(listen)


# ---------------------------------------------------------------- live


async def test_a_press_is_pushed_at_once_to_every_open_page() -> None:
    home = LivedIn()
    async with (
        served(home) as web,
        web.http.get(web.url("/events")) as one,
        web.http.get(web.url("/events")) as two,
    ):
        assert one.headers["Content-Type"] == "text/event-stream"
        for answer in (one, two):
            assert (await next_status(answer.content)).open == ()
        home.happen(press())
        web.page.changed()
        for answer in (one, two):
            (view,) = (await next_status(answer.content)).open
            assert view.alert == press()


async def test_a_hundred_changes_are_one_push_and_the_last_of_them_is_in_it() -> None:
    home = LivedIn()
    async with served(home) as web, web.http.get(web.url("/events")) as answer:
        await next_status(answer.content)
        for second in range(100):
            home.seconds = NOW + second
            web.page.changed()
        assert (await next_status(answer.content)).at == at(NOW + 99)


async def test_a_quiet_home_still_says_that_the_hub_lives() -> None:
    async with (
        served(LivedIn(), keep_alive_s=0.05) as web,
        web.http.get(web.url("/events")) as answer,
    ):
        for _ in range(2):
            await next_status(answer.content)


async def test_the_number_of_open_pages_is_bounded_and_a_closed_one_makes_room() -> None:
    async with served(LivedIn()) as web:
        streams = [await web.http.get(web.url("/events")) for _ in range(CLIENTS)]
        async with web.http.get(web.url("/events")) as answer:
            assert answer.status == 503
        async with web.http.get(web.url("/status.json")) as answer:
            assert answer.status == 200
        streams.pop().close()
        assert await _opens_again(web)
        for stream in streams:
            stream.close()


async def _opens_again(web: Served) -> bool:
    """Whether the server notices within ten seconds that a page was closed."""
    for _ in range(200):
        async with web.http.get(web.url("/events")) as answer:
            if answer.status == 200:
                return True
        await asyncio.sleep(0.05)
    return False


async def test_the_job_ends_in_good_order_while_pages_are_open() -> None:
    async with served(LivedIn()) as web, web.http.get(web.url("/events")) as answer:
        await next_status(answer.content)
        web.job.cancel()
        async with asyncio.timeout(10):
            with pytest.raises(asyncio.CancelledError):
                await web.job
            assert (await answer.content.read()).strip() == b""
        assert web.page.url == ""


async def test_a_taken_address_is_an_error_for_the_supervisor() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(OSError, match="address already in use"):
            await WebPage(WebSettings(listen=listen), LivedIn().status).run()

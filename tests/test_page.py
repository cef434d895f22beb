"""The page in a real browser: live, in two languages, honest when the hub is gone, and legible."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from gateway.health import OutboxHealth, RouteHealth
from gateway.home import WebSettings
from gateway.records import Quantity, RadioState, Reading, State
from gateway.web.server import WebPage
from tests.fakes import at
from tests.lived_in import NOW, LivedIn, answered, press
from tools.parts import find_browser

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="module")]

FLAGS = (
    "--no-sandbox",
    "--headless=new",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
)

PHONE = (390, 844)
NARROW = (360, 740)
DESKTOP = (1280, 900)

# WCAG 2.1, 1.4.3: 4.5 to 1, or 3 to 1 for large text (24 px, or 18.66 px bold).
TOO_FAINT = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => {
    const [r, g, b] = rgb.slice(0, 3).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const back = parse(getComputedStyle(e).backgroundColor);
      if (back.length < 4 || back[3] === 1) return back;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.getClientRects().length) continue;
    const style = getComputedStyle(e);
    const [a, b] = [light(parse(style.color)), light(behind(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) faint.push(`${e.textContent}: ${ratio.toFixed(2)}`);
  }
  return faint;
}"""


class Visit:
    """One browser page on one home, and the server behind it."""

    def __init__(self, home: LivedIn, page: Page) -> None:
        self.home = home
        self.page = page
        self.complaints: list[str] = []
        self.server = WebPage(WebSettings(listen="127.0.0.1:0"), home.status)
        self._job: asyncio.Task[None] | None = None
        page.on("console", lambda said: self.complaints.append(f"{said.type}: {said.text}"))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    async def start(self, listen: str = "127.0.0.1:0") -> None:
        self.server = WebPage(WebSettings(listen=listen), self.home.status)
        self._job = asyncio.create_task(self.server.run())
        async with asyncio.timeout(10):
            await self.server.listening.wait()

    async def stop(self) -> None:
        if self._job:
            self._job.cancel()
            await asyncio.wait([self._job])

    async def open(self) -> None:
        await self.page.goto(self.server.url)
        await expect(self.page.locator("#rooms")).to_be_visible()

    def change(self) -> None:
        self.server.changed()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_browser(), args=list(FLAGS))
        yield browser
        await browser.close()


@asynccontextmanager
async def visit(
    browser: Browser, home: LivedIn, size: tuple[int, int] = PHONE, scheme: str = "light"
) -> AsyncIterator[Visit]:
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    visit = Visit(home, await context.new_page())
    await visit.start()
    try:
        await visit.open()
        yield visit
    finally:
        await context.close()
        await visit.stop()


def troubled() -> LivedIn:
    """An open call for help, a blind radio, no way to the platform, and long names."""
    home = LivedIn()
    alert = press()
    home.happen(alert)
    home.happen(answered(alert, State.DISPATCHED, NOW - 10, eta_s=720.0))
    home.book.on_sent(alert.id, 1, "street-platform-primary", at(NOW - 19))
    why = "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0 is not there"
    home.set(
        radios=(RadioState("inputs", alive=True), RadioState("meters", alive=False, why=why)),
        routes=(RouteHealth("street-platform-primary", up=False, since=at(600), why="refused"),),
        outbox=OutboxHealth(depth={0: 2, 3: 5}, oldest=at(600)),
        states={**home.parts.states, "motion": "lost", "thermo": "late"},
    )
    return home


async def test_an_alert_appears_and_the_help_comes_nearer_without_a_reload(
    browser: Browser,
) -> None:
    async with visit(browser, LivedIn()) as v:
        await expect(v.page.locator("h1")).to_have_text("家中一切安好")
        await v.page.evaluate("window.sameDocument = true")
        alert = press()
        v.home.happen(alert)
        v.change()
        card = v.page.locator(f"[data-alert='{alert.id}']")
        await expect(card).to_contain_text("卧室呼叫按钮被按下")
        await expect(v.page.locator("h1")).to_have_text("紧急：主卧紧急呼叫")
        await expect(v.page.locator("#spoken")).to_contain_text("紧急呼叫 主卧")
        v.home.happen(answered(alert, State.DISPATCHED, NOW, eta_s=720.0))
        v.change()
        await expect(card).to_contain_text("已派人前往")
        await expect(card.locator(".eta")).to_have_text("还有 12 分钟")
        assert await v.page.evaluate("window.sameDocument") is True
        assert v.complaints == []


async def test_the_language_is_switched_and_remembered(browser: Browser) -> None:
    async with visit(browser, troubled()) as v:
        page = v.page
        assert await page.evaluate("document.documentElement.lang") == "zh-CN"
        await page.get_by_role("button", name="English").click()
        await expect(page.locator("h1")).to_have_text("Emergency: Emergency call, Bedroom (主卧)")
        await page.reload()
        await expect(page.locator("#rooms-title")).to_have_text("Rooms")
        assert await page.evaluate("document.documentElement.lang") == "en"
        text = await page.locator("main").inner_text()
        chinese = [c for c in text.replace("主卧", "") if "\u4e00" <= c <= "\u9fff"]
        assert chinese == []


async def test_the_plan_says_which_language_comes_first(browser: Browser) -> None:
    home = LivedIn()
    home.set(language="en")
    async with visit(browser, home) as v:
        await expect(v.page.locator("h1")).to_have_text("All is well at home")


async def test_a_hub_that_died_is_never_shown_as_well(browser: Browser) -> None:
    async with visit(browser, LivedIn()) as v:
        gone, h1 = v.page.locator("#gone"), v.page.locator("h1")
        await expect(gone).to_be_hidden()
        url = v.server.url
        await v.stop()
        await expect(gone).to_be_visible(timeout=15_000)
        await expect(gone).to_contain_text("没有应答")
        await expect(h1).to_have_text("不知道家中现在的情况")
        assert await v.page.evaluate(TOO_FAINT) == []
        await v.start(url.removeprefix("http://").rstrip("/"))
        await expect(gone).to_be_hidden(timeout=15_000)
        await expect(h1).to_have_text("家中一切安好")


async def test_a_device_behind_a_blind_radio_is_unknown_with_the_reason(browser: Browser) -> None:
    async with visit(browser, troubled()) as v:
        meter = v.page.locator("[data-device='water']")
        await expect(meter).to_have_attribute("data-state", "unknown")
        await expect(meter.get_by_role("img")).to_have_attribute("aria-label", "不明")
        await expect(meter).to_contain_text("接收端口 meters 无信号")
        await expect(meter.locator(".value").first).to_contain_text("分钟前")


async def test_what_was_sent_lists_every_step_and_stays_open_while_it_goes_on(
    browser: Browser,
) -> None:
    home = troubled()
    async with visit(browser, home) as v:
        sent = v.page.locator("#sent-list details")
        await sent.locator("summary").click()
        await expect(sent.locator("li")).to_have_count(2)
        await expect(sent.locator("li").first).to_contain_text("street-platform-primary")
        latest = msgspec.structs.replace(home.parts.alerts[0], rev=3, state=State.ON_SITE)
        home.happen(latest)
        v.change()
        await expect(sent.locator("li")).to_have_count(3)
        await expect(sent).to_have_attribute("open", "")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everything_fits_a_narrow_phone_and_can_be_read(
    browser: Browser, scheme: str
) -> None:
    home = troubled()
    home.book.on_reading(Reading("leak", Quantity.BATTERY_LOW, True, at(NOW)))
    async with visit(browser, home, NARROW, scheme) as v:
        for _ in range(2):
            await v.page.evaluate(
                "for (const d of document.querySelectorAll('details')) d.open = true"
            )
            width = await v.page.evaluate("document.documentElement.scrollWidth")
            assert width <= NARROW[0]
            assert await v.page.evaluate(TOO_FAINT) == []
            await v.page.locator("#language").click()
        assert v.complaints == []


async def test_a_wide_screen_has_the_hub_beside_the_rooms(browser: Browser) -> None:
    async with visit(browser, LivedIn(), DESKTOP) as v:
        rooms = await v.page.locator("#rooms").bounding_box()
        side = await v.page.locator("#side").bounding_box()
        assert rooms is not None
        assert side is not None
        assert side["x"] >= rooms["x"] + rooms["width"]
        assert await v.page.evaluate("document.documentElement.scrollWidth") <= DESKTOP[0]

"""Claims about the page as a browser shows it, over a real server and memory stores filled by a small sample."""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from stream.desk.app import create_app
from stream.records import RawPost
from tests.stream.desk_stores import RULE, Filled, fill, serving

pytestmark = pytest.mark.browser
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@pytest.fixture(scope="module")
def filled() -> Filled:
    return fill()


@pytest.fixture(scope="module")
def address(filled: Filled) -> Iterator[str]:
    app = create_app(
        filled.trends,
        filled.documents,
        filled.incidents,
        now=lambda: filled.now_ms,
        rules=(RULE,),
        names={"ORBQ": ("Orbiq Robotics", "欧比机器人")},
    )
    with serving(app) as port:
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium, "no Chromium here; install Debian's `chromium`, or deselect with -m 'not browser'"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=os.path.realpath(chromium), args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, locale="en-US", timezone_id="America/New_York"
    )
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto(address)
    expect(page.locator("#chart svg .band")).to_be_visible()
    yield page
    context.close()
    assert faults == []


def _say(filled: Filled, number: int, text: str) -> None:
    published = datetime.fromtimestamp(filled.now_ms / 1000 + number, UTC)
    filled.feed([RawPost("Pitside", published_at=published, text=text, id=f"page-{number}", symbols=["ORBQ"])])


def test_the_alert_is_there_with_its_numbers_drivers_and_evidence(page: Page) -> None:
    card = page.locator("details.alert")
    expect(card).to_have_count(1)
    expect(card).to_contain_text("Negative surge · ORBQ")
    expect(card).to_contain_text("80% interval")
    expect(card.locator(".evidence li").first).to_be_visible()
    assert 3 <= card.locator(".evidence li").count() <= 5
    assert card.locator(".drivers dd").count() >= 2
    expect(card.locator(".timeline")).to_contain_text("fired")


def test_under_the_trend_stands_what_the_series_has_spent_of_its_budget(page: Page) -> None:
    line = page.locator("#trend-spent")
    expect(line).to_contain_text("Fired 1 time in 0.5 weeks since it learnt, true surges included")
    expect(line).to_contain_text("the budget is 0.05 false ones a week")


def test_the_chart_shows_the_band_the_bars_above_it_and_the_mark_of_the_alert(page: Page) -> None:
    assert len(page.locator("#chart .band").get_attribute("d") or "") > 500
    assert page.locator("#chart .bar.above").count() >= 2
    expect(page.locator("#chart .mark.fired")).to_have_count(1)


def test_the_chart_can_be_read_with_the_keyboard(page: Page) -> None:
    page.locator("#chart svg").focus()
    page.keyboard.press("End")
    expect(page.locator("#readout")).to_contain_text("expected")


def test_a_script_in_a_post_stays_text(page: Page, filled: Filled) -> None:
    text = '<script>document.title="taken"</script><img src=x onerror="document.title=1"> $ORBQ falls'
    _say(filled, 1, text)
    expect(page.locator("#posts .post .text").first).to_have_text(text, timeout=5000)
    assert page.locator("#posts script, #posts img").count() == 0
    assert page.title() == "Groundswell"


def test_new_posts_arrive_without_a_reload(page: Page, filled: Filled) -> None:
    expect(page.locator("#live")).to_have_text("Live")
    text = "$ORBQ holds a very particular meeting on Tuesday"
    expect(page.locator("#posts")).not_to_contain_text(text)
    _say(filled, 2, text)
    expect(page.locator("#posts")).to_contain_text(text, timeout=5000)


def test_a_company_can_be_chosen_and_the_feed_is_then_its_own(page: Page) -> None:
    page.locator(".mover[data-symbol='ZVLX']").click()
    expect(page.locator("#trend-title")).to_contain_text("ZVLX")
    expect(page.locator("#posts-title")).to_contain_text("ZVLX")
    page.locator("#posts-all").click()
    expect(page.locator("#posts-title")).to_have_text("Latest opinions")


def test_the_page_speaks_chinese_when_asked_and_remembers_it(page: Page) -> None:
    page.locator("button[data-lang='zh']").click()
    expect(page.locator("#alerts-title")).to_have_text("预警")
    expect(page.locator("details.alert")).to_contain_text("独立负面声音")
    page.reload()
    expect(page.locator("#trend-title")).to_contain_text("欧比机器人")


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_nothing_runs_out_of_the_page_sideways(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    expect(page.locator("#chart svg .band")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_times_are_the_readers_own_with_utc_beside(page: Page, filled: Filled) -> None:
    utc = datetime.fromtimestamp(filled.now_ms / 1000, UTC)
    expect(page.locator("#clock")).to_contain_text(f"{(utc.hour - 5) % 24:02d}:{utc:%M} ({utc:%H:%M} UTC)")

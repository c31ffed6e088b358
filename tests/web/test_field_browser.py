"""The field app on a phone, in a real browser: join by the code, check in, report in three taps, photo, acknowledge,
ask; then the line is cut, and comes back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.cast import Cast, make_cast
from tests.web.conftest import WIDTHS, SignIn
from tests.web.lossy import Lossy
from tests.web.stage import Stage
from tests.web.test_shell_browser import RULES
from tests.web.test_walk import watched
from tocsin.kernel import clock
from tocsin.operate import actions
from tocsin.operate.actions.devices import issue_device, revoke_device
from tocsin.operate.models import Device, Hold, Location, Photo, Question, Receipt, Sighting
from tocsin.operate.store import texts
from tocsin.plan.actions.areas import place_area
from tocsin.plan.actions.positions import list_position
from tocsin.plan.actions.staffing import assign, place_post
from tocsin.plan.geometry import Point
from tocsin.plan.models import Assignment
from tocsin.plan.terms.staffing import PostDraft
from tocsin.record.models import Entry
from tocsin.retain.actions import lift_hold

pytestmark = pytest.mark.browser
SHOTS = os.environ.get("TEST_SHOTS", "")
CUT_S = int(os.environ.get("TEST_CUT_S", "2"))
STAGE = Point(388900000, -770300000)
ROOF = STAGE.moved(-90, 80)


@pytest.fixture
def broken() -> Iterator[list[str]]:
    """Script errors and refused contents of every page that is watched: none, at the end."""
    found: list[str] = []
    yield found
    assert not found


@pytest.fixture
def cast(committed: None) -> Cast:
    """The march runs; Mona stands at post 4, Paul at post 5."""
    made = make_cast(
        starts_at=clock.now() - timedelta(hours=1), ends_at=clock.now() + timedelta(hours=8)
    )
    lou, operation = made.lou, made.march
    place_area(lou, operation=operation, kind="STAGE", label="Stage", points=[STAGE])
    ring = [ROOF.moved(*d) for d in ((-15, -10), (15, -10), (15, 10), (-15, 10))]
    place_area(lou, operation=operation, kind="BUILDING", label="Building 6", points=ring)
    list_position(lou, operation=operation, label="Roof of building 6", at=ROOF)
    for label, agency, who, where in (
        ("Post 4", "metro", "mona", (-60, 40)),
        ("Post 5", "capitol", "paul", (70, -20)),
    ):
        draft = PostDraft(label, agency, at=STAGE.moved(*where), floor="second floor")
        assign(
            made.lou,
            post=place_post(lou, operation=operation, draft=draft),
            person=made.people[who],
        )
    return made


Hand = Callable[..., tuple[BrowserContext, Page]]


@pytest.fixture
def hand(server: str, chromium: Browser, cast: Cast, broken: list[str]) -> Iterator[Hand]:
    """`hand("mona")` hands Mona a phone that has scanned her code: its context and its page."""
    contexts: list[BrowserContext] = []

    def give(
        who: str, colours: str = "light", at: dict[str, float] | None = None
    ) -> tuple[BrowserContext, Page]:
        _, code = issue_device(cast.lou, operation=cast.march, person=cast.people[who])
        context = chromium.new_context(
            base_url=server,
            viewport=WIDTHS["phone"],
            has_touch=True,
            is_mobile=True,
            color_scheme=colours,  # type: ignore[arg-type]
            geolocation=at,  # type: ignore[arg-type]
            permissions=["geolocation"] if at else [],
        )
        contexts.append(context)
        page = watched(context.new_page(), broken)
        page.goto(f"/field/#join={code}")
        expect(page.get_by_role("heading", name="My post")).to_be_visible()
        return context, page

    yield give
    for context in contexts:
        context.close()


def look(page: Page, name: str) -> None:
    result = Axe().run(page, options=RULES)
    found = [f"{v['id']} at {v['nodes'][0]['target']}" for v in result.response["violations"]]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append("wider than the screen")
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"field-{name}.png"), full_page=True)
    assert not found, f"{name}: {found}"


def until(page: Page, true: Callable[[], object], seconds: int = 15) -> None:
    for _ in range(seconds * 10):
        if true():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it never came")


def jpeg(path: Path) -> Path:
    exif = Image.Exif()
    exif[0x010F] = "SecretPhoneMaker"
    Image.new("RGB", (2400, 1800), (20, 90, 140)).save(path, "JPEG", exif=exif)
    return path


def tap(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).tap()


def test_a_phone_joins_checks_in_reports_and_is_answered(
    cast: Cast, hand: Hand, server: str, tmp_path: Path
) -> None:
    _, page = hand("mona")
    assert "join" not in page.url
    look(page, "home")
    tap(page, "I'm here")
    expect(page.get_by_text("You are at Post 4.")).to_be_visible()
    until(page, lambda: Assignment.objects.get(person=cast.people["mona"]).checked_in_at)

    tap(page, "Report")  # three taps: report, what, where
    look(page, "what")
    tap(page, "Person on a roof")
    look(page, "where")
    page.get_by_role("button", name="Roof of building 6").tap()
    expect(page.get_by_role("heading", name="Sent", exact=True)).to_be_visible()
    seen = Sighting.objects.get()
    assert (seen.place, seen.aggravators, seen.reporter) == (
        "Roof of building 6",
        ["on_roof"],
        cast.people["mona"],
    )
    assert (seen.lat, seen.device) == (ROOF.lat, Device.objects.get().id)
    look(page, "sent")
    page.get_by_label("Add a photo").set_input_files(jpeg(tmp_path / "roof.jpg"))
    until(page, Photo.objects.exists)
    photo = Photo.objects.get()
    assert (photo.width, photo.height) == (1600, 1200)
    tap(page, "Armed")
    until(page, lambda: Sighting.objects.get().severity == 5)
    tap(page, "Done")

    _, other = hand("paul")
    other.get_by_role("link", name="Person on a roof").first.tap()
    expect(other.get_by_alt_text("Photo of the sighting")).to_be_visible()
    until(other, lambda: other.evaluate("document.querySelector('.fld-thumb').naturalWidth") == 240)
    other.get_by_role("button", name="Photo of the sighting").tap()
    until(
        other, lambda: other.evaluate("document.querySelector('.fld-thumb').naturalWidth") == 1600
    )
    look(other, "sighting")
    tap(other, "Acknowledge")
    until(
        other,
        lambda: (
            Receipt.objects.filter(person=cast.people["paul"])
            .exclude(acknowledged_at=None)
            .exists()
        ),
    )

    tap(page, "Ask")
    page.get_by_role("button", name="Roof of building 6").tap()
    expect(page.get_by_role("heading", name="You asked")).to_be_visible()
    until(page, Question.objects.exists)
    expect(page.get_by_text(Question.objects.get().register[0])).to_be_visible()
    look(page, "asked")


def test_the_code_on_a_screen(
    stage: Stage, sign_in: SignIn, chromium: Browser, server: str, broken: list[str]
) -> None:
    """Lou finds the telephones from the operation, shows a code, and it lets one phone join; then shuts it out,
    once no legal hold keeps what is on it."""
    desk = watched(sign_in("lou").new_page(), broken)
    desk.goto(f"/operations/{stage.cast.march}/devices")
    desk.get_by_label("Who carries it").select_option(label="Mona Mills")
    desk.get_by_role("button", name="Show the code").click()
    code = desk.get_by_role(
        "img", name="Code that lets the telephone of Mona Mills join"
    ).bounding_box()
    assert code is not None
    assert code["width"] >= 250
    look(desk, "code-desk")
    link = desk.get_by_role("link", name="the app, with the code").get_attribute("href")
    context = chromium.new_context(viewport=WIDTHS["phone"])
    phone = watched(context.new_page(), broken)
    phone.goto(str(link))
    expect(phone.get_by_role("heading", name="My post")).to_be_visible()
    phone.get_by_text("This phone", exact=True).click()
    expect(phone.get_by_text("Mona Mills, Metro police")).to_be_visible()
    desk.get_by_role("link", name="Back to the telephones").click()
    look(desk, "devices-desk")
    desk.set_viewport_size(WIDTHS["phone"])
    look(desk, "devices-phone")
    shut = desk.get_by_role("button", name="Shut out the telephone of Mona Mills")
    shut.click()  # a phone that is shut out forgets: a legal hold keeps it from that
    expect(desk.get_by_text("a legal hold keeps what is on it").first).to_be_visible()
    expect(phone.get_by_text("Hand this phone to whoever leads the operation")).to_be_visible()
    lift_hold(stage.cast.ines, hold=stage.hold, reason="The letter was withdrawn today.")
    desk.goto(f"/operations/{stage.cast.march}/devices")
    shut.click()
    phone.reload()
    expect(phone.get_by_text("Ask whoever leads the operation if this is wrong")).to_be_visible()
    context.close()


def test_cut_off_and_back(cast: Cast, hand: Hand, tmp_path: Path) -> None:
    """Without a line the app opens, shows what it had and says how old, keeps what is done, and loses nothing."""
    context, page = hand("mona")
    page.evaluate("navigator.serviceWorker.ready")
    until(page, lambda: page.evaluate("caches.keys().then((k) => k.length)"))
    context.set_offline(True)
    expect(page.get_by_text("Cut off since")).to_be_visible()
    page.reload()  # the app opens without a line, from what it keeps
    expect(page.get_by_text("Post 4").first).to_be_visible()
    expect(page.get_by_text("Cut off since")).to_be_visible()
    tap(page, "I'm here")
    for what in ("Person climbing", "Drone"):
        tap(page, "Report")
        tap(page, what)
        page.get_by_role("button", name="NE", exact=True).tap()
        expect(page.get_by_role("heading", name="Kept on this phone")).to_be_visible()
        if what == "Person climbing":
            tap(page, "Armed")
            page.get_by_label("Add a photo").set_input_files(jpeg(tmp_path / "climb.jpg"))
            expect(page.get_by_text("The photo follows.")).to_be_visible()
            look(page, "kept")
        tap(page, "Done")
    expect(page.get_by_text("Kept here: 4 to send, 1 photo to send.")).to_be_visible()
    look(page, "cut-off")
    kept = page.evaluate(
        """async () => { const of = (a) => new Promise((r) => { a.onsuccess = () => r(a.result); });
        const db = await of(indexedDB.open('tocsin-field'));
        const rows = await of(db.transaction('out').objectStore('out').getAll());
        const own = await of(db.transaction('own').objectStore('own').get('keys'));
        const text = rows.map((x) => Object.keys(x) + new TextDecoder('latin1').decode(x.data)).join();
        const out = await crypto.subtle.exportKey('raw', own.seal).then(() => 'exported', () => 'refused');
        return { text, out, rows: rows.length, sign: own.sign.privateKey.extractable }; }"""
    )
    assert (kept["rows"], kept["out"], kept["sign"]) == (4, "refused", False)
    assert "climbing" not in kept["text"]
    assert "sighting" not in kept["text"]
    assert not Sighting.objects.exists()
    cut = clock.now()
    context.set_offline(False)
    until(page, Photo.objects.exists, 30)
    expect(page.locator("#line")).to_be_hidden()
    first, second = Sighting.objects.order_by("number")
    assert ("climbing" in first.aggravators, "drone" in second.aggravators) == (True, True)
    assert "armed" in first.aggravators
    assert first.photos == [Photo.objects.get().sha256]
    assert first.bearing == 45
    assert first.first_at < cut < first.reported_at
    kinds = ("plan.post_checked_in", "sighting.reported", "sighting.updated")
    mine = Entry.objects.filter(actor=cast.people["mona"], kind__in=kinds)
    assert [e.kind for e in mine.order_by("n")][:4] == [
        "plan.post_checked_in", "sighting.reported", "sighting.updated", "sighting.reported",
    ]  # fmt: skip


def test_on_a_bad_line_nothing_is_lost_or_doubled_and_order_is_kept(
    cast: Cast, server: str, chromium: Browser, broken: list[str]
) -> None:
    """Every third request is lost, and every third answer to one that arrived; twice the line is cut altogether."""
    line = Lossy(int(server.rsplit(":", 1)[1]), 0)
    try:
        _, code = issue_device(cast.lou, operation=cast.march, person=cast.people["mona"])
        site = f"http://127.0.0.1:{line.port}"
        context = chromium.new_context(base_url=site, viewport=WIDTHS["phone"], has_touch=True)
        page = watched(context.new_page(), broken)
        page.goto(f"/field/#join={code}")
        expect(page.get_by_role("heading", name="My post")).to_be_visible()
        line.loss = 0.33
        said = []
        whats = ["Drone", "Vehicle", "Shots", "Person climbing", "Object left behind"]
        for number, what in enumerate(whats):
            if number % 3 == 1:
                line.cut()
            tap(page, "Report")
            tap(page, what)
            page.get_by_role("button", name="Here, at Post 4").tap()
            tap(page, "Armed")
            said += ["sighting.reported", "sighting.updated"]
            tap(page, "Done")
            if number % 3 == 1:
                page.wait_for_timeout(CUT_S * 1000)
                line.mend()
        until(
            page, lambda: Entry.objects.filter(kind="sighting.updated").count() == len(whats), 120
        )
        expect(page.locator("#line")).to_be_hidden(timeout=60_000)
        mine = Entry.objects.filter(
            actor=cast.people["mona"], kind__in=("sighting.reported", "sighting.updated")
        )
        assert [e.kind for e in mine.order_by("n")] == said
        assert [texts([s.what])[s.what] for s in Sighting.objects.order_by("number")] == whats
        times = list(Sighting.objects.order_by("number").values_list("first_at", flat=True))
        assert times == sorted(times)
        assert line.lost > 0
        context.close()
    finally:
        line.close()


def test_shut_out_and_guests(
    cast: Cast, hand: Hand, chromium: Browser, server: str, broken: list[str]
) -> None:
    _, page = hand("mona", colours="dark")
    look(page, "home-dark")
    revoke_device(cast.lou, device=Device.objects.get().id)
    page.reload()
    expect(page.get_by_role("heading", name="This phone no longer takes part")).to_be_visible()
    look(page, "shut-out")
    assert page.evaluate("indexedDB.databases().then((d) => d.length)") == 1
    page.reload()  # nothing of it is left
    expect(page.get_by_role("heading", name="This phone has not joined")).to_be_visible()
    context = chromium.new_context(base_url=server, viewport=WIDTHS["phone"])
    guest = watched(context.new_page(), broken)
    guest.goto("/field/")
    expect(guest.get_by_role("heading", name="This phone has not joined")).to_be_visible()
    look(guest, "guest")
    guest.goto("/field/#join=no-such-code")
    guest.reload()
    expect(guest.get_by_text("this code was used, or is too old")).to_be_visible()
    context.close()


def test_what_comes_is_seen_and_the_first_load_is_small(cast: Cast, hand: Hand) -> None:
    _, page = hand("paul")
    spent = page.evaluate(
        "performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))"
        ".reduce((t, e) => t + (e.transferSize || 0), 0)"
    )
    print(f"first load: {spent} bytes")  # noqa: T201 - a figure, shown by -rP
    assert 0 < spent <= 300_000, spent
    actions.report_sighting(
        cast.lou,
        operation=cast.march,
        text="Man with a rangefinder",
        aggravators=["rangefinder"],
        place="Gate 2",
    )
    expect(page.get_by_text("Man with a rangefinder").first).to_be_visible()
    tap(page, "Acknowledge")
    until(
        page,
        lambda: (
            Receipt.objects.filter(person=cast.people["paul"])
            .exclude(acknowledged_at=None)
            .exists()
        ),
    )
    look(page, "told")
    slow = page.evaluate(
        """async () => { const rounds = [];
        for (let i = 0; i < 5; i += 1) { const took = [];
        const press = (n) => [...document.querySelectorAll('button')].find((b) => b.textContent === n);
        for (const n of ['Report', 'Drone']) { const t = performance.now(); press(n).click();
        await new Promise((r) => requestAnimationFrame(() => setTimeout(r))); took.push(performance.now() - t); }
        rounds.push(Math.max(...took)); location.hash = ''; await new Promise((r) => setTimeout(r, 100)); }
        return Math.min(...rounds); }"""  # the machine may be busy: what the app itself takes is the least of five
    )
    print(f"slower of two presses, best of five: {slow:.0f} ms")  # noqa: T201 - a figure, shown by -rP
    assert slow <= 100, slow
    assert not Location.objects.exists()  # nobody allowed it, so nothing was sent


def test_where_the_phone_is_and_the_one_who_decides(cast: Cast, hand: Hand) -> None:
    """Lou leads the operation and is asked whether to hold; the phone says where it is, because Lou allowed it."""
    where = STAGE.moved(-80, 70)
    context, page = hand(
        "lou", at={"latitude": where.lat / 1e7, "longitude": where.lon / 1e7, "accuracy": 8}
    )
    until(page, Location.objects.exists)
    assert abs((Location.objects.get().lat or 0) - where.lat) < 20
    actions.report_sighting(
        cast.mona, operation=cast.march, text="Man on the roof", aggravators=["on_roof"], severity=4
    )
    expect(page.get_by_text("Hold, go on, or move the protected person?")).to_be_visible()
    look(page, "hold")
    page.get_by_label("Reason").fill("Not located")
    tap(page, "Hold")
    until(page, lambda: Hold.objects.filter(decision="HOLD").exists())
    actions.ask(cast.mona, operation=cast.march, text="Whose is that on the roof?", at_point=where)
    expect(page.get_by_text("Whose is that on the roof?")).to_be_visible()
    look(page, "question")
    tap(page, "Not ours")
    until(page, lambda: Question.objects.get().state == "ANSWERED")
    tap(page, "Report")
    tap(page, "Vehicle")
    page.get_by_role("button", name="Here (±8 m)").tap()
    until(page, lambda: Sighting.objects.filter(kind="VEHICLE").exists())
    assert Sighting.objects.get(kind="VEHICLE").place == "Roof of building 6"
    context.close()

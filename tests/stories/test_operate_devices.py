"""A phone joins an operation by a code, acts for its person there and nowhere else, and is shut out at once."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from PIL import Image

from tests.cast import Cast, make_cast
from tests.stories.fielding import Phone
from tocsin.kernel import clock
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid, TocsinError
from tocsin.operate.actions.devices import issue_device, revoke_device
from tocsin.operate.devices import session_of
from tocsin.operate.models import Device, JoinCode, Photo, Sighting
from tocsin.people import actions as people
from tocsin.people.terms import SYSTEM, Role
from tocsin.plan.actions.staffing import assign, place_post
from tocsin.plan.geometry import Point
from tocsin.plan.models import Assignment
from tocsin.plan.terms.staffing import PostDraft
from tocsin.record import checking
from tocsin.record.models import Entry

FIELD = "/field/state"


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast(
        starts_at=clock.now() - timedelta(hours=1), ends_at=clock.now() + timedelta(hours=8)
    )


@pytest.fixture
def phone(cast: Cast) -> Phone:
    """Mona of metro's phone, joined, at post 4."""
    draft = PostDraft("Post 4", "metro", at=Point(388900000, -770300000))
    post = place_post(cast.lou, operation=cast.march, draft=draft)
    assign(cast.mona, post=post, person=cast.mona.person)
    return joined(cast, "mona")


def joined(cast: Cast, who: str) -> Phone:
    made = Phone()
    _, code = issue_device(cast.lou, operation=cast.march, person=cast.people[who])
    status, said = made.join(code)
    assert status == 201, said
    return made


def picture(**saved: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (900, 600), (90, 40, 40)).save(out, "JPEG", **saved)
    return out.getvalue()


def sighting(key: str = "k1", **more: Any) -> dict[str, Any]:
    seen = {"text": "Person on a roof", "what": "PERSON", "aggravators": ["on_roof"]}
    return {"kind": "sighting", "key": key, **seen, **more}


def test_a_code_lets_one_phone_join_once(cast: Cast) -> None:
    device, code = issue_device(cast.lou, operation=cast.march, person=cast.people["mona"])
    assert code not in JoinCode.objects.get(device=device).digest
    first, second = Phone(), Phone()
    assert first.join(code)[0] == 201
    status, said = second.join(code)
    assert (status, said["code"]) == (403, "forbidden")
    assert first.get(FIELD).json()["me"]["name"] == "Mona Mills"
    assert Device.objects.get(id=device).key == first.public


def test_a_code_grows_old(cast: Cast, virtual: VirtualClock) -> None:
    _, code = issue_device(cast.lou, operation=cast.march, person=cast.people["mona"])
    virtual.advance(timedelta(minutes=16))
    assert Phone().join(code)[0] == 403


def test_a_key_that_is_not_the_phones_own_joins_nothing(cast: Cast) -> None:
    _, code = issue_device(cast.lou, operation=cast.march, person=cast.people["mona"])
    thief, owner = Phone(), Phone()
    thief.sign = owner.sign  # type: ignore[method-assign]
    assert thief.join(code)[0] == 422
    assert owner.join(code)[0] == 201  # and the code was not spent by it


@pytest.mark.parametrize(
    ("who", "whom", "refusal"),
    [
        ("otto", "mona", TocsinError),
        ("mona", "paul", Forbidden),
        ("ana", "ana", Forbidden),
        ("lou", "otto", Invalid),
    ],
)
def test_whoever_may_not_hand_out_a_phone(
    cast: Cast, who: str, whom: str, refusal: type[TocsinError]
) -> None:
    with pytest.raises(refusal):
        issue_device(cast.actor(who), operation=cast.march, person=cast.people[whom])


def test_the_door_says_why_it_is_shut(cast: Cast, phone: Phone, virtual: VirtualClock) -> None:
    def code(token: str) -> str:
        answer = phone.client.get(FIELD, headers={"authorization": f"Device {token}"})
        assert answer.status_code == 401
        return str(answer.json()["code"])

    good = phone.token()
    assert session_of(good) is not None
    assert code("") == "forged"
    assert code(good[:-4] + "AAAA") == "forged"
    assert code(good.replace(phone.device, "dev_00000000000000000000")) == "forged"
    assert code(phone.token(clock.now() + timedelta(minutes=11))) == "wrong_time"
    virtual.advance(timedelta(minutes=11))
    assert code(good) == "wrong_time"
    virtual.advance(timedelta(hours=10))
    assert code(phone.token()) == "expired"


def test_a_phone_that_is_shut_out_does_nothing_more(cast: Cast, phone: Phone) -> None:
    assert phone.send(sighting())[0]["ok"]
    with pytest.raises(TocsinError):
        revoke_device(cast.otto, device=phone.device)
    with pytest.raises(Forbidden):
        revoke_device(cast.paul, device=phone.device)
    revoke_device(cast.lou, device=phone.device)
    answer = phone.client.post(
        "/field/acts", "{}", content_type="application/json", headers=phone.headers()
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "revoked")
    for path in (FIELD, "/field/photos/" + "a" * 64):
        assert phone.get(path).status_code == 401
    with pytest.raises(Conflict):
        revoke_device(cast.lou, device=phone.device)


def test_whoever_left_has_no_phone(cast: Cast, phone: Phone) -> None:
    people.leave(cast.ada, person=cast.people["mona"])
    assert phone.get(FIELD).json()["code"] == "gone"


def test_a_phone_acts_in_its_own_operation_only(cast: Cast, phone: Phone) -> None:
    other = people.open_operation(
        SYSTEM, name="Other", lead_agency="other", agencies=["metro"],
        starts_at=clock.now(), ends_at=clock.now() + timedelta(hours=2),
    )  # fmt: skip
    people.grant_role(cast.ada, person=cast.people["otto"], role=Role.OPERATION_LEAD)
    stranger = Phone()
    _, code = issue_device(cast.otto, operation=other, person=cast.people["otto"])
    assert stranger.join(code)[0] == 201
    made = phone.send(sighting())[0]["answer"]
    wanted = {"sighting": made, "text": "x"}
    done = stranger.send(
        {"kind": "ack", "key": "a", **wanted}, {"kind": "update", "key": "b", **wanted}
    )
    assert [d["code"] for d in done] == ["not_found", "not_found"]
    assert stranger.get(FIELD).json()["sightings"] == []
    # Metro takes part in both; a phone for the one sees nothing of the other.
    theirs = stranger.send(sighting("k9"))[0]["answer"]
    assert phone.send({"kind": "ack", "key": "c", "sighting": theirs})[0]["code"] == "not_found"
    assert [s["id"] for s in phone.get(FIELD).json()["sightings"]] == [made]


def test_acts_are_done_in_order_once_and_by_the_phones_own_time(
    cast: Cast, phone: Phone, virtual: VirtualClock
) -> None:
    at = clock.now().isoformat()
    virtual.advance(timedelta(minutes=5))  # it was out of reach
    post = Assignment.objects.get().post
    acts = [
        {"kind": "check_in", "key": "k0", "post": post, "at": at},
        sighting(at=at, lat=388901000, lon=-770301000, place="Roof of building 6"),
        {"kind": "nonsense", "key": "k2"},
        {"kind": "sighting", "key": "k3", "text": 5},
        {"kind": "vacate", "key": "k4", "post": post, "at": at, "reason": "relieved"},
    ]
    first = phone.send(*acts)
    assert [d["ok"] for d in first] == [True, True, False, False, True], first
    again = phone.send(*acts)
    assert again[1] == first[1]
    row = Sighting.objects.get()
    assert row.first_at == clock.now() - timedelta(minutes=5)
    assert row.reported_at == clock.now()
    assert row.device == phone.device
    wanted = ["plan.post_checked_in", "sighting.reported", "plan.post_vacated"]
    told = Entry.objects.filter(kind__in=wanted).order_by("n").values_list("kind", flat=True)
    assert list(told) == wanted


def test_whoever_reports_it_is_not_asked_to_acknowledge_it(cast: Cast, phone: Phone) -> None:
    def shown(p: Phone) -> dict[str, Any]:
        row = p.get(FIELD).json()["sightings"][0]
        return {k: row[k] for k in ("told", "had", "must_version")}

    first, second = phone.send(
        sighting(), {"kind": "update", "key": "u", "of": "k1", "aggravators": ["armed"]}
    )
    assert (first["ok"], second["answer"]) == (True, 2)
    assert shown(phone) == {"told": True, "had": 2, "must_version": 2}
    olga = joined(cast, "olga")
    assert shown(olga) == {"told": True, "had": 0, "must_version": 2}
    olga.send({"kind": "ack", "key": "a", "sighting": first["answer"], "version": 1})
    assert shown(olga)["had"] == 1  # that was said of what came before the raise
    assert (
        phone.send({"kind": "update", "key": "v", "of": "never", "text": "x"})[0]["code"]
        == "not_found"
    )


def test_a_photo_is_drawn_anew_and_fetched_by_its_hash(cast: Cast, phone: Phone) -> None:
    made = phone.send(sighting())[0]["answer"]
    exif = Image.Exif()
    exif[0x010F] = "SecretPhoneMaker"
    exif.get_ifd(0x8825)[1] = "N"
    sent = picture(exif=exif, comment=b"home address", icc_profile=b"A profile that names somebody")
    url = f"/field/photos?sighting={made}&key=p1"
    for _ in range(2):  # sent twice, kept once
        answer = phone.client.post(url, sent, content_type="image/jpeg", headers=phone.headers())
        assert answer.status_code == 201, answer.content
    sha = answer.json()["sha256"]
    assert Sighting.objects.get().photos == [sha]
    assert Photo.objects.count() == 1
    whole = phone.get(f"/field/photos/{sha}")
    small = phone.get(f"/field/photos/{sha}?thumb")
    assert len(small.content) < len(whole.content)
    with Image.open(io.BytesIO(whole.content)) as drawn:
        assert (drawn.format, drawn.size, dict(drawn.getexif())) == ("WEBP", (900, 600), {})
    for secret in (b"SecretPhone", b"home address", b"names somebody", b"EXIF", b"XMP", b"ICCP"):
        assert secret not in whole.content + small.content
    bad = url.replace("p1", "p2")
    junk = phone.client.post(bad, b"no picture", content_type="image/jpeg", headers=phone.headers())
    assert (junk.status_code, junk.json()["field"]) == (422, "photo")


def test_a_photo_is_for_those_who_need_to_know(cast: Cast, phone: Phone) -> None:
    made = phone.send(sighting())[0]["answer"]
    sha = phone.client.post(
        f"/field/photos?sighting={made}&key=p",
        picture(),
        content_type="image/jpeg",
        headers=phone.headers(),
    ).json()["sha256"]
    page = f"/operations/{cast.march}/photos/{sha}"
    guest = Phone().client
    assert guest.get(page).status_code == 302
    assert guest.get(f"/field/photos/{sha}").status_code == 401
    for who, status in {"otto": 404, "ada": 403, "paul": 200}.items():
        guest.force_login(cast.account(who))
        assert guest.get(page).status_code == status, who
    for path in (FIELD, f"/field/photos/{sha}"):  # an account's session is no phone
        assert guest.get(path).status_code == 401


def test_the_page_of_telephones(cast: Cast) -> None:
    page = f"/operations/{cast.march}/devices"
    client = Phone().client
    for who, status in {"otto": 404, "ada": 403}.items():
        client.force_login(cast.account(who))
        assert client.get(page).status_code == client.post(page).status_code == status
    client.force_login(cast.account("lou"))
    shown = client.post(page, {"person": cast.people["mona"]})
    assert b"Code for Mona Mills" in shown.content
    assert shown["Cache-Control"].count("no-store")
    device = Device.objects.get()
    assert b"code not scanned yet" in client.get(page).content
    assert client.post(page, {"person": ""}).status_code == 422
    client.post(page, {"act": "revoke", "device": device.id})
    assert b"shut out" in client.get(page).content


def test_the_record_makes_the_same_tables_again(
    committed: None, virtual: VirtualClock, database_url: str
) -> None:
    cast = make_cast(
        starts_at=clock.now() - timedelta(hours=1), ends_at=clock.now() + timedelta(hours=8)
    )
    phone = joined(cast, "mona")
    made = phone.send(sighting())[0]["answer"]
    url = f"/field/photos?sighting={made}&key=p"
    assert (
        phone.client.post(
            url, picture(), content_type="image/jpeg", headers=phone.headers()
        ).status_code
        == 201
    )
    revoke_device(cast.lou, device=phone.device)
    checking.verify_vault()
    assert checking.fsck(database_url) == []

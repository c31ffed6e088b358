"""What people do to comms: channels and gateways planned, sets collected, and tested by a word sent over them."""

from __future__ import annotations

import secrets
from dataclasses import asdict

from tocsin.duties.actions import discharge_rows, open_duty
from tocsin.duties.models import Duty
from tocsin.duties.terms import Precedence
from tocsin.kernel.errors import Conflict, Forbidden, Invalid, TocsinError
from tocsin.kernel.ids import new_id
from tocsin.people.models import Operation
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import get_visible, marking_of
from tocsin.plan import store
from tocsin.plan.actions import shared
from tocsin.plan.actions.staffing import may_staff
from tocsin.plan.models import Assignment, Carry, Channel, Gateway, Post, RadioCheck
from tocsin.plan.terms import comms as terms
from tocsin.plan.terms.comms import CarryState, ChannelDraft, ChannelKind, GatewayKind, GatewayState
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import Marking, Tlp

WORDS = (
    "anchor apple badger banjo basket beacon bottle bridge bucket butter button cactus camel candle canyon carpet "
    "castle cherry circus coffee copper cotton daisy desert dinner dolphin donkey dragon engine falcon feather "
    "fiddle flower forest garden ginger guitar hammer harbor hazel helmet honey jacket jungle kettle ladder lantern "
    "lemon lizard magnet mango marble meadow mirror monkey mustard needle oyster paddle pepper pickle pirate planet "
    "pocket potato puzzle rabbit ribbon rocket saddle salmon sandal silver spider stable sugar summer tailor temple "
    "ticket tiger timber tomato trumpet tunnel turtle valley velvet violin wagon walnut window winter yellow zebra"
).split()
"""Said once over a bad line, none of these is heard as another."""


def add_channel(actor: Actor, *, operation: str, draft: ChannelDraft) -> str:
    """Put a channel on the plan; returns its id. Raises: Forbidden, NotFound, Invalid, Conflict for a name in use."""
    return add_channels(actor, operation=operation, drafts=[draft])[0]


def add_channels(actor: Actor, *, operation: str, drafts: list[ChannelDraft]) -> list[str]:
    """Put channels on the plan, all or none. Raises: Forbidden, NotFound, Invalid, Conflict."""
    permit(actor, Permission.MANAGE_OPERATION)
    with writing(actor) as w:
        plan = shared.plan_of(actor, operation)
        known = {c.casefold() for c in store.channels(operation).values_list("label", flat=True)}
        if len(known) + len(drafts) > terms.CHANNELS_CAP:
            raise Invalid(
                f"more than {terms.CHANNELS_CAP} channels", field="channels", cure="Take some off."
            )
        made = []
        for draft in drafts:
            data = _channel(draft)
            if data["label"].casefold() in known:
                raise Conflict(
                    f"{data['label']} is on the plan", field="label", cure="Choose another name."
                )
            known.add(data["label"].casefold())
            made.append(new_id("chn", w.at))
            w.append(terms.CHANNEL_ADDED, made[-1], dict(data), marking=shared.marking(plan))
    return made


def change_channel(actor: Actor, *, channel: str, version: int, draft: ChannelDraft) -> None:
    """Put a channel as `draft` has it. Raises: Forbidden, NotFound, Conflict, Invalid."""
    permit(actor, Permission.MANAGE_OPERATION)
    with writing(actor) as w:
        row, plan = _channel_of(actor, channel, version)
        data = {**_channel(draft), "version": row.version + 1}
        if (
            row.rx != draft.rx
            or row.tx != draft.tx
            or row.rx_tone != draft.rx_tone
            or row.tx_tone != draft.tx_tone
        ):
            # What was tested was tested on the old one.
            for c in Carry.objects.filter(channel=channel, state=CarryState.TESTED):
                w.append(terms.CARRY_ISSUED, c.id, {}, marking=marking_of(c))
        w.append(terms.CHANNEL_CHANGED, channel, data, marking=shared.marking(plan))
        _owe_tests(w, plan)


def remove_channel(actor: Actor, *, channel: str, version: int) -> None:
    """Take a channel off the plan. Raises: Forbidden, NotFound, Conflict."""
    permit(actor, Permission.MANAGE_OPERATION)
    with writing(actor) as w:
        row, plan = _channel_of(actor, channel, version)
        data = {"state": "REMOVED", "version": row.version + 1}
        w.append(terms.CHANNEL_CHANGED, channel, data, marking=shared.marking(plan))
        for c in Carry.objects.filter(channel=channel).exclude(state=CarryState.REMOVED):
            w.append(terms.CARRY_REMOVED, c.id, {}, marking=marking_of(c))
        _owe_tests(w, plan)


def plan_carry(
    actor: Actor, *, channel: str, post: str = "", agency: str = "", device: str = ""
) -> str:
    """A post, or an agency's own desk, is to have a channel; returns the id.

    `device` = the name of the one set over which it has several. Raises: Forbidden, NotFound, Invalid, Conflict.
    """
    permit(actor, Permission.TAKE_PART)
    with writing(actor) as w:
        row, plan = _channel_of(actor, channel, None)
        if post:
            found = store.posts(plan.id).filter(id=post).first()
            if found is None:
                raise Invalid("is no post of this plan", field="post", cure="Choose one of them.")
            agency = found.agency
        shared.takes_part(plan, agency, "agency")
        _allow(actor, plan, agency)
        here = store.carries(plan.id)
        if here.filter(channel=channel, post=post, agency=agency).exists():
            raise Conflict(
                "is to have this channel already", field="channel", cure="Look in the list."
            )
        if here.count() >= terms.CARRIES_CAP:
            raise Invalid(
                f"more than {terms.CARRIES_CAP} sets", field="channel", cure="Take some off."
            )
        carry = new_id("car", w.at)
        device = shared.label(device, "device") if device.strip() else ""
        data = {"post": post, "channel": row.id, "device": device}
        w.append(
            terms.CARRY_PLANNED, carry, data, marking=Marking(agency, Tlp.AMBER.value, plan.id)
        )
        _owe_tests(w, plan, agency)
    return carry


def issue_carry(actor: Actor, *, carry: str) -> None:
    """The set is collected: it is in the hands of those who need it. Raises: Forbidden, NotFound, Conflict."""
    permit(actor, Permission.READ_CONTENT)
    with writing(actor) as w:
        row, plan = _carry(actor, carry)
        _stands_for(actor, plan, row, w)
        if row.state != CarryState.PLANNED:
            raise Conflict(
                CarryState(row.state).words, field="carry", cure="Reload and look again."
            )
        w.append(terms.CARRY_ISSUED, carry, {}, marking=marking_of(row))


def lose_carry(actor: Actor, *, carry: str) -> None:
    """The set is lost, broken or given back. Raises: Forbidden, NotFound, Conflict."""
    permit(actor, Permission.READ_CONTENT)
    with writing(actor) as w:
        row, plan = _carry(actor, carry)
        _stands_for(actor, plan, row, w)
        if row.state == CarryState.PLANNED:
            raise Conflict("was not collected", field="carry", cure="Reload and look again.")
        w.append(terms.CARRY_LOST, carry, {}, marking=marking_of(row))
        _owe_tests(w, plan, row.agency)


def remove_carry(actor: Actor, *, carry: str) -> None:
    """Take a set off the plan. Raises: Forbidden, NotFound, Conflict."""
    permit(actor, Permission.TAKE_PART)
    with writing(actor) as w:
        row, plan = _carry(actor, carry)
        _allow(actor, plan, row.agency)
        w.append(terms.CARRY_REMOVED, carry, {}, marking=marking_of(row))
        _owe_tests(w, plan, row.agency)


def add_gateway(
    actor: Actor, *, operation: str, label: str, kind: str, a: str, b: str, post: str = ""
) -> str:
    """Join two channels of the plan; returns the id. A person who relays stands at `post`.

    Raises: Forbidden, NotFound, Invalid.
    """
    permit(actor, Permission.MANAGE_OPERATION)
    with writing(actor) as w:
        plan = shared.plan_of(actor, operation)
        if kind not in set(GatewayKind):
            raise Invalid(
                f"{kind!r} is no kind of gateway",
                field="kind",
                cure=f"Use {', '.join(GatewayKind)}.",
            )
        known = set(store.channels(operation).values_list("id", flat=True))
        if a == b or not {a, b} <= known:
            raise Invalid(
                "must join two channels of this plan", field="b", cure="Choose two that differ."
            )
        if kind == GatewayKind.RELAY_PERSON and not store.posts(operation).filter(id=post).exists():
            raise Invalid(
                "names nobody who relays", field="post", cure="Choose the post of whoever relays."
            )
        gateway = new_id("gtw", w.at)
        data = {
            "label": shared.label(label),
            "kind": str(GatewayKind(kind).value),
            "a": a,
            "b": b,
            "post": post,
        }
        w.append(terms.GATEWAY_PLANNED, gateway, data, marking=shared.marking(plan))
    return gateway


def gateway_down(actor: Actor, *, gateway: str, reason: str) -> None:
    """The gateway no longer works; a radio check over it brings it back. Raises: Forbidden, NotFound, Invalid."""
    permit(actor, Permission.TAKE_PART)
    if not reason.strip():
        raise Invalid("is empty", field="reason", cure="Say what happened; a few words are enough.")
    with writing(actor) as w:
        _row, plan = _gateway(actor, gateway)
        data = {"reason": w.keep(gateway, {"text": reason.strip()[:500]})}
        w.append(terms.GATEWAY_DOWN, gateway, data, marking=shared.marking(plan))


def remove_gateway(actor: Actor, *, gateway: str) -> None:
    """Take a gateway off the plan. Raises: Forbidden, NotFound."""
    permit(actor, Permission.MANAGE_OPERATION)
    with writing(actor) as w:
        _row, plan = _gateway(actor, gateway)
        w.append(terms.GATEWAY_REMOVED, gateway, {}, marking=shared.marking(plan))


def begin_check(actor: Actor, *, carry: str, gateway: str = "") -> RadioCheck:
    """Begin a radio check: the word it holds is for the actor's eyes, to be said once over the channel.

    Whoever hears it answers with it on another set, on the same channel or, over a gateway, on the one beyond.
    Raises: Forbidden, NotFound; Conflict when the set was not collected; Invalid when the gateway does not touch
    the channel.
    """
    permit(actor, Permission.READ_CONTENT)
    with writing(actor) as w:
        row, plan = _carry(actor, carry)
        _stands_for(actor, plan, row, w)
        if row.state == CarryState.PLANNED:
            raise Conflict(
                "was not collected yet", field="carry", cure="Collect it, and say so, first."
            )
        if gateway:
            _beyond(_gateway(actor, gateway)[0], row.channel)
        _end_earlier(w, row)
        made = RadioCheck.objects.create(
            id=new_id("chk", w.at),
            operation=plan.id,
            carry=carry,
            gateway=gateway,
            asker=actor.person,
            word=secrets.choice(WORDS),
            begun_at=w.at,
            expires_at=w.at + terms.CHECK_HOLDS,
        )
        data = {"check": made.id, "gateway": gateway}
        w.append(terms.CHECK_BEGUN, carry, data, marking=marking_of(row))
    return made


def answer_check(actor: Actor, *, check: str, carry: str, word: str) -> bool:
    """Answer a radio check with the word that was heard on the set `carry`; returns whether it was right.

    Right: both sets are tested, and the gateway between. Wrong, three times: the check ends without proof.
    Raises: Forbidden for the one who asked; NotFound, Conflict when it ran out; Invalid for a set that cannot have
    heard it.
    """
    permit(actor, Permission.READ_CONTENT)
    with writing(actor) as w:
        running = RadioCheck.objects.select_for_update().filter(id=check, ended_at=None).first()
        if running is None or running.expires_at <= w.at:
            raise Conflict("this check is over", field="check", cure="Begin another.")
        row, plan = _carry(actor, carry)
        asked = get_visible(actor, Carry.objects.all(), id=running.carry)
        if actor.person == running.asker:
            raise Forbidden(
                "whoever says the word does not answer it", cure="The other end answers."
            )
        _stands_for(actor, plan, row, w)
        _hears(actor, running, asked, row)
        if "".join(word.split()).casefold() == running.word:
            RadioCheck.objects.filter(id=check).update(ended_at=w.at)
            data = {
                "check": check,
                "asked": asked.id,
                "answered": row.id,
                "gateway": running.gateway,
            }
            w.append(terms.CHECK_PASSED, asked.id, data, marking=shared.marking(plan))
            w.flush()
            for agency in {asked.agency, row.agency}:
                _owe_tests(w, plan, agency)
            return True
        tries = running.tries + 1
        over = w.at if tries >= terms.CHECK_TRIES else None
        RadioCheck.objects.filter(id=check).update(tries=tries, ended_at=over)
        missed = {"check": check, "answered": row.id, "tries": tries}
        w.append(terms.CHECK_FAILED, asked.id, missed, marking=shared.marking(plan))
    return False


def _hears(actor: Actor, running: RadioCheck, asked: Carry, row: Carry) -> None:
    if (
        row.id == asked.id
        or (row.post, row.agency) == (asked.post, asked.agency)
        or row.operation != asked.operation
    ):
        raise Invalid(
            "is the same end", field="carry", cure="The other end answers, on its own set."
        )
    heard = asked.channel
    if running.gateway:
        heard = _beyond(_gateway(actor, running.gateway)[0], asked.channel)
    if row.channel != heard:
        raise Invalid(
            "is on another channel than the word goes to",
            field="carry",
            cure="Choose the set that heard it.",
        )


def _beyond(gateway: Gateway, channel: str) -> str:
    """The channel on the other side. Raises: Invalid when the gateway does not touch this one."""
    if channel not in (gateway.a, gateway.b):
        raise Invalid("does not touch this channel", field="gateway", cure="Choose one that does.")
    return gateway.b if channel == gateway.a else gateway.a


def _end_earlier(w: Writing, carry: Carry) -> None:
    RadioCheck.objects.filter(carry=carry.id, ended_at=None).update(ended_at=w.at)


def _owe_tests(w: Writing, plan: Operation, *agencies: str) -> None:
    """An agency with a set that is not collected and tested owes that; it ends with the last of them."""
    w.flush()
    wanting = set(
        store.carries(plan.id).exclude(state=CarryState.TESTED).values_list("agency", flat=True)
    )
    owed = Duty.objects.select_for_update().filter(
        subject=plan.id, kind="test_radios", discharged_at=None
    )
    open_ = {d.owner_agency: d for d in owed}
    for agency in agencies or tuple(wanting | open_.keys()):
        if agency in wanting and agency not in open_ and plan.ends_at > w.at:
            open_duty(
                w,
                "test_radios",
                plan.id,
                f"Collect and test the radios and phones for {plan.name}",
                Marking(agency, Tlp.AMBER.value, plan.id),
                owner_agency=agency,
                owner_role=shared.role_asked(agency),
                precedence=Precedence.PRIORITY,
                event_start=plan.starts_at,
            )
        elif agency not in wanting and agency in open_:
            discharge_rows(w, [open_[agency]], "all are collected and tested")


def _channel(d: ChannelDraft) -> dict[str, str]:
    if d.kind not in set(ChannelKind):
        raise Invalid(
            f"{d.kind!r} is no kind of channel", field="kind", cure=f"Use {', '.join(ChannelKind)}."
        )
    if d.mode and d.mode not in ("A", "D", "M"):
        raise Invalid(
            f"{d.mode!r} is no mode", field="mode", cure="Use A (analog), D (digital) or M (mixed)."
        )
    found = {k: shared.label(v, k) if v.strip() else "" for k, v in asdict(d).items()}
    return {**found, "label": shared.label(d.label), "kind": str(ChannelKind(d.kind).value)}


def _allow(actor: Actor, plan: Operation, agency: str) -> None:
    if not may_staff(actor, plan, agency):
        raise Forbidden(
            "this is another agency's set", cure="Ask that agency, or whoever leads the operation."
        )


def _stands_for(actor: Actor, plan: Operation, row: Carry, w: Writing) -> None:
    """Raises: Forbidden unless the actor stands at the post that has the set, or may staff its agency's posts."""
    if may_staff(actor, plan, row.agency):
        return
    now = Assignment.objects.filter(
        post=row.post, person=actor.person, relieved_at=None, until_at__gt=w.at
    )
    if not row.post or not now.exists():
        raise Forbidden("this set is not in your hands", cure="Whoever holds it says so.")


def _channel_of(actor: Actor, channel: str, version: int | None) -> tuple[Channel, Operation]:
    found = get_visible(actor, Channel.objects.all(), id=channel)
    plan = shared.plan_of(actor, found.operation)
    row = Channel.objects.select_for_update().get(id=channel)
    if version is not None and row.version != version:
        raise Conflict("somebody changed this since you opened it", cure="Reload and look again.")
    if row.state != "LIVE":
        raise Conflict(
            "it was taken off the plan", field="channel", cure="Put it on again as a new one."
        )
    return row, plan


def _carry(actor: Actor, carry: str) -> tuple[Carry, Operation]:
    found = get_visible(actor, Carry.objects.all(), id=carry)
    plan = shared.plan_of(actor, found.operation)
    row = Carry.objects.select_for_update().get(id=carry)
    post_gone = row.post and not Post.objects.filter(id=row.post, state="LIVE").exists()
    if row.state == CarryState.REMOVED or post_gone:
        raise Conflict(
            "it was taken off the plan", field="carry", cure="Put it on again as a new one."
        )
    return row, plan


def _gateway(actor: Actor, gateway: str) -> tuple[Gateway, Operation]:
    found = get_visible(actor, Gateway.objects.all(), id=gateway)
    plan = shared.plan_of(actor, found.operation)
    row = Gateway.objects.select_for_update().get(id=gateway)
    if row.state == GatewayState.REMOVED:
        raise Conflict(
            "it was taken off the plan", field="gateway", cure="Put it on again as a new one."
        )
    return row, plan


def import_channels(
    actor: Actor, *, operation: str, content: bytes
) -> tuple[list[str], list[tuple[int, str]]]:
    """Put the channels of a spreadsheet on the plan; returns the ids made, and (row, why) of each refused.

    Raises: Forbidden, NotFound; Invalid when the file as a whole cannot be read.
    """
    from tocsin.plan import sheets  # noqa: PLC0415 - reads spreadsheets, and names the drafts of this module

    permit(actor, Permission.MANAGE_OPERATION)
    made: list[str] = []
    refused: list[tuple[int, str]] = []
    with writing(actor) as w:
        plan = shared.plan_of(actor, operation)
        known = {c.casefold() for c in store.channels(operation).values_list("label", flat=True)}
        for number, draft in sheets.channels(content):
            try:
                data = _channel(draft)
                if data["label"].casefold() in known:
                    raise Conflict("is on the plan already", field="name", cure="Change it there.")
                if len(known) >= terms.CHANNELS_CAP:
                    raise Conflict(
                        f"more than {terms.CHANNELS_CAP} channels",
                        field="name",
                        cure="Take some off.",
                    )
            except TocsinError as e:
                refused.append((number, str(e)))
                continue
            known.add(data["label"].casefold())
            made.append(new_id("chn", w.at))
            w.append(terms.CHANNEL_ADDED, made[-1], dict(data), marking=shared.marking(plan))
    return made, refused

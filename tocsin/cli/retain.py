"""`tocsin retain`: what is due to be forgotten, purging, legal holds, the account of disclosures."""

from __future__ import annotations

import getpass
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from tocsin.cli.printing import as_json, console, table, when
from tocsin.kernel import clock, settings
from tocsin.kernel.errors import Invalid
from tocsin.people.terms import SYSTEM

app = typer.Typer(
    help="How long what is kept: due purges, legal holds, disclosures.", no_args_is_help=True
)
hold_app = typer.Typer(help="Legal holds: what must stay, by whose letter.", no_args_is_help=True)
policy_app = typer.Typer(help="The schedules: how long each kind is kept.", no_args_is_help=True)
app.add_typer(hold_app, name="hold")
app.add_typer(policy_app, name="policy")
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Subject = Annotated[str, typer.Argument(help="The id of a report, warning, situation …")]
Reason = Annotated[str, typer.Option(help="Why; it goes on the record.")]


@app.command()
def due(
    limit: Annotated[int, typer.Option(min=1, help="At most so many of each kind.")] = 50,
    json: Json = False,
) -> None:
    """List what is to be purged, asked about or sealed now. Exit 1 when something is overdue."""
    _setup()
    from tocsin.retain import rules, store  # noqa: PLC0415

    now = clock.now()
    rows = store.due(now, limit)
    held = store.held_subjects({d.subject for d in rows}, store.active_holds())
    out: list[dict[str, Any]] = [
        {
            "at": d.at,
            "kind": d.kind,
            "subject": d.subject,
            "part": d.part,
            "next": rules.fate(
                store.schedule(d.kind), d.at, now, held=d.subject in held
            ).name.lower(),
        }
        for d in rows
    ]
    standing = store.standing(now)
    if json:
        as_json(out)
    else:
        shown = table("Over since", "Kind", "About", "Part", "Next")
        for row in out:
            shown.add_row(when(row["at"]), row["kind"], row["subject"], row["part"], row["next"])
        console.print(shown)
        console.print(
            f"{standing.overdue:,} overdue, {standing.sealed:,} sealed under {standing.holds:,} holds."
        )
    raise typer.Exit(1 if standing.overdue else 0)


@app.command()
def sweep() -> None:
    """Carry out now what is due: purge, ask, seal; then write the keys of backups anew."""
    _setup()
    from tocsin.retain import actions  # noqa: PLC0415

    console.print(f"Done with {actions.sweep():,} things.")


@app.command()
def purge(
    subject: Subject,
    reason: Reason,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Purge one thing, for good: from the database, and from backups by taking its keys away."""
    _setup()
    from tocsin.retain import actions  # noqa: PLC0415

    if not yes:
        typer.confirm(f"Purge {subject}? Nothing brings it back", abort=True)
    count = actions.purge(SYSTEM, subject=subject, reason=_at_shell(reason))
    renewed = actions.refresh_keys()
    console.print(
        f"Purged {count:,} contents of {subject}."
        + (" The keys of backups were written anew: replace every copy of them." if renewed else "")
    )


@app.command()
def validate(subject: Subject, reason: Reason) -> None:
    """Keep one thing for another term (what is kept for years; a temporary clock is never renewed)."""
    _setup()
    from tocsin.retain import actions  # noqa: PLC0415

    until = actions.validate(SYSTEM, subject=subject, reason=_at_shell(reason))
    console.print(f"{subject} is kept until {when(until)}.")


@app.command()
def disclosures(
    subject: Annotated[str, typer.Option(help="Only of this thing.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 50,
    json: Json = False,
) -> None:
    """The account of disclosures: who was given what, how, by which routine use. Names stay in the vault."""
    _setup()
    from tocsin.retain import store  # noqa: PLC0415

    columns = ("disclosed_at", "subject", "to_agency", "to_role", "how", "routine_use", "by")
    rows = list(store.disclosures(SYSTEM, subject).values(*columns)[:limit])
    if json:
        as_json(rows)
        return
    out = table("When", "What", "To", "How", "By what right")
    for r in rows:
        to = f"{r['to_role']} of {r['to_agency']}" if r["to_agency"] else "entered by hand"
        out.add_row(when(r["disclosed_at"]), r["subject"], to, r["how"], r["routine_use"])
    console.print(out)


@app.command()
def keys() -> None:
    """Write the key ring of what the vault holds now, in place of the old one, and say where it lies."""
    _setup()
    from tocsin.record import backup, keyring  # noqa: PLC0415

    count = backup.write_keys()
    console.print(
        f"Wrote {count:,} keys to {keyring.path()}. Replace every copy of it with this one."
    )


@hold_app.command("list")
def hold_list(
    lifted: Annotated[bool, typer.Option("--lifted", help="Those that were lifted.")] = False,
    json: Json = False,
) -> None:
    """List the holds in force, without their words."""
    _setup()
    from tocsin.retain import store  # noqa: PLC0415

    rows = list(store.holds(SYSTEM).filter(lifted_at__isnull=not lifted))
    if json:
        columns = (
            "id",
            "agency",
            "subjects",
            "operation",
            "of_agency",
            "of_role",
            "placed_at",
            "refused",
        )
        as_json([{c: getattr(r, c) for c in columns} for r in rows])
        return
    out = table("Hold", "Agency", "Covers", "Placed", "Attempts refused")
    for r in rows:
        covers = [r.operation, r.of_agency, r.of_role, *r.subjects]
        out.add_row(
            r.id, r.agency, " ".join(c for c in covers if c), when(r.placed_at), str(r.refused)
        )
    console.print(out)


@hold_app.command("place")
def hold_place(
    title: Annotated[str, typer.Option(help="The matter, as the letter names it.")],
    letter: Annotated[Path, typer.Option(help="The letter that orders it, up to 5 MB.")],
    agency: Annotated[str, typer.Option(help="The agency that must keep.")],
    subject: Annotated[
        list[str] | None, typer.Option(help="A thing to keep; can be repeated.")
    ] = None,
    operation: Annotated[str, typer.Option(help="Everything about this operation.")] = "",
    role: Annotated[str, typer.Option(help="What people in this role did.")] = "",
    first: Annotated[
        str, typer.Option("--from", help="Collected from: 2021-01-05 or with a time.")
    ] = "",
    last: Annotated[str, typer.Option("--until", help="Collected until.")] = "",
) -> None:
    """Place a hold with its letter. It covers what meets everything that is given."""
    _setup()
    from tocsin.retain import actions  # noqa: PLC0415
    from tocsin.retain.actions.holding import Scope  # noqa: PLC0415

    scope = Scope(
        subjects=tuple(subject or ()), operation=operation, agency=agency, role=role,
        first=_time(first, "--from"), last=_time(last, "--until"),
        letter=(letter.name, letter.read_bytes()),
    )  # fmt: skip
    made = actions.place_hold(SYSTEM, title=title, text=_at_shell("placed there"), scope=scope)
    console.print(f"Placed {made}. Nothing it covers is purged from now on.")


@hold_app.command("lift")
def hold_lift(
    hold: Annotated[str, typer.Argument(help="The id of the hold.")], reason: Reason
) -> None:
    """Lift a hold; the clocks go on."""
    _setup()
    from tocsin.retain import actions  # noqa: PLC0415

    count = actions.lift_hold(SYSTEM, hold=hold, reason=_at_shell(reason))
    console.print(f"Lifted {hold}; {count:,} things are no longer sealed.")


@policy_app.command("show")
def policy_show() -> None:
    """Print the schedules in force."""
    from tocsin.retain import rules  # noqa: PLC0415

    text = _text(settings.current().retention_file or _SHIPPED)
    rules.parse(text, base=rules.parse(_text(_SHIPPED)))
    typer.echo(text, nl=False)


@policy_app.command("check")
def policy_check(file: Annotated[Path, typer.Argument(help="A file of schedules (TOML).")]) -> None:
    """Check schedules before they are put in force: syntax, and the bounds that no site may loosen."""
    from tocsin.retain import rules  # noqa: PLC0415

    text = _text(file)
    shipped = rules.parse(_text(_SHIPPED))
    policy = rules.parse(text, str(file), base=shipped)
    own = len(tomllib.loads(text).get("keep", {}))
    console.print(
        f"{file} is sound, version {policy.version}: {own} schedules of its own, "
        f"{len(policy.schedules) - own} as they ship."
    )


@policy_app.command("adopt")
def policy_adopt() -> None:
    """Put the schedules in force on the record, where their version is new."""
    _setup()
    from tocsin.retain import actions  # noqa: PLC0415

    console.print(f"Schedules {actions.adopt_policy(SYSTEM)} are on the record.")


_SHIPPED = Path(__file__).parents[1] / "retain" / "policy.toml"


def _at_shell(reason: str) -> str:
    from tocsin.retain import rules  # noqa: PLC0415

    return f"At the shell, by the machine's user {getpass.getuser()}: {rules.check_reason(reason, '--reason')}"


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as e:
        raise Invalid("cannot be read as text", field=str(path), cure="Check the path.") from e


def _time(text: str, field: str) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as e:
        raise Invalid(f"{text!r} is no time", field=field, cure="Write 2021-01-05T18:00.") from e
    return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(settings.current().timezone))


def _setup() -> None:
    from tocsin.cli.main import setup  # noqa: PLC0415

    setup()

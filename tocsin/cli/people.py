"""`tocsin people`: agencies, accounts and roles, from the shell. Every act is on the record but passwords."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tocsin.cli.printing import as_json, console, table, when
from tocsin.kernel.errors import Invalid, NotFound
from tocsin.people.terms import SYSTEM, Role

if TYPE_CHECKING:
    from tocsin.people.models import Account

app = typer.Typer(help="Agencies, people, their roles and keys.", no_args_is_help=True)
agency_app = typer.Typer(
    help="Agencies that own things and take part in operations.", no_args_is_help=True
)
token_app = typer.Typer(
    help="Keys with which another system acts as a person.", no_args_is_help=True
)
app.add_typer(agency_app, name="agency")
app.add_typer(token_app, name="token")

Username = Annotated[str, typer.Argument(help="The person's user name.")]
RoleArgument = Annotated[Role, typer.Argument(help="The role.")]
PasswordFile = Annotated[
    Path | None, typer.Option(help="A file that holds the password; asked for where not given.")
]


@app.callback()
def ready() -> None:
    """Connect to the database before any of these commands."""
    from tocsin.cli.main import setup  # noqa: PLC0415

    setup()


@app.command()
def add(
    username: Username,
    name: Annotated[str, typer.Option(help="The person's name, as others read it.")],
    agency: Annotated[str, typer.Option(help="The id of the person's agency.")],
    role: Annotated[list[Role] | None, typer.Option(help="A role; may be given again.")] = None,
    email: Annotated[str, typer.Option(help="Where notices go.")] = "",
    novice: Annotated[
        bool, typer.Option("--novice", help="New to the work: a second reader for every no-report.")
    ] = False,
    password_file: PasswordFile = None,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="Cannot sign in until a password is set.")
    ] = False,
) -> None:
    """Add a person with an account and roles."""
    from tocsin.people import actions  # noqa: PLC0415

    password = None if no_password else _password(password_file)
    person = actions.add_person(
        SYSTEM,
        username=username,
        name=name,
        agency=agency,
        roles=role or [],
        email=email,
        password=password,
        novice=novice,
    )
    console.print(f"Added {username} ({person}).")


@app.command("list")
def list_(
    agency: Annotated[str, typer.Option(help="Only this agency.")] = "",
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List people with their agency and roles."""
    rows = _people(agency)
    if json:
        as_json(rows)
        return
    out = table("User name", "Name", "Agency", "Roles", "")
    for row in rows:
        marks = [word for word in ("novice", "left") if row[word]]
        out.add_row(
            row["username"], row["name"], row["agency"], ", ".join(row["roles"]), ", ".join(marks)
        )
    console.print(out)


@app.command()
def grant(username: Username, role: RoleArgument) -> None:
    """Give a person a role at their agency."""
    from tocsin.people import actions  # noqa: PLC0415

    actions.grant_role(SYSTEM, person=_account(username).person, role=role)
    console.print(f"{username} is now {role.title}.")


@app.command()
def revoke(username: Username, role: RoleArgument) -> None:
    """Take a role from a person."""
    from tocsin.people import actions  # noqa: PLC0415

    actions.revoke_role(SYSTEM, person=_account(username).person, role=role)
    console.print(f"{username} is no longer {role.title}.")


@app.command()
def qualify(
    username: Username,
    name: Annotated[str, typer.Option(help="What the person is qualified in.")],
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The day it lapses.")],
) -> None:
    """Record a qualification; without a current one, a second reader sees the person's no-reports."""
    from datetime import UTC  # noqa: PLC0415

    from tocsin.people import actions  # noqa: PLC0415

    expires = until.replace(tzinfo=UTC) + timedelta(days=1)
    actions.qualify(SYSTEM, person=_account(username).person, name=name, expires_at=expires)
    console.print(f"{username} is qualified in {name} until {until:%Y-%m-%d}.")


@app.command()
def password(username: Username, password_file: PasswordFile = None) -> None:
    """Set a person's password and end their sessions."""
    from tocsin.people import actions  # noqa: PLC0415

    account = _account(username)
    actions.set_password(SYSTEM, person=account.person, password=_password(password_file))
    console.print(f"{username} has a new password; sessions with the old one have ended.")


@app.command()
def leave(username: Username) -> None:
    """End a person's membership: roles, keys and sign-in stop at once; what they did stays."""
    from tocsin.people import actions  # noqa: PLC0415

    actions.leave(SYSTEM, person=_account(username).person)
    console.print(f"{username} has left.")


@agency_app.command("add")
def agency_add(
    agency: Annotated[str, typer.Argument(help="A short stable id, such as metro_police.")],
    name: Annotated[str, typer.Option(help="The agency's full name.")],
    short: Annotated[str, typer.Option(help="The name shown in lists.")] = "",
    kind: Annotated[str, typer.Option(help="Such as fusion, police, campus, utility.")] = "",
) -> None:
    """Add an agency, or change its name."""
    from tocsin.people import actions  # noqa: PLC0415

    actions.add_agency(SYSTEM, agency=agency, name=name, short=short, kind=kind)
    console.print(f"Added {agency}.")


@agency_app.command("remove")
def agency_remove(
    agency: Annotated[str, typer.Argument(help="The id of the agency.")],
) -> None:
    """Take out an agency that nobody belongs to any more; what it did and owns stays."""
    from tocsin.people import actions  # noqa: PLC0415

    actions.remove_agency(SYSTEM, agency=agency)
    console.print(f"Removed {agency}.")


@agency_app.command("list")
def agency_list(
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List agencies."""
    from tocsin.people.models import Agency  # noqa: PLC0415

    rows = list(Agency.objects.order_by("id").values("id", "name", "short", "kind"))
    if json:
        as_json(rows)
        return
    out = table("Id", "Name", "Short", "Kind")
    for row in rows:
        out.add_row(row["id"], row["name"], row["short"], row["kind"])
    console.print(out)


@token_app.command("add")
def token_add(
    username: Username,
    name: Annotated[str, typer.Option(help="The system that will use it.")],
) -> None:
    """Make a key; it is printed this once."""
    from tocsin.people import tokens  # noqa: PLC0415

    typer.echo(tokens.issue(SYSTEM, person=_account(username).person, name=name))


@token_app.command("list")
def token_list(
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List the keys in force, without their secrets."""
    from tocsin.people.models import ApiToken  # noqa: PLC0415
    from tocsin.people.store import names  # noqa: PLC0415

    columns = ("id", "person", "name", "created_at", "last_used_at")
    rows = list(ApiToken.objects.filter(revoked_at=None).order_by("id").values(*columns))
    if json:
        as_json(rows)
        return
    known = names({row["person"] for row in rows})
    out = table("Number", "Acts as", "System", "Made", "Last used")
    for row in rows:
        who = known.get(row["person"], row["person"])
        out.add_row(
            str(row["id"]), who, row["name"], when(row["created_at"]), when(row["last_used_at"])
        )
    console.print(out)


@token_app.command("end")
def token_end(
    number: Annotated[
        int, typer.Argument(help="The key's number, from `tocsin people token list`.")
    ],
) -> None:
    """End a key at once."""
    from tocsin.people import tokens  # noqa: PLC0415

    tokens.revoke(SYSTEM, token=number)
    console.print("The key has ended.")


def _people(agency: str) -> list[dict[str, Any]]:
    from tocsin.people.models import Account, Grant, Member  # noqa: PLC0415

    members = {m.person: m for m in Member.objects.all()}
    roles: dict[str, list[str]] = {}
    for person, role in Grant.objects.filter(revoked_at=None).values_list("person", "role"):
        roles.setdefault(person, []).append(role)
    rows = []
    for account in Account.objects.order_by("username"):
        member = members.get(account.person)
        if agency and (member is None or member.agency != agency):
            continue
        rows.append(
            {
                "username": account.username,
                "name": account.name,
                "person": account.person,
                "agency": member.agency if member else "",
                "roles": sorted(roles.get(account.person, [])),
                "novice": bool(member and member.novice),
                "left": member is None or member.left_at is not None,
            }
        )
    return rows


def _account(username: str) -> Account:
    from tocsin.people.models import Account  # noqa: PLC0415

    found = Account.objects.filter(username__iexact=username).first()
    if found is None:
        raise NotFound(
            f"there is no user {username!r}", field="username", cure="See `tocsin people list`."
        )
    return found


def _password(file: Path | None) -> str:
    """The password from a file, or typed twice; checked against the same rules as the web pages."""
    from django.contrib.auth.password_validation import validate_password  # noqa: PLC0415
    from django.core.exceptions import ValidationError  # noqa: PLC0415

    text = (
        file.read_text().strip()
        if file
        else str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    )
    try:
        validate_password(text)
    except ValidationError as e:
        raise Invalid(" ".join(e.messages), field="password", cure="Choose another.") from e
    return text

"""`tocsin duties`: what is owed, whether the clock runs on time, and the policy of ladders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tocsin.cli.printing import as_json, console, table, when
from tocsin.kernel import clock
from tocsin.kernel.errors import Invalid
from tocsin.people.terms import SYSTEM

app = typer.Typer(help="What is owed, by whom, and by when.", no_args_is_help=True)
policy_app = typer.Typer(help="The ladders: how long, and who is asked next.", no_args_is_help=True)
app.add_typer(policy_app, name="policy")
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


@app.command("list")
def list_(
    agency: Annotated[str, typer.Option(help="Only what this agency owes.")] = "",
    overdue: Annotated[bool, typer.Option("--overdue", help="Only what is past its time.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, soonest due first.")] = 50,
    json: Json = False,
) -> None:
    """List what is owed, soonest due first, without any content."""
    _setup()
    rows = _owed(agency, overdue, limit)
    if json:
        as_json(rows)
        return
    out = table("Due", "Kind", "About", "Owed by", "Precedence", "Told")
    for row in rows:
        who = row["owner_person"] or f"{row['owner_role'] or 'all'} at {row['owner_agency']}"
        late = " (overdue)" if row["overdue"] else ""
        out.add_row(
            when(row["due_at"]) + late,
            row["kind"],
            row["subject"],
            who,
            row["precedence"],
            str(row["rung"]),
        )
    console.print(out)
    if not rows:
        console.print("Nothing is owed.")


@app.command()
def audit(json: Json = False) -> None:
    """Ask the auditor whether every step that was due has fired. Exit 1 when one is late."""
    _setup()
    from tocsin.duties import store  # noqa: PLC0415

    found = store.audit(clock.now())
    if json:
        as_json([{"open": found.open, "late": found.late, "oldest": found.oldest}])
    elif found.well:
        console.print(f"On time: {found.open:,} open, none late.")
    else:
        console.print(
            f"LATE: {found.late:,} of {found.open:,} did not fire, the oldest was due {when(found.oldest)}. "
            "Is a worker running? See `tocsin check`."
        )
    raise typer.Exit(0 if found.well else 1)


@policy_app.command("show")
def policy_show() -> None:
    """Print the policy in force."""
    from tocsin.duties.rules import parse_policy  # noqa: PLC0415

    text = _text(_in_force())
    parse_policy(text)
    typer.echo(text, nl=False)


@policy_app.command("check")
def policy_check(file: Annotated[Path, typer.Argument(help="A policy file (TOML).")]) -> None:
    """Check a policy file before it is put in force: syntax, and a ladder for every kind of duty."""
    from tocsin.duties.rules import parse_policy  # noqa: PLC0415

    ladders = parse_policy(_text(file), str(file))
    shipped = parse_policy(_text(_SHIPPED), "the policy that ships")
    if missing := sorted(set(shipped) - set(ladders)):
        cure = "Copy them from `tocsin duties policy show`."
        raise Invalid(f"lacks ladders for: {', '.join(missing)}", field=str(file), cure=cure)
    version = next(iter(ladders.values())).version
    console.print(f"{file} is sound: {len(ladders)} ladders, version {version}.")


@policy_app.command("adopt")
def policy_adopt() -> None:
    """Put the policy in force on the record, where its version is new."""
    _setup()
    from tocsin.duties import actions  # noqa: PLC0415

    console.print(f"Policy {actions.adopt_policy(SYSTEM)} is on the record.")


_SHIPPED = Path(__file__).parents[1] / "duties" / "policy.toml"


def _in_force() -> Path:
    from tocsin.kernel import settings  # noqa: PLC0415

    return settings.current().policy_file or _SHIPPED


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as e:
        raise Invalid("cannot be read as text", field=str(path), cure="Check the path.") from e


def _owed(agency: str, overdue: bool, limit: int) -> list[dict[str, Any]]:
    from tocsin.duties.models import Duty  # noqa: PLC0415

    now = clock.now()
    rows = Duty.objects.filter(discharged_at=None).order_by("due_at", "id")
    if agency:
        rows = rows.filter(owner_agency=agency)
    if overdue:
        rows = rows.filter(due_at__lt=now)
    # Never the title: it may name an operation, and a shell is for those who see no content.
    columns = (
        "id",
        "kind",
        "subject",
        "precedence",
        "owner_agency",
        "owner_role",
        "owner_person",
        "rung",
        "due_at",
    )
    return [{**row, "overdue": row["due_at"] < now} for row in rows.values(*columns)[:limit]]


def _setup() -> None:
    from tocsin.cli.main import setup  # noqa: PLC0415

    setup()

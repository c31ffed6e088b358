"""`tocsin collect`: sources, files, feed health and refused input from the shell."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from tocsin.kernel.errors import Invalid, NotFound

if TYPE_CHECKING:
    from tocsin.collect.models import Source
    from tocsin.people.terms import Actor

app = typer.Typer(
    help="Sources, files to load, how feeds are doing, refused input.", no_args_is_help=True
)
As = Annotated[
    str, typer.Option("--as", help="User name of the person who does it; the system if not given.")
]


@app.callback()
def ready() -> None:
    """Make the database reachable."""
    from tocsin.cli.main import setup  # noqa: PLC0415

    setup()


@app.command("sources")
def list_sources(
    user: As = "",
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List the sources and how they are doing."""
    from tocsin.collect.health import overview  # noqa: PLC0415
    from tocsin.kernel import clock  # noqa: PLC0415

    rows = overview(_actor(user), clock.now())
    if json:
        for row in rows:
            typer.echo(_json(row.plain()))
        return
    table = Table(
        "id", "name", "kind", "agency", "state", "health", "24 h screened", "flagged", "refused"
    )
    for row in rows:
        s = row.source
        counts = (f"{row.screened:,}", f"{row.flagged:,}", f"{row.refused:,}")
        table.add_row(s.id, s.name, s.kind, s.agency, s.state.lower(), row.health_plain, *counts)
    Console().print(table)


@app.command("add")
def add(
    settings: Annotated[
        Path, typer.Argument(help="TOML file with kind, name, authority, purpose, [config] …")
    ],
    agency: Annotated[
        str, typer.Option(help="Agency it belongs to, when the system adds it.")
    ] = "",
    user: As = "",
) -> None:
    """Add a source from a TOML file; prints its id."""
    typer.echo(_add(_toml(settings), agency, user))


@app.command("run")
def run(source: Annotated[str, typer.Argument(help="Id or name.")], user: As = "") -> None:
    """Read a feed or a mailbox now, whatever its clock says."""
    from tocsin.screen.actions import poll_now  # noqa: PLC0415

    actor = _actor(user)
    outcome = poll_now(actor, source=_source(actor, source).id)
    typer.echo(
        f"{outcome.state.value}: {outcome.items} items, {outcome.refused} refused. {outcome.note}".strip()
    )
    if outcome.state.value == "failed":
        raise typer.Exit(1)


@app.command("health")
def health(user: As = "") -> None:
    """Say which sources are failing; exit 1 when one is."""
    from tocsin.collect.health import overview  # noqa: PLC0415
    from tocsin.kernel import clock  # noqa: PLC0415

    console, bad = Console(), 0
    for row in overview(_actor(user), clock.now()):
        bad += row.failing
        console.print(
            f"[{'red' if row.failing else 'green'}]{row.health_plain:>14}[/]  {row.source.name}  {row.note}"
        )
    if bad:
        raise typer.Exit(1)


@app.command("refused")
def refused(
    source: Annotated[str, typer.Option(help="Only of this source (id or name).")] = "",
    retry: Annotated[bool, typer.Option("--retry", help="Try all of them again.")] = False,
    dismiss: Annotated[str, typer.Option(help="Let all of them go, for this reason.")] = "",
    limit: Annotated[int, typer.Option(help="How many at most.")] = 50,
    user: As = "",
) -> None:
    """List input that could not be taken in, with the cure; try it again, or let it go."""
    from tocsin.collect import store  # noqa: PLC0415
    from tocsin.collect.actions import dismiss_refused  # noqa: PLC0415

    if retry and dismiss:
        raise Invalid("try again or let go, not both", field="--dismiss", cure="Choose one.")
    actor = _actor(user)
    rows = list(store.refusals(actor, source=_source(actor, source).id if source else "")[:limit])
    if retry:
        _retry(actor, [row.id for row in rows])
        return
    if dismiss:
        count = dismiss_refused(actor, refused=[row.id for row in rows], reason=dismiss)
        typer.echo(f"{count} let go.")
        return
    table = Table("id", "where", "field", "reason", "cure")
    said = store.refusal_texts(rows)
    for row in rows:
        text = said.get(row.id, {})
        table.add_row(
            row.id,
            text.get("where", ""),
            row.field,
            text.get("reason", row.why),
            text.get("cure", ""),
        )
    Console().print(table)


@app.command("file")
def load(
    paths: Annotated[
        list[Path], typer.Argument(help="JSON lines, CSV, Parquet (also .gz), .eml or mbox.")
    ],
    source: Annotated[str, typer.Option(help="Id or name of the source it belongs to.")] = "",
    new: Annotated[str, typer.Option(help="Name of a new source to make for it.")] = "",
    mapping: Annotated[
        Path | None, typer.Option(help="TOML file: which column becomes which part.")
    ] = None,
    agency: Annotated[str, typer.Option(help="With --new: the agency it belongs to.")] = "",
    operation: Annotated[
        str, typer.Option(help="With --new: the operation it is collected for.")
    ] = "",
    authority: Annotated[str, typer.Option(help="With --new: by what authority.")] = "exercise",
    purpose: Annotated[str, typer.Option(help="With --new: for what purpose.")] = "exercise",
    again: Annotated[
        bool, typer.Option("--again", help="From the start, even if it was read before.")
    ] = False,
    label_field: Annotated[
        str, typer.Option(help="Column with a label to compare the flags with.")
    ] = "",
    positive: Annotated[str, typer.Option(help="Labels that should be flagged, by comma.")] = "",
    user: As = "",
) -> None:
    """Take in files: screen every row, store the flagged ones, count the rest."""
    from tocsin.cli.collecting import Loading  # noqa: PLC0415

    if bool(source) == bool(new):
        raise Invalid(
            "name a source, or a new one",
            field="--source",
            cure="Give --source NAME or --new NAME.",
        )
    actor = _actor(user)
    table = _toml(mapping) if mapping else {}
    if new:
        spec = {
            "kind": "file",
            "name": new,
            "authority": authority,
            "purpose": purpose,
            "operation": operation,
        }
        found = _add({**spec, "config": {"mapping": table} if table else {}}, agency, user)
    else:
        row = _source(actor, source)
        found = row.id
        if table:
            _remap(actor, row, table)
    loading = Loading(
        actor, found, label_field, [p.strip() for p in positive.split(",") if p.strip()]
    )
    failed = [path for path in paths if not loading.read(path, again=again)]
    loading.summary(Console())
    if failed:
        raise typer.Exit(1)


def _actor(user: str) -> Actor:
    from tocsin.people.models import Account  # noqa: PLC0415
    from tocsin.people.store import actor_of  # noqa: PLC0415
    from tocsin.people.terms import SYSTEM  # noqa: PLC0415

    if not user:
        return SYSTEM
    account = Account.objects.filter(username__iexact=user).first()
    if account is None:
        raise NotFound(f"there is no user {user!r}", field="--as", cure="See: tocsin people list.")
    return actor_of(account)


def _source(actor: Actor, named: str) -> Source:
    from tocsin.collect import store  # noqa: PLC0415

    rows = store.sources(actor)
    found = rows.filter(id=named).first() or rows.filter(name__iexact=named).first()
    if found is None:
        names = ", ".join(rows.values_list("name", flat=True)[:20])
        raise NotFound(
            f"there is no source {named!r}",
            field="source",
            cure=f"There are: {names or 'none yet'}.",
        )
    return found


def _add(spec: dict[str, Any], agency: str, user: str) -> str:
    import msgspec  # noqa: PLC0415

    from tocsin.collect.actions import add_source  # noqa: PLC0415
    from tocsin.collect.terms import Scope  # noqa: PLC0415
    from tocsin.people.models import Agency  # noqa: PLC0415

    allowed = {
        *"kind name authority purpose config operation tlp scope valid_from valid_until".split()
    }
    allowed |= {"retention_days", "reliability", "every_s"}
    if unknown := sorted(set(spec) - allowed):
        raise Invalid(
            "no such setting", field=unknown[0], cure=f"Use: {', '.join(sorted(allowed))}."
        )
    if missing := sorted({"kind", "name", "authority", "purpose"} - set(spec)):
        raise Invalid("is missing", field=missing[0], cure="Add it.")
    actor = _actor(user)
    if actor.system and not agency:
        known = list(Agency.objects.values_list("id", flat=True)[:2])
        if len(known) != 1:
            raise Invalid(
                "say whose source it is", field="--agency", cure="Give --agency ID, or --as USER."
            )
        agency = known[0]
    try:
        scope = msgspec.convert(spec.pop("scope", {}), Scope)
        return add_source(actor, agency=agency, scope=scope, **spec)
    except (msgspec.ValidationError, ValueError) as error:
        raise Invalid(str(error), field="source", cure="Correct the setting.") from error


def _remap(actor: Actor, row: Source, table: dict[str, Any]) -> None:
    from tocsin.collect.actions import change_source  # noqa: PLC0415

    config = {**row.config, "mapping": table}
    if config != row.config:
        change_source(actor, source=row.id, version=row.version, config=config)


def _retry(actor: Actor, ids: list[str]) -> None:
    from tocsin.kernel.errors import TocsinError  # noqa: PLC0415
    from tocsin.screen.actions import retry_refused  # noqa: PLC0415

    console, done = Console(), 0
    for one in ids:
        try:
            retry_refused(actor, refused=one)
            done += 1
        except TocsinError as error:
            console.print(f"[yellow]{one}[/] {error}", highlight=False)
    console.print(f"{done} of {len(ids)} taken in.")


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise Invalid(
            f"cannot read {path}: {error.strerror}", field=str(path), cure="Check the path."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Invalid(str(error), field=str(path), cure="Mend the TOML.") from error


def _json(value: dict[str, Any]) -> str:
    import msgspec  # noqa: PLC0415

    return msgspec.json.encode(value).decode()

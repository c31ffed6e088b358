"""`tocsin record`: does the record still say what it said, and what does it say about one thing."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated, Any

import typer

from tocsin.cli.printing import as_json, console, progress, table, when
from tocsin.kernel.errors import Corrupt, Invalid, NotFound
from tocsin.people.terms import SYSTEM

app = typer.Typer(
    help="Verify the record, compare the tables with it, read it.", no_args_is_help=True
)
REASON_AT_LEAST = 10


@app.callback()
def ready() -> None:
    """Connect to the database before any of these commands."""
    from tocsin.cli.main import setup  # noqa: PLC0415

    setup()


@app.command()
def verify(
    key: Annotated[
        Path | None,
        typer.Option(
            help="The record's public key; record.vkey of the data directory where not given."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Check every entry, place, signature and content. Exit 1 naming the first bad place."""
    from tocsin.record import checking, store  # noqa: PLC0415
    from tocsin.record.models import Vault  # noqa: PLC0415
    from tocsin.record.note import VerifierKey  # noqa: PLC0415
    from tocsin.record.sequencer import load_signer  # noqa: PLC0415

    known = VerifierKey.parse(_read(key)) if key else load_signer().verifier
    try:
        checking.place_pending()
        with progress("Entries", store.size()) as step:
            found = checking.verify(known, step)
        with progress("Contents", Vault.objects.count()) as step:
            contents = checking.verify_vault(step)
    except Corrupt as e:
        console.print(f"The record does NOT verify: {e}")
        raise typer.Exit(1) from e
    if json:
        as_json(
            [
                {
                    "entries": found.entries,
                    "pending": found.pending,
                    "checkpoints": found.checkpoints,
                    "contents": contents,
                    "root": found.root.hex(),
                }
            ]
        )
        return
    console.print(
        f"The record verifies: {found.entries:,} entries in place, {found.pending:,} waiting for one, "
        f"{found.checkpoints:,} signed checkpoints, {contents:,} contents. Root {found.root.hex()}"
    )


@app.command()
def fsck() -> None:
    """Rebuild every table from the record and compare. Exit 1 when one differs."""
    from tocsin.record import checking, database, store  # noqa: PLC0415

    url = database.owner_url()
    database.configure(url)
    with progress("Entries", store.size()) as step:
        found = checking.fsck(url, step)
    if not found:
        console.print(f"The tables are what the record says ({store.size():,} entries).")
        return
    out = table("Table", "Rows missing", "Rows too many", "For example")
    for d in found:
        out.add_row(d.table, f"{d.missing:,}", f"{d.extra:,}", d.example[:100])
    console.print("The tables are NOT what the record says:")
    console.print(out)
    raise typer.Exit(1)


@app.command()
def show(
    subject: Annotated[
        str, typer.Argument(help="The id of a report, warning, person, operation …")
    ],
    content: Annotated[
        bool,
        typer.Option(
            "--content", help="Also show the words kept in the vault; it goes on the record."
        ),
    ] = False,
    reason: Annotated[str, typer.Option(help="Why the content is needed; with --content.")] = "",
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Print the entries of one subject, oldest first. Content stays hidden unless asked for, with a reason."""
    from tocsin.record import store  # noqa: PLC0415

    entries = store.of_subject(subject)
    if not entries:
        cure = "Give the whole id, as it stands in the address of its page."
        raise NotFound(f"the record says nothing of {subject!r}", field="subject", cure=cure)
    if content:
        _reasoned(reason)
    words = _contents(entries, reason) if content else {}
    rows = [
        {
            "place": place,
            "kind": e.kind,
            "actor": e.actor,
            "agency": e.agency,
            "occurred_at": e.occurred_at,
            "recorded_at": e.recorded_at,
            "data": e.data,
            "content": [words[v] for v in _vaults(e.data) if v in words],
        }
        for _, place, e in entries
    ]
    if json:
        as_json(rows)
    else:
        _print(rows)


@app.command()
def checkpoint(
    out: Annotated[Path | None, typer.Option(help="Write it to this file instead.")] = None,
) -> None:
    """Print the newest signed checkpoint: keep it elsewhere, and nobody can rewrite what came before it."""
    from tocsin.record.models import Checkpoint  # noqa: PLC0415

    last = Checkpoint.objects.order_by("-size").first()
    if last is None:
        raise NotFound("nothing has been signed yet", cure="Start `tocsin up` or `tocsin worker`.")
    if out is None:
        typer.echo(last.note, nl=False)
    else:
        out.write_text(last.note)
        console.print(
            f"Wrote the checkpoint of {last.size:,} entries, signed {when(last.signed_at)}, to {out}."
        )


@app.command()
def tiles(
    folder: Annotated[
        Path, typer.Argument(help="Where to write; a folder from before is brought up to date.")
    ],
    hashes_only: Annotated[
        bool,
        typer.Option(
            "--hashes-only", help="Leave the entries out: fit to be published to anybody."
        ),
    ] = False,
) -> None:
    """Write the record's tree as files that strangers' tools read (C2SP tlog-tiles), with its entries.

    Entries hold no content, but who did what to which id, and when: give them to those who may know.
    """
    from tocsin.record import store  # noqa: PLC0415
    from tocsin.record.proof.published import publish  # noqa: PLC0415
    from tocsin.record.sequencer import load_signer  # noqa: PLC0415

    with progress("Entries", store.size()) as step:
        found = publish(folder, load_signer().verifier, entries=not hashes_only, progress=step)
    console.print(
        f"{folder} holds the tree of {found.size:,} entries and its signed checkpoint "
        f"({found.files:,} files written). Check it anywhere: tocsin-verify {folder} --key record.vkey"
    )
    if found.left_out:
        console.print(
            f"{found.left_out:,} bundles of entries were left out: an entry in each is longer than 65,535 bytes, "
            "which the format cannot hold. Their hashes are there, and `record prove` still proves them."
        )


@app.command()
def prove(
    subjects: Annotated[
        list[str], typer.Argument(help="The ids of a report, warning, person, operation …")
    ],
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("proof.zip"),
    content: Annotated[
        bool,
        typer.Option("--content", help="Also disclose the words kept; it goes on the record."),
    ] = False,
    reason: Annotated[
        str, typer.Option(help="Why the content is disclosed, and to whom; with --content.")
    ] = "",
) -> None:
    """Write what the record says of these, with the proof; `tocsin-verify` checks it without Tocsin."""
    from tocsin.record import store  # noqa: PLC0415
    from tocsin.record.proof import bundle  # noqa: PLC0415
    from tocsin.record.sequencer import load_signer  # noqa: PLC0415

    disclosed: list[str] = []
    if content:
        _reasoned(reason)
        for subject in subjects:
            disclosed += _contents(store.of_subject(subject), reason)
    made = bundle.make(subjects, load_signer().verifier, disclosed)
    out.write_bytes(made.data)
    waiting = f" {made.waiting:,} more wait to be signed." if made.waiting else ""
    console.print(
        f"Wrote {made.entries:,} entries and {made.contents:,} contents, proved in the record of "
        f"{made.size:,}, to {out}.{waiting} Check it anywhere: tocsin-verify {out} --key record.vkey"
    )


@app.command()
def verifier(
    out: Annotated[Path, typer.Argument(help="Where to copy it.")] = Path("tocsin_verify.py"),
) -> None:
    """Copy out `tocsin-verify`: one file that checks proofs anywhere with nothing but Python."""
    from tocsin.cli import tocsin_verify  # noqa: PLC0415

    out.write_bytes(Path(tocsin_verify.__file__).read_bytes())
    console.print(f"Wrote {out}. Run it with: python3 {out} --help")


def _reasoned(reason: str) -> None:
    if len(reason.strip()) < REASON_AT_LEAST:
        raise Invalid(
            "say why you need the content",
            field="--reason",
            cure="A sentence is enough; it is recorded.",
        )


def _contents(entries: list[Any], reason: str) -> dict[str, dict[str, Any]]:
    """Vault id -> content; each reading is recorded with its reason, for whoever runs the shell."""
    from tocsin.people import actions  # noqa: PLC0415
    from tocsin.record import store  # noqa: PLC0415
    from tocsin.record.terms import Marking  # noqa: PLC0415

    marking = next((e.marking for _, _, e in entries if e.marking), None) or Marking("")
    kept = store.contents(v for _, _, e in entries for v in _vaults(e.data))
    why = f"At the shell, by the machine's user {getpass.getuser()}: {reason.strip()}"
    return {v: actions.unmask(SYSTEM, vault=v, marking=marking, reason=why) for v in kept}


def _vaults(value: Any) -> list[str]:
    """Every vault id in an entry's data, at any depth."""
    if isinstance(value, dict):
        own = [value["vault"]] if isinstance(value.get("vault"), str) else []
        return own + [v for part in value.values() for v in _vaults(part)]
    if isinstance(value, list):
        return [v for part in value for v in _vaults(part)]
    return []


def _print(rows: list[dict[str, Any]]) -> None:
    import msgspec  # noqa: PLC0415

    from tocsin.people.store import names  # noqa: PLC0415

    known = names({row["actor"] for row in rows})
    for row in rows:
        place = "waits for its place" if row["place"] is None else f"place {row['place']}"
        console.print(
            f"{row['recorded_at']}  {row['kind']}  by {known.get(row['actor'], row['actor'])}  ({place})"
        )
        if row["occurred_at"] != row["recorded_at"]:
            console.print(f"    happened {row['occurred_at']}")
        if row["data"]:
            console.print(f"    {msgspec.json.encode(row['data']).decode()}")
        for words in row["content"]:
            console.print(f"    content: {msgspec.json.encode(words).decode()}")


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError as e:
        raise Invalid("cannot be read", field=str(path), cure="Check the path.") from e

"""`tocsin witness`: watch another's record, and sign only what grew. Needs no database."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from tocsin.cli.printing import console, table
from tocsin.kernel.errors import Invalid

app = typer.Typer(
    help="Watch another agency's record: cosign what only grew, refuse what was rewritten.",
    no_args_is_help=True,
)
Folder = Annotated[Path, typer.Option("--dir", help="Where this witness keeps its keys and state.")]
HERE = Path("witness")


@app.command()
def init(
    name: Annotated[
        str, typer.Argument(help="The name to sign by, such as watch.partner.example/w1.")
    ],
    folder: Folder = HERE,
) -> None:
    """Make the keys of a new witness, and print the public ones for others' policies."""
    from tocsin.record.proof.witness import make_keys  # noqa: PLC0415

    keys = make_keys(folder, name)
    console.print(f"Made the keys in {folder}. Hand these out; keep the folder to yourself:")
    for key in keys:
        typer.echo(key.text())


@app.command()
def trust(
    key: Annotated[str, typer.Argument(help="The record's public key, or the file that holds it.")],
    folder: Folder = HERE,
) -> None:
    """Watch a record from now on. Ask its owner for record.vkey by a way you trust."""
    from tocsin.record.note import VerifierKey  # noqa: PLC0415
    from tocsin.record.proof.witness import Witness  # noqa: PLC0415

    text = Path(key).read_text() if Path(key).exists() else key
    known = VerifierKey.parse(text.strip())
    Witness(folder).trust(known)
    console.print(f"Watching {known.name}.")


@app.command()
def run(
    listen: Annotated[str, typer.Option(help="Address and port to listen on.")] = "127.0.0.1:8010",
    folder: Folder = HERE,
) -> None:
    """Answer requests until told to stop."""
    from granian import Granian  # noqa: PLC0415
    from granian.constants import Interfaces  # noqa: PLC0415

    from tocsin.record.proof import witness_asgi  # noqa: PLC0415
    from tocsin.record.proof.witness import Witness  # noqa: PLC0415

    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit():
        raise Invalid("not an address and port", field="--listen", cure="Give 127.0.0.1:8010.")
    Witness(folder)  # so that a mistake is said here, in words
    os.environ[witness_asgi.FOLDER] = str(folder.resolve())
    console.print(f"The witness listens on {listen}. Ctrl-C stops it.")
    Granian(
        "tocsin.record.proof.witness_asgi:application",
        factory=True,
        address=host.strip("[]"),
        port=int(port),
        interface=Interfaces.ASGI,
        log_access=False,
        log_level="warning",  # type: ignore[arg-type]
    ).serve()


@app.command()
def show(folder: Folder = HERE) -> None:
    """What was seen of each record, and what was refused. Exit 1 when something was refused."""
    from tocsin.record.proof.witness import Witness  # noqa: PLC0415

    witness = Witness(folder)
    out = table("Record", "Entries", "Seen at", "Root")
    for seen in witness.seen():
        out.add_row(seen.origin, f"{seen.size:,}", seen.at or "never", seen.root.hex())
    console.print(out)
    refused = witness.refusals()
    for refusal in refused:
        console.print(f"Refused {refusal.at}: {refusal.why}")
        console.print("    " + refusal.note.rstrip("\n").replace("\n", "\n    "))
    raise typer.Exit(1 if refused else 0)


@app.command()
def keys(folder: Folder = HERE) -> None:
    """Print the public keys again."""
    from tocsin.record.proof.witness import Witness  # noqa: PLC0415

    for key in Witness(folder).verifiers:
        typer.echo(key.text())

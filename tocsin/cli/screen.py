"""`tocsin screen`: a plain filter. JSON lines in, flagged JSON lines out; no database, nothing kept."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from tocsin.kernel.errors import Invalid, NotFound

if TYPE_CHECKING:
    from tocsin.screen.actions import Learned
    from tocsin.screen.cascade import Cascade
    from tocsin.screen.engine import Engine
    from tocsin.screen.terms import Tally

app = typer.Typer(
    help="Screen JSON lines from standard input; flagged ones come out. Needs no server.",
    invoke_without_command=True,
)
CatalogueOption = Annotated[
    Path | None, typer.Option(help="Folder of indicator files; those that ship if not given.")
]
ModelsOption = Annotated[
    Path | None, typer.Option(help="Folder of models; those that ship if not given.")
]
PaceOption = Annotated[
    float | None,
    typer.Option(
        min=0.1, help="Texts a second that must get through; by how many wait, if not given."
    ),
]


def mount(main: typer.Typer) -> None:
    """Add the command."""
    main.add_typer(app, name="screen")


@app.callback()
def screen(
    context: typer.Context,
    text_field: Annotated[
        str, typer.Option(help="Name of the field that holds the text.")
    ] = "text",
    masked: Annotated[
        bool, typer.Option("--masked", help="Put the masked text in that field.")
    ] = False,
    scores: Annotated[
        bool, typer.Option("--scores", help="Id, score and priority of every line instead.")
    ] = False,
    keep_all: Annotated[
        bool, typer.Option("--keep-all", help="Treat every line as flagged.")
    ] = False,
    line: Annotated[
        int, typer.Option(min=1, max=1000, help="Score from which a text is flagged.")
    ] = 300,
    pace: PaceOption = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Processes to share the work; one a core.")
    ] = None,
    dead: Annotated[
        Path | None,
        typer.Option(help="Where lines that could not be screened are noted, without content."),
    ] = None,
    catalogue: CatalogueOption = None,
    models: ModelsOption = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Only check that every example of the catalogue comes true."),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No summary on standard error.")
    ] = False,
) -> None:
    """Read standard input to its end; write flagged lines to standard output as they are found.

    Raises: Invalid for a folder or field that cannot be used; BadCatalogue; BadModels.
    """
    if context.invoked_subcommand is not None:
        return
    if check:
        from tocsin.screen.engine import Engine  # noqa: PLC0415 - compiling takes a second

        _check(Engine.load(_folder(catalogue, "--catalogue")))
        return
    if sys.stdin.isatty():
        raise Invalid(
            "nothing is piped in", cure="Try: tocsin screen < posts.jsonl > flagged.jsonl"
        )
    cascade = load(catalogue, models)
    gc.freeze()  # what was loaded stays: neither searched for garbage nor copied into each process
    from tocsin.screen.filter import most_processes, run  # noqa: PLC0415

    with ExitStack() as stack:
        letters = _letters(stack, dead)
        try:
            tally = run(
                sys.stdin.buffer,
                sys.stdout.buffer,
                letters,
                text_field=text_field,
                masked_only=masked,
                scores=scores,
                keep_all=keep_all,
                line=line,
                cascade=cascade,
                processes=processes or most_processes(),
                per_second=pace,
            )
        except BrokenPipeError:  # whoever reads us has seen enough
            sys.stderr.close()
            return
    if not quiet:
        _summary(tally)


def load(catalogue: Path | None = None, models: Path | None = None) -> Cascade:
    """The cascade; each process on one core, because processes share the work, not threads."""
    _one_core_each()
    from tocsin.screen.cascade import Cascade  # noqa: PLC0415 - `--help` should not wait for it

    return Cascade.load(_folder(catalogue, "--catalogue"), _folder(models, "--models"))


def _one_core_each() -> None:
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "TOKENIZERS_PARALLELISM"):
        os.environ.setdefault(name, "false" if name.startswith("TOK") else "1")


def _folder(path: Path | None, option: str) -> Path | None:
    if path is not None and not path.is_dir():
        raise Invalid(f"there is no folder {path}", field=option, cure="Check the path.")
    return path


def _letters(stack: ExitStack, dead: Path | None) -> BinaryIO | None:
    if dead is None:
        return None
    try:
        return stack.enter_context(dead.open("wb"))
    except OSError as error:
        raise Invalid(
            f"cannot write {dead}: {error.strerror}", field="--dead", cure="Choose another place."
        ) from error


def _check(engine: Engine) -> None:
    from tocsin.screen.checking import check  # noqa: PLC0415

    console = Console()
    broken = check(engine)
    for sentence in broken:
        console.print(f"[red]not true[/] {sentence}", highlight=False)
    count = len(engine.catalogue.indicators)
    console.print(
        f"Catalogue {engine.version}: {count} indicators, {engine.catalogue.patterns} patterns, "
        + (
            "every example comes true."
            if not broken
            else f"{len(broken)} examples do not come true."
        )
    )
    if broken:
        raise typer.Exit(1)


def _summary(tally: Tally) -> None:
    table = Table(show_header=False, box=None)
    table.add_row("lines", f"{tally.lines:,}")
    table.add_row("screened", f"{tally.screened:,}")
    table.add_row("read as far as", "", ", ".join(f"{n:,} {s}" for s, n in tally.stages.items()))
    table.add_row(
        "flagged",
        f"{tally.flagged:,}",
        ", ".join(f"{n:,} {p}" for p, n in tally.priorities.items()),
    )
    table.add_row("groups of the same account", f"{tally.groups:,}")
    table.add_row("in a language not learned", f"{tally.unlearned:,}")
    table.add_row(
        "refused", f"{tally.refused:,}", ", ".join(f"{n:,} {r}" for r, n in tally.refusals.items())
    )
    Console(stderr=True).print(table)


@app.command()
def evaluate(
    data: Annotated[
        Path, typer.Argument(help="JSON lines with labels, or a folder of labelled sets.")
    ],
    wanted: Annotated[
        str, typer.Option(help="Field that says whether a text is wanted (in a single file).")
    ] = "wanted",
    value: Annotated[
        str, typer.Option(help="Values of that field that mean yes, with commas between.")
    ] = "true",
    pace: PaceOption = 200,
    catalogue: CatalogueOption = None,
    models: ModelsOption = None,
    json: Annotated[bool, typer.Option("--json", help="Figures as JSON lines.")] = False,
) -> None:
    """How well the cascade ranks labelled texts: PR-AUC, recall, false alarms, calibration, a plot.

    Of a folder of labelled sets only the texts held back from building are used.
    """
    from tocsin.cli.screen_figures import evaluated, shown  # noqa: PLC0415

    for name, found in evaluated(load(catalogue, models), data, wanted, value, pace or 200):
        shown(name, found, as_json=json)


@app.command()
def build(
    data: Annotated[Path, typer.Argument(help="Folder of labelled sets (see the model card).")],
    into: Annotated[Path, typer.Option(help="Folder the models go to.")] = Path("models"),
    transformer: Annotated[
        bool, typer.Option(help="Fine-tune the transformer too: half an hour of both cores.")
    ] = True,
    keep_transformer: Annotated[
        bool, typer.Option("--keep-transformer", help="Use the transformer that is in the folder.")
    ] = False,
) -> None:
    """Build the models that ship, from labelled data. Needs JAX (see the model card)."""
    from tocsin.screen.building.everything import build_all  # noqa: PLC0415

    _one_core_each()
    for step in build_all(data, into, transformer=transformer, keep=keep_transformer):
        Console(stderr=True).print(step)


@app.command()
def learn(
    since: Annotated[datetime | None, typer.Option(help="Only decisions from this day on.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Figures as one JSON line.")] = False,
) -> None:
    """Refit the models on what analysts decided; compare with those in use; keep the result as a candidate.

    Nothing changes until somebody promotes it. Exit 1 when it is not better.
    """
    _one_core_each()
    _site()
    from tocsin.assess import decided  # noqa: PLC0415
    from tocsin.screen.actions import learn as refit  # noqa: PLC0415

    from_day = since.replace(tzinfo=UTC) if since else None
    made = refit(decided.decisions(from_day), decided.forgotten())
    better = made.standing.value == "better"
    if json:
        from tocsin.cli.printing import as_json  # noqa: PLC0415

        figures = msgspec.to_builtins(made.found)
        told = {"version": made.version, "standing": made.standing.value, **figures}
        as_json([told])
    else:
        _compared(made)
    raise typer.Exit(0 if better else 1)


@app.command()
def promote(
    version: Annotated[
        str, typer.Argument(help="Version of learned models, or `shipped` for those that ship.")
    ],
    by: Annotated[str, typer.Option(help="User name of who decides it.")],
    reason: Annotated[str, typer.Option(help="Why; it goes on the record.")],
) -> None:
    """Put learned models to use, by a named person's word. Only those that were found better."""
    _site()
    from tocsin.people.models import Account  # noqa: PLC0415
    from tocsin.people.store import actor_of  # noqa: PLC0415
    from tocsin.screen.actions import promote as put  # noqa: PLC0415

    account = Account.objects.filter(username__iexact=by).first()
    if account is None:
        raise NotFound(f"there is no user {by!r}", field="--by", cure="See: tocsin people list.")
    put(actor_of(account), version=version, reason=reason)
    Console().print(f"Models {version} are in use; the worker takes them up with its next batch.")


def _site() -> None:
    from tocsin.cli.main import setup  # noqa: PLC0415

    setup()


def _compared(made: Learned) -> None:
    console, table = Console(), Table("", "decisions", "wanted", "average precision", "first tenth")
    found = made.found
    for name, (before, after) in {"all": (found.before, found.after), **found.parts}.items():
        table.add_row(
            name,
            f"{after.decisions:,}",
            f"{after.wanted:,}",
            f"{before.precision / 1000:.3f} → {after.precision / 1000:.3f}",
            f"{before.first_tenth / 1000:.2f} → {after.first_tenth / 1000:.2f}",
        )
    console.print(table)
    console.print(f"Models {made.version} ({made.folder}): {made.standing.plain}.", soft_wrap=True)
    if made.standing.value == "better":
        console.print(f"Promote them: tocsin screen promote {made.version} --by NAME --reason …")

"""The catalogue: indicators as versioned files, loaded strictly, each carrying the examples that
prove it.

A folder of TOML files: `vocabulary.toml` (named word lists that patterns use as `{name}`),
`cases.toml` (whole texts and what must become of them), and one file per category: indicators, or
context rules that void or lower matches.

Patterns are regular expressions in the syntax that Hyperscan and Python share, written in lower-
case ASCII, because they meet folded text (see `normalise`). A space in a pattern stands for any
white space.
"""

from __future__ import annotations

import hashlib
import re
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec

from tocsin.kernel.errors import TocsinError
from tocsin.screen.repeats import Unbounded, bounded

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]*$", max_length=60)]
Sentence = Annotated[str, msgspec.Meta(min_length=10, max_length=300)]
Examples = Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
Patterns = Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


class BadCatalogue(TocsinError):
    """A catalogue file is malformed; says which file, indicator and field, and the cure."""

    code = "bad_catalogue"


class Indicator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sign that a text deserves a person's eye. `weight` is 1..1000; `source` names where the
    rule comes from.

    `must`: texts it must count in, as they would be written. `must_not`: texts in which it must
    not count, because it does not match or because context voids the match.
    """

    name: Name
    weight: Annotated[int, msgspec.Meta(ge=1, le=1000)]
    patterns: Patterns
    why: Sentence
    must: Examples
    must_not: Examples
    source: str = ""


class Context(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sign that a match means something else.

    `effect` "voids" cancels matches that overlap its own; "lowers" leaves `leaves` thousandths
    of the weight in the whole text. `on` limits it to these categories; empty means all.
    """

    name: Name
    effect: Literal["voids", "lowers"]
    patterns: Patterns
    why: Sentence
    must: Examples
    must_not: Examples
    on: tuple[Name, ...] = ()
    leaves: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0


class CategoryFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file: a category with its indicators, or the category `context` with context rules."""

    version: Annotated[int, msgspec.Meta(ge=1)]
    category: Name
    title: Sentence
    indicator: tuple[Indicator, ...] = ()
    context: tuple[Context, ...] = ()


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole text: `flagged` says whether a person must see it, `least` the lowest score that is
    acceptable.
    """

    text: str
    flagged: bool
    least: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0


class _CaseFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    case: tuple[Case, ...]


class _Vocabulary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    words: dict[Annotated[str, msgspec.Meta(pattern=r"^[a-z_]+$")], str]


class Rule(msgspec.Struct, frozen=True):
    """An indicator or context rule ready to match: `ref` is `name@version`, `expressions` are fully
    written out.
    """

    ref: str
    category: str
    body: Indicator | Context
    expressions: tuple[str, ...]


class Catalogue(msgspec.Struct, frozen=True):
    """Everything one version of the catalogue says. `version` is a hash of all its files (16 hex
    digits).
    """

    version: str
    indicators: tuple[Rule, ...]
    contexts: tuple[Rule, ...]
    cases: tuple[Case, ...]
    titles: dict[str, str]

    @property
    def categories(self) -> tuple[str, ...]:
        """Category names in alphabetical order."""
        return tuple(sorted(self.titles))

    @property
    def patterns(self) -> int:
        """How many patterns are looked for at once."""
        return sum(len(rule.expressions) for rule in self.indicators + self.contexts)


Decoded = TypeVar("Decoded")
_REFERENCE = re.compile(r"\{([a-z_]+)\}")
_ATOM = re.compile(r"\\.|\[[^\]]*\]")  # an escape or a character class
_WORD_END = re.compile(
    r"\\b(?=$|[)|$^?\"]|\(\?:\[\^|\(\?[!=])"
)  # a \b that closes a word; all others open one
_SPACE = re.compile(r"(\[[^\]]*\])| (\?)?")


def load(folder: Path | None = None) -> Catalogue:
    """Read and check a catalogue folder (the bundled one by default).

    Raises: BadCatalogue, naming file, indicator, field and cure.
    """
    files = _files(folder)
    words = _expanded_words(
        _decoded("vocabulary.toml", _need(files, "vocabulary.toml"), _Vocabulary).words
    )
    cases = _decoded("cases.toml", _need(files, "cases.toml"), _CaseFile).case
    indicators: list[Rule] = []
    contexts: list[Rule] = []
    titles: dict[str, str] = {}
    for name, raw in sorted(files.items()):
        if name in ("vocabulary.toml", "cases.toml"):
            continue
        content = _decoded(name, raw, CategoryFile)
        if content.indicator:
            if content.category in titles:
                raise _bad(
                    name,
                    "category",
                    f"{content.category!r} is in two files.",
                    "Merge them or rename one.",
                )
            titles[content.category] = content.title
        indicators += [_rule(name, content, one, words) for one in content.indicator]
        contexts += [_rule(name, content, one, words) for one in content.context]
    catalogue = Catalogue(_hash(files), tuple(indicators), tuple(contexts), cases, titles)
    _check_names(catalogue)
    return catalogue


def _files(folder: Path | None) -> dict[str, bytes]:
    root = resources.files("tocsin.screen").joinpath("catalogue") if folder is None else folder
    if not root.is_dir():
        raise BadCatalogue(
            f"there is no folder {root}.", field="catalogue", cure="Give a folder of .toml files."
        )
    return {
        entry.name: entry.read_bytes() for entry in root.iterdir() if entry.name.endswith(".toml")
    }


def _need(files: dict[str, bytes], name: str) -> bytes:
    if name not in files:
        raise BadCatalogue(
            "this file is missing.",
            field=name,
            cure="Add it; the bundled catalogue has an example.",
        )
    return files[name]


def _hash(files: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, raw in sorted(files.items()):
        digest.update(f"{name}\0{len(raw)}\0".encode() + raw)
    return digest.hexdigest()[:16]


def _decoded(name: str, raw: bytes, kind: type[Decoded]) -> Decoded:
    try:
        return msgspec.toml.decode(raw, type=kind)
    except msgspec.ValidationError as wrong:
        message, _, place = str(wrong).partition(" - at `$.")
        field = _named(raw, place.rstrip("`")) if place else "top level"
        raise _bad(name, field, f"{message}.", "Correct or remove it.") from wrong
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise _bad(
            name, "syntax", f"this is not TOML: {wrong}.", "Check quotes and brackets there."
        ) from wrong


def _named(raw: bytes, place: str) -> str:
    """`indicator[3].weight` with the indicator's name put in, since nobody counts to three in a
    long file.
    """
    found = re.match(r"(indicator|context|case)\[(\d+)\]", place)
    if not found:
        return place
    entry = msgspec.toml.decode(raw)[found[1]][int(found[2])]
    name = entry.get("name") if isinstance(entry, dict) else None
    return (
        f"{found[1]} {name!r}{place[found.end() :]}"
        if name
        else f"{found[1]} number {int(found[2]) + 1}"
    )


def _bad(file: str, field: str, message: str, cure: str) -> BadCatalogue:
    return BadCatalogue(message, field=f"{file}, {field}", cure=cure)


def _expanded_words(words: dict[str, str]) -> dict[str, str]:
    done: dict[str, str] = {}
    for name, pattern in words.items():
        done[name] = _written_out(
            "vocabulary.toml", name, pattern, done, "Define it above the word that uses it."
        )
    return done


def _written_out(file: str, field: str, pattern: str, words: dict[str, str], cure: str) -> str:
    def word(match: re.Match[str]) -> str:
        if match[1] not in words:
            raise _bad(file, field, f"{{{match[1]}}} is not in the vocabulary.", cure)
        return f"(?:{words[match[1]]})"

    return _REFERENCE.sub(word, pattern)


def _rule(
    file: str, content: CategoryFile, body: Indicator | Context, words: dict[str, str]
) -> Rule:
    expressions = []
    for number, pattern in enumerate(body.patterns, 1):
        field = f"{body.name!r}, pattern {number}"
        if (
            not pattern.isascii()
            or re.sub(r"\\.", "", pattern) != re.sub(r"\\.", "", pattern).lower()
        ):
            cure = "Text is folded before matching: write lower-case ASCII (ae for ä, ss for ß)."
            raise _bad(file, field, "it has capitals or letters outside ASCII.", cure)
        if _counts_anything(pattern):
            cure = "Use {gap} or {bit} for anything in between, and word characters elsewhere."
            raise _bad(file, field, "it counts characters of any kind.", cure)
        written = _written_out(
            file, field, pattern, words, "Add it to vocabulary.toml or correct the name."
        )
        expression = _SPACE.sub(_white_space, written)
        expression = _WORD_END.sub(r"(?!\\w)", expression).replace(r"\b", r"(?<!\w)")
        try:
            expression = bounded(expression)
            compiled = re.compile(expression, re.ASCII)
        except Unbounded as wrong:
            cure = "Repeat whole words with their space, like (?:\\w+ ){0,3} or (?:all |just )*."
            raise _bad(file, field, f"{wrong}.", cure) from wrong
        except (re.error, ValueError, RecursionError) as wrong:
            raise _bad(file, field, f"bad regular expression: {wrong}.", "Correct it.") from wrong
        if compiled.match(""):
            raise _bad(file, field, "it matches empty text.", "Make it need at least one word.")
        expressions.append(expression)
    return Rule(f"{body.name}@{content.version}", content.category, body, tuple(expressions))


def _white_space(found: re.Match[str]) -> str:
    """A space between words is any white space, an optional one any or none; classes stay."""
    return found[1] or (r"\s*" if found[2] else r"\s+")


def _counts_anything(pattern: str) -> bool:
    """Whether it has a sign for "any character", which the matcher counts in bytes and Python in
    characters.
    """
    negated = any(atom.startswith("[^") for atom in _ATOM.findall(pattern))
    return (
        negated
        or "." in _ATOM.sub("", pattern)
        or re.search(r"\\[WSDB](?![*+])", pattern) is not None
    )


def _check_names(catalogue: Catalogue) -> None:
    seen: set[str] = set()
    for rule in catalogue.indicators + catalogue.contexts:
        if rule.body.name in seen:
            raise _bad(
                rule.category,
                f"{rule.body.name!r}",
                "this name is used twice.",
                "Give each its own name.",
            )
        seen.add(rule.body.name)
        for category in rule.body.on if isinstance(rule.body, Context) else ():
            if category not in catalogue.titles:
                cure = f"Use one of: {', '.join(catalogue.categories)}."
                raise _bad(
                    rule.category, f"{rule.body.name!r}, on", f"no category {category!r}.", cure
                )

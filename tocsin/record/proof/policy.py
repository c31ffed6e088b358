"""Whose word is enough: logs, witnesses and a quorum, in the format of C2SP tlog-policy."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from tocsin.kernel.errors import BadSettings
from tocsin.record.note import BadKey, KeyKind, VerifierKey

NONE = "none"
MOST = 64  # of logs, witnesses and groups each


class BadPolicy(BadSettings):
    """The policy of witnesses cannot be used; the message names the line."""

    code = "bad_policy"


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness by the name the policy gives it; `url` is where it takes checkpoints ('' = nowhere)."""

    name: str
    key: VerifierKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Counts as one voice when `needs` of its members speak."""

    needs: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """What makes a checkpoint believed: any one of the logs, and the quorum of witnesses."""

    logs: tuple[VerifierKey, ...] = ()
    witnesses: tuple[Witness, ...] = ()
    groups: Mapping[str, Group] = field(default_factory=dict)
    quorum: str = NONE

    def met(self, spoke: Set[VerifierKey]) -> bool:
        """Whether the witnesses whose keys signed are a quorum."""
        return self.quorum == NONE or self._speaks(self.quorum, spoke)

    def _speaks(self, name: str, spoke: Set[VerifierKey]) -> bool:
        if name not in self.groups:
            return any(w.name == name and w.key in spoke for w in self.witnesses)
        group = self.groups[name]
        return sum(self._speaks(m, spoke) for m in group.members) >= group.needs

    def needed(self) -> str:
        """The quorum in words."""
        if self.quorum == NONE:
            return "no witness"
        group = self.groups.get(self.quorum)
        if group is None:
            return self.quorum
        return f"{group.needs} of {', '.join(group.members)}"


def parse(text: str) -> Policy:
    """Read a policy. Raises: BadPolicy naming the line and what is wrong with it."""
    reader = _Reader()
    for number, line in enumerate(text.split("\n"), 1):
        words = line.strip(" \t").replace("\t", " ").split(" ")
        words = [word for word in words if word]
        if not words or words[0].startswith("#"):
            continue
        try:
            reader.read(words)
        except BadKey as error:
            raise BadPolicy(f"line {number}: {error.message}", field="witness_policy") from error
        except ValueError as error:
            raise BadPolicy(f"line {number}: {error}", field="witness_policy") from error
    if reader.quorum is None:
        raise BadPolicy("no quorum line", field="witness_policy", cure="Add one: quorum NAME.")
    return Policy(tuple(reader.logs), tuple(reader.witnesses), reader.groups, reader.quorum)


class _Reader:
    """Takes the lines in order; a line may only name what stands above it."""

    def __init__(self) -> None:
        self.logs: list[VerifierKey] = []
        self.witnesses: list[Witness] = []
        self.groups: dict[str, Group] = {}
        self.quorum: str | None = None
        self._member: set[str] = set()

    def read(self, words: list[str]) -> None:
        kind, *rest = words
        if kind == "log" and 1 <= len(rest) <= 2:
            self._log(VerifierKey.parse(rest[0]))
        elif kind == "witness" and 2 <= len(rest) <= 3:
            self._witness(Witness(rest[0], VerifierKey.parse(rest[1]), "".join(rest[2:])))
        elif kind == "group" and len(rest) >= 3:
            self._group(rest[0], rest[1], tuple(rest[2:]))
        elif kind == "quorum" and len(rest) == 1:
            self._quorum(rest[0])
        else:
            raise ValueError("not a line of log, witness, group or quorum")

    def _log(self, key: VerifierKey) -> None:
        if any(key.public == known.public for known in self.logs):
            raise ValueError("this log is named twice")
        self.logs.append(key)

    def _witness(self, witness: Witness) -> None:
        self._new(witness.name)
        if witness.key.kind is KeyKind.NOTE:
            raise ValueError("a witness key must be of type 4 or 6")
        if any(witness.key.public == known.key.public for known in self.witnesses):
            raise ValueError("this witness's key is named twice")
        self.witnesses.append(witness)

    def _group(self, name: str, needs: str, members: tuple[str, ...]) -> None:
        self._new(name)
        for member in members:
            if member == NONE or not self._known(member):
                raise ValueError(f"{member} is not named above")
            if member in self._member:
                raise ValueError(f"{member} is in a group already")
            self._member.add(member)
        count = {"all": len(members), "any": 1}.get(needs)
        if count is None:
            count = int(needs) if needs.isascii() and needs.isdigit() else 0
        if not 1 <= count <= len(members):
            raise ValueError(f"a group of {len(members)} cannot need {needs!r}")
        self.groups[name] = Group(count, members)

    def _quorum(self, name: str) -> None:
        if self.quorum is not None:
            raise ValueError("a second quorum line")
        if name != NONE and not self._known(name):
            raise ValueError(f"{name} is not named above")
        self.quorum = name

    def _known(self, name: str) -> bool:
        return name in self.groups or any(w.name == name for w in self.witnesses)

    def _new(self, name: str) -> None:
        if name == NONE or self._known(name):
            raise ValueError(f"the name {name} is taken")
        if max(len(self.witnesses), len(self.groups)) >= MOST:
            raise ValueError(f"more than {MOST} witnesses or groups")

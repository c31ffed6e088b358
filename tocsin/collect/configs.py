"""What a source's `config` holds for each kind, and checking it before it is kept.

Secrets are never in it: a mailbox's password is read from the environment variable `password_env` names, or from the
file `<name>_FILE` names.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tocsin.collect.sources.feeds import FeedSource
from tocsin.collect.sources.mailbox import MailboxSource
from tocsin.collect.sources.mapping import Mapping, check
from tocsin.collect.terms import SourceKind
from tocsin.kernel.errors import BadSettings, Invalid

_PASSWORD_PREFIX = "MAILBOX_"  # noqa: S105 - the start of a variable's name


class FileConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """How the rows of files map; None = letters (`.eml`, mbox), which need no mapping."""

    mapping: Mapping | None = None
    format: str = ""


class MailboxConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """A mailbox, and the name of the environment variable that holds its password."""

    host: str
    user: str
    password_env: str
    folder: str = "INBOX"
    port: int = 993
    security: str = "tls"
    mark_seen: bool = False

    def source(self) -> MailboxSource:
        """What the connector wants to know."""
        return MailboxSource(
            self.host, self.user, self.folder, self.port, self.security, self.mark_seen
        )


class NoConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """Tips and the API need nothing."""


Config = FileConfig | FeedSource | MailboxConfig | NoConfig
_KINDS: dict[SourceKind, type[Config]] = {
    SourceKind.FILE: FileConfig,
    SourceKind.FEED: FeedSource,
    SourceKind.MAILBOX: MailboxConfig,
    SourceKind.TIP: NoConfig,
    SourceKind.API: NoConfig,
}


def read_config(kind: SourceKind, config: dict[str, Any]) -> Config:
    """A source's configuration as its connector wants it. Raises: Invalid naming the part."""
    try:
        return msgspec.convert(config, _KINDS[kind], strict=False)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at ")
        field = "config" + where.strip("`").removeprefix("$")
        raise Invalid(what, field=field, cure="Correct it, or leave it out.") from error


def check_config(kind: SourceKind, config: dict[str, Any]) -> None:
    """Refuse a configuration that cannot be used. Raises: Invalid naming the part."""
    read = read_config(kind, config)
    if isinstance(read, FileConfig) and read.mapping:
        check(read.mapping)
    if isinstance(read, FeedSource) and not read.url.startswith(("http://", "https://")):
        raise Invalid(
            "a feed's address starts with https:// or http://", field="url", cure="Paste it whole."
        )
    if isinstance(read, MailboxConfig) and not read.password_env.startswith(_PASSWORD_PREFIX):
        raise Invalid(
            "names no variable for a mailbox's password",
            field="password_env",
            cure=f"Use a name that begins with {_PASSWORD_PREFIX}, and set it where the worker runs.",
        )


def password(config: MailboxConfig) -> str:
    """The password from the environment. Raises: BadSettings when it is not set, or its file cannot be read."""
    name = config.password_env
    if value := os.environ.get(name):
        return value
    if path := os.environ.get(f"{name}_FILE"):
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            raise BadSettings(
                f"cannot read {path}", field=f"{name}_FILE", cure="Check the path."
            ) from error
    raise BadSettings(
        "is not set", field=name, cure="Set it where the worker runs, then try again."
    )

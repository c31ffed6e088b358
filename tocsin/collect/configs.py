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
from tocsin.collect.sources.jetstream import JetstreamSource
from tocsin.collect.sources.mailbox import MailboxSource
from tocsin.collect.sources.mapping import Mapping, check
from tocsin.collect.sources.mastodon import MastodonSource
from tocsin.collect.sources.nats_stream import NatsSource
from tocsin.collect.sources.partner import CapSource, MispSource, PartnerSource, TaxiiSource
from tocsin.collect.terms import SourceKind
from tocsin.kernel.errors import BadSettings, Invalid

_PASSWORD_PREFIX = "MAILBOX_"  # noqa: S105 - the start of a variable's name
_MOST_PARTITIONS = 256
_WEB = ("http://", "https://")
_KEY_PREFIXES = ("TAXII_", "MISP_", "MASTODON_", "NATS_")


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


StreamSource = JetstreamSource | MastodonSource | NatsSource
Keyed = TaxiiSource | MispSource | MastodonSource | NatsSource
Config = FileConfig | FeedSource | MailboxConfig | PartnerSource | StreamSource | NoConfig
_KINDS: dict[SourceKind, type[Config]] = {
    SourceKind.FILE: FileConfig,
    SourceKind.FEED: FeedSource,
    SourceKind.MAILBOX: MailboxConfig,
    SourceKind.TIP: NoConfig,
    SourceKind.API: NoConfig,
    SourceKind.CAP: CapSource,
    SourceKind.TAXII: TaxiiSource,
    SourceKind.MISP: MispSource,
    SourceKind.JETSTREAM: JetstreamSource,
    SourceKind.MASTODON: MastodonSource,
    SourceKind.NATS: NatsSource,
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
    if isinstance(read, FeedSource | PartnerSource) and not read.url.startswith(_WEB):
        raise Invalid(
            "its address starts with https:// or http://", field="url", cure="Paste it whole."
        )
    if isinstance(read, StreamSource):
        _check_stream(read)
    if isinstance(read, MailboxConfig) and not read.password_env.startswith(_PASSWORD_PREFIX):
        raise Invalid(
            "names no variable for a mailbox's password",
            field="password_env",
            cure=f"Use a name that begins with {_PASSWORD_PREFIX}, and set it where the worker runs.",
        )
    named = read.password_env if isinstance(read, Keyed) else ""
    if named and not named.startswith(_KEY_PREFIXES):
        raise Invalid(
            "names no variable for a partner's key",
            field="password_env",
            cure=f"Use a name that begins with {', '.join(_KEY_PREFIXES)}, and set it where the worker runs.",
        )


def _check_stream(read: StreamSource) -> None:
    schemes = {
        JetstreamSource: ("wss://", "ws://"),
        MastodonSource: ("https://", "http://"),
        NatsSource: ("tls://", "nats://"),
    }[type(read)]
    if not read.url.startswith(schemes):
        raise Invalid(
            f"its address starts with {schemes[0]} or {schemes[1]}",
            field="url",
            cure="Paste it whole.",
        )
    if isinstance(read, NatsSource):
        check(read.mapping)
        if not 1 <= read.partitions <= _MOST_PARTITIONS:
            raise Invalid(
                f"must be 1 to {_MOST_PARTITIONS}",
                field="partitions",
                cure="As many as the messages are spread over.",
            )


def password(config: MailboxConfig | Keyed) -> str:
    """The password from the environment, '' where none is named.

    Raises: BadSettings when it is not set, or its file cannot be read.
    """
    if not config.password_env:
        return ""
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

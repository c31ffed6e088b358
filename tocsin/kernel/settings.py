"""One frozen settings object, from a TOML file and `TOCSIN_*` environment variables, strictly.

Every setting can be given as `TOCSIN_NAME`, as `TOCSIN_NAME_FILE` (a file that holds the value, for
secrets), or as `name` in the TOML file; the environment wins. An unknown key is refused.
"""

from __future__ import annotations

import os
import secrets
import tomllib
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tocsin.kernel.errors import BadSettings

PREFIX = "TOCSIN_"
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}
_META = {
    "TOCSIN_CONFIG",
    "TOCSIN_PASSPHRASE_FILE",
    "TOCSIN_BENCH_PEER_PYTHON",
    "TOCSIN_BENCH_DATA",
    "TOCSIN_BENCH_LONG",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an installation can choose. `doc` metadata is shown by `tocsin check --settings`."""

    data_dir: Path = field(
        default=Path(".tocsin"),
        metadata={"doc": "Where the embedded database, keys and backups live."},
    )
    database_url: str = field(
        default="",
        metadata={"doc": "PostgreSQL of the application's role; empty = embedded.", "secret": True},
    )
    database_owner_url: str = field(
        default="",
        metadata={"doc": "PostgreSQL of the owner's role, for migrations.", "secret": True},
    )
    database_name: str = field(
        default="tocsin", metadata={"doc": "Database in the embedded server."}
    )
    secret_key: str = field(
        default="",
        metadata={"doc": "Signs sessions and links; made on first start.", "secret": True},
    )
    pseudonym_key: str = field(
        default="",
        metadata={"doc": "Keys authors' pseudonyms; made on first start.", "secret": True},
    )
    webhook_secret: str = field(
        default="",
        metadata={"doc": "Signs outgoing webhooks; made on first start.", "secret": True},
    )
    allowed_hosts: tuple[str, ...] = field(
        default=("localhost", "127.0.0.1", "[::1]"),
        metadata={"doc": "Host names served, by comma."},
    )
    base_url: str = field(
        default="http://127.0.0.1:8000", metadata={"doc": "How links in e-mail reach this server."}
    )
    host: str = field(default="127.0.0.1", metadata={"doc": "Address the web server listens on."})
    port: int = field(default=8000, metadata={"doc": "Port the web server listens on."})
    debug: bool = field(
        default=False, metadata={"doc": "Developer's error pages. Never in production."}
    )
    origin: str = field(
        default="tocsin.local/record",
        metadata={"doc": "Name of this record in its signed checkpoints."},
    )
    witness_policy: Path | None = field(
        default=None,
        metadata={
            "doc": "Witnesses of the record and their quorum (a file as in C2SP tlog-policy); empty = none."
        },
    )
    tsa_url: str = field(
        default="",
        metadata={
            "doc": "Authority that time-stamps the record once a day (RFC 3161); empty = none."
        },
    )
    tsa_roots: Path | None = field(
        default=None,
        metadata={"doc": "Certificates (PEM) that the time-stamping authority is trusted by."},
    )
    publish_tree: bool = field(
        default=False,
        metadata={"doc": "Serve the record's tree (hashes only) at /tlog/ to anybody."},
    )
    smtp_host: str = field(
        default="", metadata={"doc": "Mail server; empty = mail is kept as files."}
    )
    smtp_port: int = field(default=25, metadata={"doc": "Mail server's port."})
    smtp_user: str = field(default="", metadata={"doc": "Mail server's user."})
    smtp_password: str = field(
        default="", metadata={"doc": "Mail server's password.", "secret": True}
    )
    smtp_starttls: bool = field(
        default=False, metadata={"doc": "Upgrade the mail connection to TLS."}
    )
    mail_from: str = field(
        default="Tocsin <tocsin@localhost>", metadata={"doc": "Sender of warnings and notices."}
    )
    smime_file: Path | None = field(
        default=None,
        metadata={
            "doc": "Key and certificate (PEM, one file) that sign warnings by mail (S/MIME); empty = unsigned."
        },
    )
    gateways_file: Path | None = field(
        default=None,
        metadata={"doc": "Text and voice gateways, as TOML; empty = the site has none."},
    )
    services: tuple[str, ...] = field(
        default=(
            "discord",
            "gchat",
            "gotify",
            "gotifys",
            "matrix",
            "matrixs",
            "mmost",
            "mmosts",
            "msteams",
            "ntfy",
            "ntfys",
            "opsgenie",
            "pagerduty",
            "rocket",
            "rockets",
            "signal",
            "signals",
            "slack",
            "tgram",
            "wxteams",
            "workflows",
            "zulip",
        ),
        metadata={"doc": "Messaging services the directory may use, by Apprise's name, by comma."},
    )
    mailbox_host: str = field(
        default="",
        metadata={"doc": "IMAP server of the mailbox to which bounces and replies come."},
    )
    mailbox_port: int = field(default=993, metadata={"doc": "IMAP server's port."})
    mailbox_user: str = field(default="", metadata={"doc": "User of that mailbox."})
    mailbox_password: str = field(
        default="", metadata={"doc": "Password of that mailbox.", "secret": True}
    )
    mailbox_security: str = field(
        default="tls", metadata={"doc": "tls, starttls, or none (tests only)."}
    )
    mailbox_folder: str = field(default="INBOX", metadata={"doc": "Folder of that mailbox."})
    oidc_issuer: str = field(
        default="",
        metadata={"doc": "OpenID Connect: the issuer's address; empty = no such sign-in."},
    )
    oidc_name: str = field(
        default="your agency", metadata={"doc": "OpenID Connect: what the button calls it."}
    )
    oidc_client_id: str = field(default="", metadata={"doc": "OpenID Connect: our client id."})
    oidc_client_secret: str = field(
        default="", metadata={"doc": "OpenID Connect: our client secret.", "secret": True}
    )
    timezone: str = field(
        default="America/New_York", metadata={"doc": "Zone in which times are shown to people."}
    )
    policy_file: Path | None = field(
        default=None, metadata={"doc": "Ladders and thresholds; empty = those that ship."}
    )
    retention_file: Path | None = field(
        default=None, metadata={"doc": "How long what is kept; empty = the schedules that ship."}
    )
    content_keys_file: Path | None = field(
        default=None,
        metadata={
            "doc": "The keys of contents in backups; empty = content.keys in the data directory."
        },
    )
    allow_private_addresses: bool = field(
        default=False, metadata={"doc": "Let feeds and webhooks reach private networks."}
    )


def load(environ: Mapping[str, str], config: Path | None = None) -> Settings:
    """Read settings strictly from a TOML file (where there is one) and the environment.

    Raises: BadSettings naming the key, for one that is unknown, malformed, or given twice.
    """
    known = {f.name: f for f in fields(Settings)}
    values: dict[str, Any] = {}
    for name, raw in _from_file(config).items():
        if name not in known:
            raise BadSettings("no such setting", field=name, cure=f"Remove it from {config}.")
        values[name] = raw
    for name, raw in _from_environment(environ, known).items():
        values[name] = raw
    hints = typing.get_type_hints(Settings)
    settings = Settings(**{name: _parse(name, hints[name], raw) for name, raw in values.items()})
    try:
        ZoneInfo(settings.timezone)
    except (ZoneInfoNotFoundError, ValueError) as e:
        raise BadSettings(
            f"no time zone {settings.timezone!r}",
            field="timezone",
            cure="Use one like Europe/Paris.",
        ) from e
    return settings


@cache
def current() -> Settings:
    """The settings of this process, read once."""
    named = os.environ.get("TOCSIN_CONFIG")
    config = Path(named) if named else Path("tocsin.toml")
    if named and not config.exists():
        raise BadSettings(
            f"no file {config}", field="TOCSIN_CONFIG", cure="Create it or unset the variable."
        )
    return load(os.environ, config if config.exists() else None)


def secret(settings: Settings, name: str) -> str:
    """A secret setting; where it is not given, one made on first use and kept in `data_dir/secrets`.

    Raises: OSError when the data directory cannot be written.
    """
    given: str = getattr(settings, name)
    if given:
        return given
    path = settings.data_dir / "secrets" / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_name(f".{name}.{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(48))
        try:
            os.link(fresh, path)  # the first process wins; the others read its secret
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text().strip()


def _from_file(config: Path | None) -> dict[str, Any]:
    if config is None:
        return {}
    try:
        return tomllib.loads(config.read_text())
    except tomllib.TOMLDecodeError as e:
        raise BadSettings(str(e), field=str(config), cure="Mend the TOML.") from e


def _from_environment(environ: Mapping[str, str], known: Mapping[str, Any]) -> dict[str, str]:
    values: dict[str, str] = {}
    for key, raw in environ.items():
        if not key.startswith(PREFIX) or key in _META:
            continue
        name = key.removeprefix(PREFIX).lower()
        if name not in known and name.endswith("_file") and name.removesuffix("_file") in known:
            name = name.removesuffix("_file")
            if PREFIX + name.upper() in environ:
                raise BadSettings(
                    "given twice", field=key, cure=f"Keep {key} or its plain form, not both."
                )
            try:
                raw = Path(raw).read_text().strip()
            except OSError as e:
                raise BadSettings(f"cannot read {raw}", field=key, cure="Check the path.") from e
        if name not in known:
            raise BadSettings(
                "no such setting", field=key, cure="Unset it, or see `tocsin check --settings`."
            )
        values[name] = raw
    return values


def _parse(name: str, hint: Any, raw: Any) -> Any:
    try:
        if hint is bool:
            return _boolean(raw)
        if hint is int:
            if isinstance(raw, bool):
                raise ValueError(raw)
            return int(raw)
        if hint == tuple[str, ...]:
            parts = raw.split(",") if isinstance(raw, str) else raw
            return tuple(str(p).strip() for p in parts)
        if hint is Path or hint == Path | None:
            return Path(raw) if raw else None
    except (TypeError, ValueError) as e:
        kind = getattr(hint, "__name__", "list")
        raise BadSettings(f"{raw!r} is not a {kind}", field=name, cure="Correct the value.") from e
    if not isinstance(raw, str):
        raise BadSettings(f"{raw!r} is not a text", field=name, cure="Put it in quotes.")
    return raw


def _boolean(raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    if str(raw).lower() in _TRUE | _FALSE:
        return str(raw).lower() in _TRUE
    raise ValueError(raw)

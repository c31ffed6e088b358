"""The form of a source: charter first, connector after, because what it may be used for comes before how."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from cryptography.x509 import load_pem_x509_certificate
from django import forms

from tocsin.collect.models import Source
from tocsin.collect.sources.jetstream import JetstreamSource
from tocsin.collect.sources.mapping import load_mapping
from tocsin.collect.terms import AUTHORITIES, PURPOSES, Reliability, Scope, SourceKind
from tocsin.kernel.errors import TocsinError
from tocsin.people.store import operations_of
from tocsin.people.terms import Actor
from tocsin.web.pages.warning_times import LocalTimeField

KINDS = {
    SourceKind.FEED: ("Feed", "RSS or Atom, read every few minutes"),
    SourceKind.MAILBOX: ("Mailbox", "letters from a mail server, by IMAP"),
    SourceKind.FILE: ("Files", "JSON lines, CSV or Parquet, loaded from the shell"),
    SourceKind.TIP: ("Tip line", "the public page where anybody can tell us something"),
    SourceKind.API: ("Other system", "a partner's system that sends by our API"),
    SourceKind.CAP: ("Alerts", "CAP alerts of another agency, one address or a feed of them"),
    SourceKind.TAXII: ("TAXII", "a collection of a partner's threat-sharing server"),
    SourceKind.JETSTREAM: ("Bluesky", "public posts as they come, by Jetstream"),
    SourceKind.MASTODON: ("Mastodon", "public posts of one server as they come"),
    SourceKind.NATS: ("NATS", "a stream of your own, shared by any number of engines"),
    SourceKind.MISP: ("MISP", "the feed of a partner's MISP"),
}
_EXAMPLE = 'optional = ["at"]\n\n[fields]\nkey = "id"\ntext = "text"\nat = "created_at"\n'
_CHOOSE = ("", "Choose one")
_TLP = {
    "AMBER+STRICT": "AMBER+STRICT: our agency only",
    "AMBER": "AMBER: the agencies of the event it is collected for",
    "RED": "RED: those at our agency who must see it",
    "GREEN": "GREEN: the whole community",
}


_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


class Certificates(forms.CharField):
    """Certificates as pasted, one below another; the value is a list of PEM texts."""

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else "\n".join(value or ())

    def to_python(self, value: Any) -> Any:
        text = str(value or "").replace("\r\n", "\n").strip()
        found = _BLOCK.findall(text)
        try:
            for pem in found:
                load_pem_x509_certificate(pem.encode())
        except ValueError:
            found = []
        if bool(text) != bool(found) or _BLOCK.sub("", text).strip():
            raise forms.ValidationError(
                "This is not only certificates. Paste each whole, from BEGIN to END CERTIFICATE."
            )
        return [f"{pem}\n" for pem in found]


class SourceForm(forms.Form):
    """A source's charter. Which connector fields there are depends on the kind."""

    name = forms.CharField(
        label="Name", max_length=120, help_text="As it will stand beside each report."
    )
    authority = forms.ChoiceField(label="By what authority")
    purpose = forms.ChoiceField(label="For what purpose")
    operation = forms.ChoiceField(
        label="For which event",
        required=False,
        help_text="Reports of a source with no event are matched by the events' own words.",
    )
    tlp = forms.ChoiceField(label="Who may see its reports", choices=list(_TLP.items()))
    retention_days = forms.IntegerField(
        label="Days until keeping is decided anew",
        min_value=1,
        initial=180,
        help_text="Counted from arrival.",
    )
    reliability = forms.ChoiceField(
        label="How reliable it has been",
        choices=[(r.value, f"{r.value}: {r.plain}") for r in Reliability],
        initial="F",
    )
    valid_from = LocalTimeField(label="Authority holds from", required=False)
    valid_until = LocalTimeField(label="Authority holds until", required=False)
    languages = forms.CharField(
        label="Languages", required=False, help_text="Such as en, es. Empty = any."
    )
    places = forms.CharField(
        label="Places",
        required=False,
        help_text="By comma. An item must name one of them. Empty = anywhere.",
    )
    keywords = forms.CharField(
        label="Words",
        required=False,
        help_text="By comma. An item must hold one of them. Empty = any.",
    )
    not_before = LocalTimeField(label="Posted from", required=False)
    not_after = LocalTimeField(label="Posted until", required=False)

    def __init__(self, actor: Actor, kind: SourceKind, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        fields = self.fields
        fields["authority"].choices = [_CHOOSE, *((a.code, a.plain) for a in AUTHORITIES.values())]  # type: ignore[attr-defined]
        fields["purpose"].choices = [_CHOOSE, *((p.code, p.plain) for p in PURPOSES.values())]  # type: ignore[attr-defined]
        mine = [(o.id, o.name) for o in operations_of(actor)]
        fields["operation"].choices = [("", "No event in particular"), *mine]  # type: ignore[attr-defined]
        for name, field in _connector(kind).items():
            fields[name] = field

    @property
    def charter(self) -> Iterable[forms.BoundField]:
        """The fields of what it may be used for."""
        return [
            self[n]
            for n in (
                "name",
                "authority",
                "purpose",
                "operation",
                "tlp",
                "reliability",
                "retention_days",
            )
        ]

    @property
    def limits(self) -> Iterable[forms.BoundField]:
        """The fields of the bounds of what it may bring in."""
        names = (
            "languages",
            "places",
            "keywords",
            "not_before",
            "not_after",
            "valid_from",
            "valid_until",
        )
        return [self[n] for n in names]

    @property
    def connector(self) -> Iterable[forms.BoundField]:
        """The fields of how it is read."""
        return [self[n] for n in _connector(self.kind)]

    def values(self) -> dict[str, Any]:
        """What `add_source` and `change_source` take. Raises: TocsinError for a mapping that cannot be read."""
        c = self.cleaned_data
        plain = (
            "name",
            "authority",
            "purpose",
            "operation",
            "tlp",
            "retention_days",
            "valid_from",
            "valid_until",
        )
        values: dict[str, Any] = {name: c[name] for name in plain}
        values["reliability"] = Reliability(c["reliability"])
        values["scope"] = Scope(
            languages=frozenset(x.lower() for x in _words(c["languages"])),
            places=tuple(_words(c["places"])),
            keywords=tuple(_words(c["keywords"])),
            not_before=c["not_before"],
            not_after=c["not_after"],
        )
        if "every_minutes" in c:
            values["every_s"] = c["every_minutes"] * 60
        values["config"] = _config(self.kind, c)
        return values

    def refuse(self, error: TocsinError) -> None:
        """Put an action's refusal beside the field it names, with the cure."""
        field = _FIELDS.get(error.field, error.field).removeprefix("config.")
        said = " ".join(filter(None, [error.message.rstrip(".") + ".", error.cure]))
        if field in self.fields:
            self.add_error(field, said[:1].upper() + said[1:])
        else:
            self.add_error(None, f"{error.field}: {said}" if error.field else said)


_FIELDS = {"purposes": "purpose", "every_s": "every_minutes", "scope": "languages", "fields": "mapping",
           "scope.not_after": "not_after", "times.formats": "mapping", "times.zone": "mapping"}  # fmt: skip


def initial(row: Source) -> dict[str, Any]:
    """The form's values for a source as it stands."""
    scope = row.scope
    values: dict[str, Any] = {
        name: getattr(row, name)
        for name in (
            "name", "authority", "purpose", "operation", "tlp", "retention_days", "reliability",
            "valid_from", "valid_until",
        )
    }  # fmt: skip
    for name in ("languages", "places", "keywords"):
        values[name] = ", ".join(scope.get(name) or [])
    for name in ("not_before", "not_after"):
        at = scope.get(name)
        values[name] = datetime.fromisoformat(at).astimezone(UTC) if at else None
    values["every_minutes"] = max(1, row.every_s // 60)
    config = dict(row.config)
    if config.get("mapping"):
        config["mapping"] = _as_toml(config["mapping"])
    return values | config


def _connector(kind: SourceKind) -> dict[str, forms.Field]:
    every = forms.IntegerField(label="Read every (minutes)", min_value=1, max_value=1440, initial=5)
    if kind is SourceKind.FEED:
        hint = "The feed's own address, not the page's."
        return {
            "url": forms.URLField(label="Address", help_text=hint, assume_scheme="https"),
            "every_minutes": every,
        }
    if kind is SourceKind.MAILBOX:
        return {
            "host": forms.CharField(label="Mail server"),
            "user": forms.CharField(label="Account"),
            "password_env": forms.CharField(
                label="Where its password is",
                help_text="Name of the environment variable that holds it where the worker runs, such as "
                "MAILBOX_TIPS. The password itself is never entered here.",
            ),
            "folder": forms.CharField(label="Folder", initial="INBOX"),
            "port": forms.IntegerField(label="Port", initial=993, min_value=1, max_value=65535),
            "security": forms.ChoiceField(
                label="Security", choices=[("tls", "TLS"), ("starttls", "STARTTLS")]
            ),
            "every_minutes": every,
        }
    if kind in (SourceKind.CAP, SourceKind.TAXII, SourceKind.MISP):
        return {**_partner(kind), "every_minutes": every}
    if kind in (SourceKind.JETSTREAM, SourceKind.MASTODON, SourceKind.NATS):
        return _stream(kind)
    if kind is SourceKind.FILE:
        return {
            "mapping": forms.CharField(
                label="Which column is what",
                required=False,
                initial=_EXAMPLE,
                widget=forms.Textarea(attrs={"rows": 9, "spellcheck": "false"}),
                help_text="TOML. Empty for letters (.eml, mbox), which need none.",
            )
        }
    return {}


def _stream(kind: SourceKind) -> dict[str, forms.Field]:
    """The fields of a stream."""
    if kind is SourceKind.JETSTREAM:
        return {"url": forms.CharField(label="Address", initial=JetstreamSource().url)}
    key = forms.CharField(
        label="Where its key is",
        required=False,
        help_text=f"Name of the environment variable that holds it where the worker runs, such as "
        f"{kind.value.upper()}_KEY. The key itself is never entered here.",
    )
    if kind is SourceKind.MASTODON:
        return {
            "url": forms.URLField(label="Server", assume_scheme="https"),
            "tag": forms.CharField(label="Only with this tag", required=False, max_length=100),
            "password_env": key,
        }
    return {
        "url": forms.CharField(label="Server", initial="nats://127.0.0.1:4222"),
        "stream": forms.CharField(label="Stream", max_length=200),
        "subject": forms.CharField(label="Subject", max_length=200),
        "partitions": forms.IntegerField(
            label="Partitions",
            initial=1,
            min_value=1,
            max_value=256,
            help_text="Above 1 the messages lie on subject.0, subject.1 and so on.",
        ),
        "password_env": key,
    }


def _partner(kind: SourceKind) -> dict[str, forms.Field]:
    """The fields of a partner's system."""
    hints = {
        SourceKind.CAP: "Of one alert, or of an Atom or RSS feed of alerts.",
        SourceKind.TAXII: "Of the collection: …/collections/<id>/.",
        SourceKind.MISP: "Of the feed's folder, where its manifest.json lies.",
    }
    url = forms.URLField(label="Address", help_text=hints[kind], assume_scheme="https")
    if kind is SourceKind.CAP:
        return {
            "url": url,
            "certificates": Certificates(
                label="Certificates of those who sign",
                required=False,
                widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
                help_text="Then only alerts that one of them signed are taken. Compare each with its "
                "owner by telephone first. Empty = unsigned alerts too.",
            ),
            "statuses": forms.MultipleChoiceField(
                label="Take in",
                initial=["Actual"],
                choices=[("Actual", "real alerts"), ("Exercise", "drills"), ("Test", "tests")],
                widget=forms.CheckboxSelectMultiple,
            ),
        }
    made: dict[str, forms.Field] = {"url": url}
    if kind is SourceKind.TAXII:
        made["user"] = forms.CharField(
            label="Account", required=False, help_text="Empty where they gave you a key alone."
        )
    made["password_env"] = forms.CharField(
        label="Where its key is",
        required=False,
        help_text=f"Name of the environment variable that holds it where the worker runs, such as "
        f"{kind.value.upper()}_PARTNER. The key itself is never entered here.",
    )
    return made


def _config(kind: SourceKind, c: dict[str, Any]) -> dict[str, Any]:
    if kind is SourceKind.FILE:
        text = c["mapping"].replace("\r\n", "\n")
        if not text.strip():
            return {}
        load_mapping(text)
        return {"mapping": tomllib.loads(text)}
    return {name: c[name] for name in _connector(kind) if name != "every_minutes"}


def _words(text: str) -> list[str]:
    return [word for part in re.split(r"[,\n]", text) if (word := " ".join(part.split()))]


def _as_toml(mapping: dict[str, Any]) -> str:
    """A mapping as the TOML a person edits; values are texts, yes/no, or lists of texts."""
    plain = [f"{k} = {_value(v)}" for k, v in mapping.items() if not isinstance(v, dict)]
    for name, table in mapping.items():
        if isinstance(table, dict):
            plain += ["", f"[{name}]", *(f"{k} = {_value(v)}" for k, v in table.items())]
    return "\n".join(plain) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(v) for v in value) + "]"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'

"""Web push (RFC 8030, 8291, 8292): the browser of somebody with an account shows that something waits.

A push proves nothing (no browser says that it was seen), so it moves no receipt: it is how the page here
knocks. Its text is a locked screen's: urgency, sender, never the title. The key that signs for this site is
made on first use and kept with the other secrets.
"""

from __future__ import annotations

import base64
import contextlib
import logging
import os
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from tocsin.collect.sources.batch import Broken
from tocsin.collect.sources.guard import checked_addresses
from tocsin.deliver.models import Push
from tocsin.kernel.settings import Settings

log = logging.getLogger(__name__)
_PATIENCE_S = 5.0
_LIVES_S = 12 * 3600


def knock(settings: Settings, person: str, line: str, path: str, key: str) -> int:
    """Show `line` on every browser of a person, leading to `path`; returns how many took it.

    `key` makes a second push of the same thing replace the first. A browser that is gone is forgotten.
    """
    taken = 0
    for row in Push.objects.filter(person=person):
        body = msgspec.json.encode({"line": line, "path": path, "key": key})
        taken += _push(settings, row, body)
    return taken


def _push(settings: Settings, row: Push, body: bytes) -> bool:
    import pywebpush  # noqa: PLC0415 - heavy: only who uses it pays for it

    try:
        _guard(settings, row.endpoint)
        pywebpush.webpush(
            {"endpoint": row.endpoint, "keys": {"p256dh": row.p256dh, "auth": row.auth}},
            data=body,
            vapid_private_key=private_key(settings.data_dir),
            vapid_claims={"sub": "mailto:" + settings.mail_from.rpartition("<")[2].rstrip("> ")},
            ttl=_LIVES_S,
            timeout=_PATIENCE_S,
            headers={"Urgency": "high"},
        )
    except pywebpush.WebPushException as e:
        if e.response is not None and e.response.status_code in (404, 410):
            Push.objects.filter(endpoint=row.endpoint).delete()
        else:
            log.warning("a push was not taken: %s", e.message[:200])
        return False
    except (Broken, OSError, ValueError) as e:
        log.warning("a push was not sent: %s", e)
        return False
    return True


def _guard(settings: Settings, endpoint: str) -> None:
    """A browser names the address itself, so it may lead anywhere. Raises: Broken."""
    parts = urlsplit(endpoint)
    port = parts.port or 443
    checked_addresses(parts.hostname or "", port, allow_private=settings.allow_private_addresses)


@lru_cache(maxsize=4)
def private_key(data_dir: Path) -> str:
    """The path of this site's signing key (P-256, PEM); made on first use. Raises: OSError."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    path = data_dir / "secrets" / "push.pem"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        fresh = path.with_name(f".push.{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_bytes(made)
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)  # the first process wins; the others use its key
        fresh.unlink()
    return str(path)


def public_key(data_dir: Path) -> str:
    """What a browser must be told: the uncompressed point, base64url. Raises: OSError."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

    key = serialization.load_pem_private_key(Path(private_key(data_dir)).read_bytes(), None)
    point = key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    return base64.urlsafe_b64encode(point).rstrip(b"=").decode()

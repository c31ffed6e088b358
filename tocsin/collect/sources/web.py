"""Fetch one document over http or https, within bounds of size, time and redirects."""

import time
import zlib
from collections.abc import Mapping as Headers
from typing import Final
from urllib.parse import urljoin, urlsplit

import httpx
from msgspec import Struct

from tocsin.collect.sources.batch import Broken
from tocsin.collect.sources.guard import checked_addresses
from tocsin.collect.terms import FailReason, Permanence

_REDIRECTS: Final = (301, 302, 303, 307, 308)
_TRY_LATER: Final = (408, 423, 425, 429)


class Limits(Struct, frozen=True):
    """Bounds of one fetch: whole time taken, size once unpacked, redirects followed."""

    timeout_seconds: float = 20.0
    size_bytes: int = 4 * 1024 * 1024
    redirects: int = 5
    allow_private: bool = False


class Document(Struct, frozen=True):
    """What came back: status 200 with a body, or 304 without; `url` is where it was found."""

    status: int
    url: str
    headers: dict[str, str]
    body: bytes


def get(url: str, headers: Headers[str, str], limits: Limits) -> Document:
    """Fetch a document.

    1. Each address, also of a redirect, is looked up and checked before connecting to it.
    2. The body is read and unpacked up to the limits, against a slow drip as well.

    Raises:
        Broken: with the reason, temporary or permanent.
    """
    deadline = time.monotonic() + limits.timeout_seconds
    timeout = httpx.Timeout(limits.timeout_seconds)
    with httpx.Client(timeout=timeout, trust_env=False, follow_redirects=False) as client:
        for _ in range(limits.redirects + 1):
            try:
                found = _one_hop(client, url, headers, limits, deadline)
            except httpx.TimeoutException as error:
                raise _timed_out(limits) from error
            except (httpx.RequestError, httpx.InvalidURL, ValueError, OSError) as error:
                raise _not_reached(url, error) from error
            if isinstance(found, Document):
                return found
            url = found
    raise Broken(
        FailReason.TOO_MANY_REDIRECTS,
        Permanence.PERMANENT,
        f"It redirects more than {limits.redirects} times.",
        cure="Find the address it ends at, and use that.",
    )


def _one_hop(
    client: httpx.Client, url: str, headers: Headers[str, str], limits: Limits, deadline: float
) -> Document | str:
    """Ask one address: the document, or the address to go to instead."""
    response = _connected(client, url, headers, limits)
    try:
        location = response.headers.get("location", "")
        if response.status_code in _REDIRECTS and location:
            return str(urljoin(url, location))
        if response.status_code == 304:
            return Document(304, url, _lowered(response), b"")
        _refuse_status(response)
        return Document(200, url, _lowered(response), _body(response, limits, deadline))
    finally:
        response.close()


def _connected(
    client: httpx.Client, url: str, headers: Headers[str, str], limits: Limits
) -> httpx.Response:
    """Connect to a checked address, while name and certificate stay those of the host."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Broken(
            FailReason.ADDRESS_REFUSED,
            Permanence.PERMANENT,
            f"{url[:200]!r} is not an http or https address.",
            cure="Give an address that starts with https://.",
        )
    port = parts.port or (443 if parts.scheme == "https" else 80)
    addresses = checked_addresses(parts.hostname, port, allow_private=limits.allow_private)
    sent = {"Host": parts.netloc.rpartition("@")[2], "Accept-Encoding": "gzip", **headers}
    for index, address in enumerate(addresses):
        request = client.build_request(
            "GET",
            httpx.URL(url).copy_with(host=address, username=None, password=None),
            headers=sent,
            extensions={"sni_hostname": parts.hostname},
        )
        try:
            return client.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            if index == len(addresses) - 1:
                raise
    raise AssertionError("a host that was found has an address")


def _lowered(response: httpx.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _refuse_status(response: httpx.Response) -> None:
    status = response.status_code
    if 200 <= status < 300:
        return
    said = f"The server answered {status} {response.reason_phrase}".strip()
    if status == 410:
        cure = "Retire this source or find where it went."
        raise Broken(FailReason.GONE, Permanence.PERMANENT, f"{said}: gone for good.", cure=cure)
    if status >= 500:
        raise Broken(FailReason.HTTP_SERVER_ERROR, Permanence.TEMPORARY, f"{said}.")
    if status in _TRY_LATER:
        raise Broken(FailReason.HTTP_CLIENT_ERROR, Permanence.TEMPORARY, f"{said}: later again.")
    cure = "Check the address and whether it asks for a login."
    raise Broken(FailReason.HTTP_CLIENT_ERROR, Permanence.PERMANENT, f"{said}.", cure=cure)


def _body(response: httpx.Response, limits: Limits, deadline: float) -> bytes:
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip", ""):
        said = f"The answer is packed as {encoding!r}, which was not asked for."
        raise Broken(FailReason.PROTOCOL, Permanence.PERMANENT, said)
    unpack = zlib.decompressobj(wbits=31) if "gzip" in encoding else None
    body = bytearray()
    try:
        for chunk in response.iter_raw():
            room = limits.size_bytes + 1 - len(body)
            body += chunk if unpack is None else unpack.decompress(chunk, room)
            if len(body) > limits.size_bytes:
                raise _too_large(limits)
            if time.monotonic() > deadline:
                raise _timed_out(limits)
    except zlib.error as error:
        said = "The packed answer is damaged."
        raise Broken(FailReason.PROTOCOL, Permanence.TEMPORARY, said) from error
    if unpack is not None and not unpack.eof and body:
        said = "The packed answer breaks off."
        raise Broken(FailReason.PROTOCOL, Permanence.TEMPORARY, said)
    return bytes(body)


def _too_large(limits: Limits) -> Broken:
    said = f"The answer is larger than {limits.size_bytes} bytes."
    cure = "Find a shorter feed of the same source, or raise its size limit."
    return Broken(FailReason.TOO_LARGE, Permanence.PERMANENT, said, cure=cure)


def _timed_out(limits: Limits) -> Broken:
    said = f"No whole answer within {limits.timeout_seconds:g} seconds."
    return Broken(FailReason.TIMED_OUT, Permanence.TEMPORARY, said)


def _not_reached(url: str, error: Exception) -> Broken:
    host = url.split("://", 1)[-1].split("/", 1)[0].rpartition("@")[2][:100]
    said = f"{host} could not be reached: {str(error)[:200] or type(error).__name__}."
    if isinstance(error, httpx.ConnectError | httpx.NetworkError | OSError):
        return Broken(FailReason.UNREACHABLE, Permanence.TEMPORARY, said)
    if isinstance(error, httpx.InvalidURL | ValueError):
        cure = "Check how the address is written."
        return Broken(FailReason.ADDRESS_REFUSED, Permanence.PERMANENT, said, cure=cure)
    return Broken(FailReason.PROTOCOL, Permanence.TEMPORARY, said)

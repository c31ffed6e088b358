"""Which addresses count as public, and that a name cannot change between check and use."""

import ipaddress
import socket
from typing import Any

import pytest

from tocsin.collect.sources import feeds, guard
from tocsin.collect.sources.batch import Broken
from tocsin.collect.sources.feeds import FeedSource
from tocsin.collect.terms import FailReason


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not guard.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_addresses_that_are_public(address: str) -> None:
    assert guard.is_public(ipaddress.ip_address(address))


def answers(*addresses: str) -> Any:
    def look_up(host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, 1, 6, "", (address, port)) for address in addresses]

    return look_up


def test_one_private_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answers("93.184.216.34", "10.0.0.1"))
    with pytest.raises(Broken) as caught:
        guard.checked_addresses("both.example", 443, allow_private=False)
    assert caught.value.reason is FailReason.ADDRESS_REFUSED
    found = guard.checked_addresses("both.example", 443, allow_private=True)
    assert found == ["93.184.216.34", "10.0.0.1"]


def test_the_checked_address_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked up once; then the socket layer sees only the number that was checked."""
    asked: list[str] = []

    def connect(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        asked.append(address[0])
        raise ConnectionRefusedError("closed")

    monkeypatch.setattr(socket, "getaddrinfo", answers("93.184.216.34", "93.184.216.35"))
    monkeypatch.setattr(socket, "create_connection", connect)
    batch = feeds.fetch(FeedSource("http://changing.example/feed"))
    assert asked == ["93.184.216.34", "93.184.216.35"]
    assert batch.outcome.reason is FailReason.UNREACHABLE


def test_an_unknown_name_is_temporary(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    batch = feeds.fetch(FeedSource("http://nowhere.example/"))
    assert batch.outcome.reason is FailReason.NAME_UNKNOWN
    assert batch.outcome.permanence.value == "temporary"

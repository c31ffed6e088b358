"""Keep connectors from being led into our own network by an address a stranger chose.

The caller connects to the address checked here, not to the name again, so that a name that
changes between check and use (DNS rebinding) gains nothing.
"""

import ipaddress
import socket
from typing import TypeAlias

from tocsin.collect.sources.batch import Broken
from tocsin.collect.terms import FailReason, Permanence

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def checked_addresses(host: str, port: int, *, allow_private: bool) -> list[str]:
    """Look a host up and give its addresses, in the order to try them.

    One private address among them is enough to refuse: a name that mixes them is up to no good.

    Raises:
        Broken: the name is not known, or leads into a private network.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Broken(
            FailReason.NAME_UNKNOWN,
            Permanence.TEMPORARY,
            f"The name {host} is not known.",
            cure="Check its spelling and this machine's name service.",
        ) from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not allow_private:
        for address in addresses:
            if not is_public(ipaddress.ip_address(address.split("%")[0])):
                raise Broken(
                    FailReason.ADDRESS_REFUSED,
                    Permanence.PERMANENT,
                    f"{host} leads to {address}, which is inside a private network.",
                    cure="Use a public address, or allow private addresses in the settings.",
                )
    return addresses


def is_public(address: Address) -> bool:
    """Whether an address, or the one wrapped in it, belongs to the public internet."""
    if isinstance(address, ipaddress.IPv6Address):
        wrapped = _wrapped(address)
        if wrapped is not None:
            return is_public(wrapped)
    return address.is_global and not address.is_multicast


def _wrapped(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)

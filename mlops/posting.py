"""Sends one event to one address, and to no address that it should not reach.

An address is looked up once and the very one that was checked is connected to, so a name cannot
change in between. No proxy, no redirect is followed, and nothing of an answer but its status is
kept: a webhook cannot be used to read what stands behind a firewall.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from contextlib import suppress
from ipaddress import IPv6Address, ip_address
from threading import Timer
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from registry.errors import BadWebhook, Undelivered

if TYPE_CHECKING:
    from collections.abc import Mapping
    from ipaddress import IPv4Address

_PORTS = {"http": 80, "https": 443}
_LONGEST = 2000
# Where clouds answer with credentials, besides 169.254.169.254 and its whole network.
_METADATA = frozenset({"100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254"})


def check_address(url: str) -> SplitResult:
    """Read an address that events may be sent to.

    Raises:
        BadWebhook: It is none; the message says why.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BadWebhook(url, str(error)) from error
    for wrong, reason in (
        (parts.scheme not in _PORTS, "only http and https are spoken"),
        (not host, "it names no host"),
        (port == 0, "there is no port 0"),
        (parts.username or parts.password, "a name or password in it would show in lists"),
        (len(url) > _LONGEST, f"it is longer than {_LONGEST} characters"),
        (not url.isascii() or not url.isprintable() or " " in url, "write it in plain ASCII"),
    ):
        if wrong:
            shown = url if parts.password is None else url.replace(parts.password, "***")
            raise BadWebhook(shown, reason)
    with suppress(ValueError):
        _check(url, ip_address(str(host)))
    return parts


def shown(url: str) -> str:
    """Return an address without its path, which is often its password.

    >>> shown("https://hooks.example.org/T0/secret")
    'https://hooks.example.org/...'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/..."


def post(url: str, body: bytes, headers: Mapping[str, str], *, timeout: float) -> int:
    """Send an event and return the status that the receiver took it with.

    Raises:
        BadWebhook: The address is none, or its name leads to where no event may go.
        Undelivered: The receiver did not answer in time, or not with a 2xx status.
    """
    parts = check_address(url)
    try:
        status, reason = _send(parts, body, headers, timeout)
    except (OSError, http.client.HTTPException) as error:
        said = getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
        raise Undelivered(shown(url), said) from error
    if not 200 <= status < 300:
        aside = "; redirects are not followed" if 300 <= status < 400 else ""
        raise Undelivered(shown(url), f"it answered {status} {reason}{aside}", status)
    return status


def _send(
    parts: SplitResult, body: bytes, headers: Mapping[str, str], timeout: float
) -> tuple[int, str]:
    host, port = str(parts.hostname), parts.port or _PORTS[parts.scheme]
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    address = _look_up(parts.geturl(), host, port)
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    raw = socket.create_connection((address, port), timeout)
    # A receiver that answers one byte at a time is cut off when the time is over.
    timer = Timer(timeout, _cut_off, [raw])
    timer.daemon = True
    timer.start()
    try:
        secure = parts.scheme == "https"
        connection.sock = (
            ssl.create_default_context().wrap_socket(raw, server_hostname=host) if secure else raw
        )
        connection.request("POST", path, body, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.reason[:80]
    finally:
        timer.cancel()
        connection.close()
        raw.close()


def _look_up(url: str, host: str, port: int) -> str:
    """Return the address behind a name, if events may go to every one that it has."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
    for address in addresses:
        _check(url, ip_address(address))
    return addresses[0]


def _check(url: str, address: IPv4Address | IPv6Address) -> None:
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    odd = address.is_multicast or address.is_unspecified or address.is_reserved
    if address.is_link_local or str(address) in _METADATA or (odd and not address.is_loopback):
        raise BadWebhook(shown(url), f"{address} is an address where no receiver may be")


def _cut_off(raw: socket.socket) -> None:
    with suppress(OSError):
        raw.shutdown(socket.SHUT_RDWR)

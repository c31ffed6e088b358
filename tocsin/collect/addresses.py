"""One spelling for one web address, so that a shared link is known again."""

import re
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

_TRACKING = (
    "fbclid gclid gclsrc dclid gbraid wbraid msclkid twclid ttclid li_fat_id igshid igsh yclid "
    "ysclid mc_cid mc_eid mkt_tok _ga _gl _hsenc _hsmi vero_id oly_anon_id oly_enc_id wickedid "
    "ref ref_src ref_url referrer source_ref cmpid ncid xtor spm s_cid fb_action_ids "
    "fb_action_types fb_source __twitter_impression share_id"
)
TRACKING: Final = frozenset(_TRACKING.split())
"""Query parameters that say who shared a link, never what it shows."""

TRACKING_PREFIXES: Final = ("utm_", "pk_", "mtm_", "hsa_")

_BY_HOST: Final = {
    "twitter.com": frozenset({"s", "t"}),
    "x.com": frozenset({"s", "t"}),
    "youtube.com": frozenset({"si", "feature", "pp"}),
    "youtu.be": frozenset({"si", "feature"}),
}

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def canonical_url(url: str) -> str:
    """Spell an address one way: host in lower case, no default port, no tracking, sorted query.

    `http` and `https` count as the same page. A fragment stays (it may name one comment) unless it
    only tracks or highlights. Text that is not a web address comes back stripped, else unchanged.
    """
    url = url.strip()
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return url
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not host:
        return url
    if ":" in host:
        host = f"[{host}]"
    netloc = host if port is None or port in _DEFAULT_PORTS.values() else f"{host}:{port}"
    query = _clean_query(parts.query, host.removeprefix("www.").removeprefix("m."))
    path = _one_escape(parts.path) or "/"
    return urlunsplit(("https", netloc, path, query, _clean_fragment(parts.fragment)))


def _clean_query(query: str, host: str) -> str:
    here = _BY_HOST.get(host, frozenset())
    pairs = parse_qsl(query, keep_blank_values=True, errors="surrogateescape")
    kept = [(name, value) for name, value in pairs if not _tracks(name) and name not in here]
    kept.sort(key=lambda pair: pair[0])
    return urlencode(kept, errors="surrogateescape")


def _tracks(name: str) -> bool:
    name = name.lower()
    return name in TRACKING or name.startswith(TRACKING_PREFIXES)


def _clean_fragment(fragment: str) -> str:
    fragment = fragment.split(":~:", 1)[0]
    return "" if _tracks(fragment.split("=", 1)[0]) else _one_escape(fragment)


def _one_escape(text: str) -> str:
    """Escape what needs it, unescape what does not (RFC 3986 section 6.2.2)."""
    text = quote(text, safe="%/:@!$&'()*+,;=-._~?#[]", errors="surrogatepass")

    def settle(match: re.Match[str]) -> str:
        char = chr(int(match[1], 16))
        return char if char in _UNRESERVED else match[0].upper()

    return _ESCAPE.sub(settle, text)

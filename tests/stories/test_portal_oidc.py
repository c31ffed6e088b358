"""Signing in through an agency's own system (OpenID Connect), against a provider on this machine."""

from __future__ import annotations

import json
import threading
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client, override_settings

from tests.cast import Cast, make_cast
from tocsin.kernel.clock import SystemClock, VirtualClock
from tocsin.people.models import Account

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Provider:
    """What it says of whoever signs in there."""

    def __init__(self) -> None:
        self.url = ""
        self.claims: dict[str, Any] = {}
        self.nonce = ""

    def answer(self, path: str) -> dict[str, Any]:
        if path.endswith("/.well-known/openid-configuration"):
            parts = ("authorization", "token", "userinfo")
            made = {f"{p}_endpoint": f"{self.url}/{p}" for p in parts}
            return {**made, "issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        if path == "/keys":
            numbers = KEY.public_key().public_numbers()
            n = urlsafe_b64encode(numbers.n.to_bytes(256, "big")).rstrip(b"=").decode()
            return {
                "keys": [
                    {"kty": "RSA", "kid": "1", "alg": "RS256", "use": "sig", "n": n, "e": "AQAB"}
                ]
            }
        if path == "/userinfo":
            return self.claims
        now = int(SystemClock().now().timestamp())  # the library compares with the machine's
        claims = {**self.claims, "iss": self.url, "aud": "tocsin", "iat": now, "exp": now + 60}
        token = jwt.encode(claims, KEY, algorithm="RS256", headers={"kid": "1"})
        return {"access_token": "a", "token_type": "Bearer", "id_token": token}


@pytest.fixture
def provider() -> Iterator[Provider]:
    kept = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(kept.answer(urlsplit(self.path).path)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    app = {
        "provider_id": "agency",
        "name": "Metro police",
        "client_id": "tocsin",
        "secret": "s",
        "settings": {"server_url": kept.url},
    }
    with override_settings(SOCIALACCOUNT_PROVIDERS={"openid_connect": {"APPS": [app]}}):
        yield kept
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


def sign_in(client: Client, provider: Provider) -> Any:
    """As a browser does: press the button, come back from the agency with a code."""
    assert "Sign in with Metro police" in client.get("/accounts/login/").content.decode()
    away = client.post("/accounts/oidc/agency/login/").headers["Location"]
    assert away.startswith(f"{provider.url}/authorization?")
    state = parse_qs(urlsplit(away).query)["state"][0]
    back = "/accounts/oidc/agency/login/callback/"
    return client.get(back, {"code": "c", "state": state})


def test_somebody_with_an_account_here_signs_in_by_their_agency(
    cast: Cast, provider: Provider, client: Client
) -> None:
    provider.claims = {"sub": "1", "email": "mona@metro.example", "email_verified": True}
    sign_in(client, provider)
    assert client.session["_auth_user_id"] == str(cast.account("mona").pk)
    before = Account.objects.count()
    again = Client()
    sign_in(again, provider)
    assert again.session["_auth_user_id"] == str(cast.account("mona").pk)
    assert Account.objects.count() == before


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "nobody@nowhere.example", "email_verified": True},
        {"email": "mona@metro.example", "email_verified": False},
        {},
    ],
)
def test_nobody_else_does_and_no_account_is_made(
    cast: Cast, provider: Provider, client: Client, claims: dict[str, Any]
) -> None:
    provider.claims = {"sub": "2", **claims}
    before = Account.objects.count()
    sign_in(client, provider)
    assert "_auth_user_id" not in client.session
    assert Account.objects.count() == before

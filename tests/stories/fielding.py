"""A phone, as far as the server can tell: it makes a key, joins, and signs what it sends."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client

from tocsin.kernel import clock


def pack(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@dataclass
class Phone:
    """One phone and its key; `device` is '' until it has joined."""

    device: str = ""
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    @property
    def public(self) -> str:
        return pack(
            self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        )

    def sign(self, words: str) -> str:
        r, s = decode_dss_signature(self.key.sign(words.encode(), ec.ECDSA(SHA256())))
        return pack(r.to_bytes(32) + s.to_bytes(32))

    def join(self, code: str) -> tuple[int, dict[str, Any]]:
        proof = self.sign(f"tocsin-join\n{code}\n{self.public}")
        given = {"code": code, "key": self.public, "proof": proof}
        answer = self.client.post("/field/join", json.dumps(given), content_type="application/json")
        said = answer.json()
        self.device = said.get("device", self.device)
        return answer.status_code, said

    def token(self, at: datetime | None = None) -> str:
        seconds = int((at or clock.now()).timestamp())
        return f"{self.device}.{seconds}." + self.sign(f"tocsin-device\n{self.device}\n{seconds}")

    def headers(self) -> dict[str, str]:
        return {"authorization": f"Device {self.token()}"}

    def get(self, path: str) -> Any:
        return self.client.get(path, headers=self.headers())

    def send(self, *acts: dict[str, Any]) -> list[dict[str, Any]]:
        body = json.dumps({"acts": list(acts)})
        answer = self.client.post(
            "/field/acts", body, content_type="application/json", headers=self.headers()
        )
        assert answer.status_code == 200, answer.content
        done: list[dict[str, Any]] = answer.json()["done"]
        return done

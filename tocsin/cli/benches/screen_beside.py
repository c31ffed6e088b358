"""What others need for the same posts, in the interpreter that TOCSIN_BENCH_PEER_PYTHON names (`pip install intelmq
scikit-learn`): IntelMQ's parse and hash, scikit-learn's TF-IDF and logistic regression. One core, CPU time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tocsin.cli.benches import Measure

_POSTS = 20_000
_INTELMQ = """
import json, sys, time
from importlib.resources import files
from intelmq.lib.message import MessageFactory
fields = json.loads(files("intelmq").joinpath("etc/harmonization.conf").read_text())
lines = [json.loads(line) for line in sys.stdin]
raws = [json.dumps({"__type": "Event", "event_description.text": row["text"], "time.source": row["at"],
                    "source.account": row["user"]}) for row in lines]
began = time.process_time()
for raw in raws:
    MessageFactory.unserialize(raw, harmonization=fields).hash()
print(len(raws) / (time.process_time() - began))
"""
_SKLEARN = """
import json, sys, time
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
texts = [json.loads(line)["text"] for line in sys.stdin]
features = TfidfVectorizer(ngram_range=(1, 2))
model = LogisticRegression().fit(features.fit_transform(texts), [at % 100 == 0 for at in range(len(texts))])
began = time.process_time()
model.predict_proba(features.transform(texts))
print(len(texts) / (time.process_time() - began))
"""
_PEERS = (
    ("intelmq_parse_hash", _INTELMQ, "unserialise and hash, nothing screened"),
    ("sklearn_tfidf_lr", _SKLEARN, "words 1-2 only, nothing parsed, masked or explained"),
)


def beside(posts: Path, ours: float) -> Iterator[Measure]:
    """Posts a second of each peer, and how many times as many ours are; `ours` per core likewise."""
    python = os.environ.get("TOCSIN_BENCH_PEER_PYTHON", sys.executable)
    with posts.open("rb") as given:
        lines = b"".join(line for line, _ in zip(given, range(_POSTS), strict=False))
    for name, script, about in _PEERS:
        ran = subprocess.run([python, "-c", script], input=lines, capture_output=True, check=False)
        if ran.returncode:
            said = ran.stderr.decode(errors="replace").strip().splitlines()[-1:]
            told = f"not measured: {' '.join(said)[:160]}"
            yield Measure(f"screen.beside.{name}.skipped", 0, "", told)
            continue
        rate = float(msgspec.json.decode(ran.stdout))
        told = f"{_POSTS:,} of the same posts, one core; {about}"
        yield Measure(f"screen.beside.{name}", round(rate), "1/s", told)
        yield Measure(
            f"screen.beside.{name}.ratio", round(ours / rate, 2), "", "ours, all stages, per core"
        )

"""Other TAXII 2.1 servers on the same objects, each in an interpreter of its own, through its own test client.

Name an environment that has them in TOCSIN_BENCH_PEER_PYTHON (`pip install medallion opentaxii "sqlalchemy<2"`); what
is not there is said. Neither screens or records what it takes: medallion keeps it in memory, OpenTAXII in SQLite.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import msgspec

from tocsin.cli.benches import Measure

_BATCH, _READS = 1000, 50
_OBJECTS = {"medallion": 1000, "opentaxii": 10_000}
"""As many as can be waited for: the time of medallion's pages grows with the square of what is there."""
_PATIENCE_S = 600


def run(*, quick: bool = False) -> Iterator[Measure]:
    """Objects a second in POSTs of a thousand, then pages of a hundred by `next` (`quick`: of 1,000)."""
    python = os.environ.get("TOCSIN_BENCH_PEER_PYTHON", "")
    for name, total in _OBJECTS.items():
        yield from _measured(name, python, min(total, 1000) if quick else total)


def _measured(name: str, python: str, total: int) -> Iterator[Measure]:
    from tocsin.cli.benches.taxii import report  # noqa: PLC0415 - it uses this module

    if not python:
        said = "not measured: TOCSIN_BENCH_PEER_PYTHON is not set"
        yield Measure(f"taxii.{name}", 0, "", said)
        return
    given = {"batch": _BATCH, "reads": _READS, "objects": [report(n) for n in range(total)]}
    done = subprocess.run(
        [python, "-c", _FRAME + _SERVERS[name] + _LOAD],
        input=msgspec.json.encode(given),
        capture_output=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no word"]
        yield Measure(f"taxii.{name}", 0, "", f"not measured: {words[0][:200]}")
        return
    found = msgspec.json.decode(done.stdout.splitlines()[-1])
    said = f"{found['sent']:,} objects; {_KEPT[name]}"
    yield Measure(f"taxii.{name}.post.objects_per_s", found["post"], "1/s", said)
    yield Measure(f"taxii.{name}.page.p50", found["p50"], "ms", f"pages of 100; {said}")
    yield Measure(f"taxii.{name}.page.p95", found["p95"], "ms", f"pages of 100; {said}")


_KEPT = {"medallion": "kept in memory", "opentaxii": "kept in SQLite, signed in by token"}
_FRAME = """
import json, logging, os, sys, tempfile, time
given = json.load(sys.stdin)
media = "application/taxii+json;version=2.1"
folder = tempfile.TemporaryDirectory()
"""
_SERVERS = {
    "medallion": """
import base64
from medallion import application_instance as app, register_blueprints, set_config
cid = "91a7b528-80eb-42ed-a74d-c6fbd5a26116"
data = {
  "/discovery": {"title": "t", "default": "http://localhost/root/", "api_roots": ["http://localhost/root/"]},
  "root": {"information": {"title": "r", "versions": [media], "max_content_length": 104857600},
           "status": [], "collections": [{"id": cid, "title": "c", "can_read": True, "can_write": True,
           "media_types": ["application/stix+json;version=2.1"], "objects": [], "manifest": []}]}}
path = os.path.join(folder.name, "data.json")
json.dump(data, open(path, "w"))
backend = {"module": "medallion.backends.memory_backend", "module_class": "MemoryBackend", "filename": path}
for part, value in (("users", {"a": "b"}), ("taxii", {"max_page_size": 100}), ("backend", backend)):
    set_config(app, part, {part: value})
register_blueprints(app)
app.config["MAX_CONTENT_LENGTH"] = None
where = "/root/collections/%s/objects/" % cid
key = "Basic " + base64.b64encode(b"a:b").decode()
""",
    "opentaxii": """
from opentaxii.config import ServerConfig
from opentaxii.middleware import create_app
from opentaxii.server import TAXIIServer
json.JSONEncoder.default = lambda self, value: str(value)  # its answer to a POST holds a UUID, which json refuses
kinds = "opentaxii.%s.sqldb.%s"
def database(name, **more):
    return {"db_connection": "sqlite:///%s/%s.db" % (folder.name, name), "create_tables": True, **more}
server = TAXIIServer(ServerConfig(extra_configs=[{
  "domain": "localhost", "taxii1": None, "logging": {"opentaxii": "critical", "root": "critical"},
  "auth_api": {"class": kinds % ("auth", "SQLDatabaseAPI"),
               "parameters": database("auth", secret="s" * 32, token_ttl_secs=3600)},
  "taxii2": {"title": "t", "max_content_length": 104857600, "public_discovery": True,
             "persistence_api": {"class": kinds % ("persistence", "Taxii2SQLDatabaseAPI"),
                                 "parameters": database("data")}}}]))
app = create_app(server)
with app.app_context():
    api = server.servers.taxii2.persistence.api
    root = api.add_api_root(title="r", description="", default=True, is_public=False)
    made = api.add_collection(
        api_root_id=root.id, title="c", description="", alias="c", is_public=False, is_public_write=False)
    server.auth.api.create_account(username="a", password="b", is_admin=True)
    key = "Bearer " + server.auth.authenticate("a", "b")
where = "/taxii2/%s/collections/%s/objects/" % (root.id, made.id)
""",
}
_LOAD = """
logging.disable(logging.CRITICAL)
client, head = app.test_client(), {"Authorization": key, "Accept": media}
spent, sent, objects = 0.0, 0, given["objects"]
while sent < len(objects) and spent < 30:
    body = json.dumps({"objects": objects[sent:sent + given["batch"]]})
    began = time.perf_counter()
    answer = client.post(where, data=body, headers={**head, "Content-Type": media})
    spent += time.perf_counter() - began
    assert answer.status_code == 202, answer.data[:300]
    sent += given["batch"]
laps, query = [], "?limit=100"
while len(laps) < given["reads"] and sum(laps) < 30000:
    began = time.perf_counter()
    answer = client.get(where + query, headers=head)
    laps.append((time.perf_counter() - began) * 1000)
    assert answer.status_code == 200, answer.data[:300]
    page = json.loads(answer.data)
    query = "?limit=100&next=" + page["next"] if page.get("more") else "?limit=100"
laps.sort()
print(json.dumps({"post": round(sent / spent), "sent": sent, "p50": round(laps[len(laps) // 2], 1),
                  "p95": round(laps[int(.95 * len(laps))], 1)}), flush=True)
folder.cleanup()
os._exit(0)  # one of them leaves a thread behind that would never end
"""

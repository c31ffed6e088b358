"""The list of sources as ICD 206 asks for it: what, when posted, when captured, how good, and its hash.

What a source says travels only where its own marking lets it; when and by what kind of source it was seen
travels with every paper, but for what is marked RED: that says how much weight it bears, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import tzinfo

from tocsin.collect.models import Report
from tocsin.collect.terms import Reliability
from tocsin.formats.papers.paper import Reference
from tocsin.people.terms import Actor
from tocsin.record.terms import Tlp
from tocsin.warn import sources
from tocsin.warn.papers.words import local_time
from tocsin.warn.terms import Cited

_WIDTH = [t.value for t in (Tlp.RED, Tlp.AMBER_STRICT, Tlp.AMBER, Tlp.GREEN, Tlp.CLEAR)]
_KINDS = {"report": "Report", "situation": "Situation", "warning": "Warning"}
_HOW = {
    "feed": "open source feed",
    "mailbox": "letter by e-mail",
    "tip": "tip from the public",
    "api": "report by a partner's system",
    "file": "report handed in as a file",
}


def as_wide(tlp: str, label: str) -> bool:
    """Whether what is marked `tlp` may stand on a paper marked `label`."""
    if label not in _WIDTH:
        return tlp in _WIDTH
    return tlp in _WIDTH and _WIDTH.index(tlp) >= _WIDTH.index(label)


def listed(
    actor: Actor, cites: Mapping[str, Cited], label: str, keeper: str, zone: tzinfo
) -> Iterator[Reference]:
    """The sources of a paper, numbered in the order cited. `keeper` = the agency that has what is not shown."""
    seen = sources.pin(actor, cites)
    old = sources.outdated(cites)
    reports = Report.objects.in_bulk([i for i, c in cites.items() if c.kind == "report"])
    for number, (cite, cited) in enumerate(cites.items(), 1):
        shown = cite in seen and as_wide(seen[cite].tlp, label)
        said = []
        if report := reports.get(cite):
            said = list(described(report, zone)) if report.tlp != Tlp.RED else []
        said.append(
            f"version {cited.version}" if cited.kind != "warning" else f"edition {cited.version}"
        )
        said.append(f"TLP:{cited.tlp}" if shown else f"kept by {keeper}")
        if cite in old:
            said.append("changed, or no longer holds, since it was cited")
        yield Reference(
            number,
            _KINDS.get(cited.kind, "Source"),
            seen[cite].label if shown else "",
            tuple(said),
            cited.commitment,
        )


def described(report: Report, zone: tzinfo) -> Iterator[str]:
    """When and by what kind of source a report was seen, and how far that source is trusted."""
    yield _HOW.get(report.kind, report.kind)
    if report.posted_at:
        yield f"posted {local_time(report.posted_at, zone)}"
    yield f"captured {local_time(report.received_at, zone)}"
    if report.reliability in list(Reliability):
        letter = Reliability(report.reliability)
        yield f"source reliability {letter.value}, {letter.plain}"

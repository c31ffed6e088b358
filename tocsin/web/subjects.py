"""What an id stands for: its word, its page, and the act that answers a duty on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.urls import NoReverseMatch, reverse

from tocsin.deliver.models import Destination

_PAGES = {
    "rpt": ("report", "report"),
    "sit": ("situation", "situation"),
    "wrn": ("warning", "warning"),
    "rfi": ("rfi", "request for information"),
    "dis": ("dissent", "concern"),
    "op": ("operation", "operation"),
    "src": ("source", "source"),
    "dir": ("directory-checks", "directory"),
    "ref": ("refused", "refused input"),
    "dst": ("matrix", "delivery"),
    "hnd": ("shifts", "hand-over note"),
    "shf": ("shifts", "shift"),
    "rel": ("release", "redacted release"),
    "fnd": ("finding", "finding"),
    "inq": ("inquiry", "report of findings"),
    "pst": ("asof", "past moment"),
    "sar": ("sar", "suspicious activity report"),
    "cri": ("intelligence-entry", "entry of criminal intelligence"),
    "hld": ("hold", "legal hold"),
    "unm": ("unmasking", "request to look behind a mask"),
    "are": ("plan-subject", "place on the map"),
    "pos": ("plan-subject", "position with line of sight"),
    "zon": ("plan-subject", "zone to sweep"),
    "post": ("plan-subject", "post"),
    "chn": ("plan-subject", "channel"),
    "car": ("plan-subject", "radio or phone"),
    "gtw": ("plan-subject", "gateway"),
    "sgt": ("sighting", "sighting"),
    "qst": ("live-subject", "question"),
    "hlq": ("live-subject", "question whether to hold"),
    "abs": ("live-subject", "absence"),
    "inc": ("live-subject", "incident"),
}

_ACTS: Mapping[str, tuple[str, str]] = {
    # kind of duty -> what the button says, and the page that answers it ('' = the subject's own)
    "assess": ("Assess", "report"),
    "second_reading": ("Read", "report"),
    "settle": ("Settle", "report"),
    "read_sample": ("Read", "report"),
    "answer_tip": ("Answer", "report"),
    "assess_whole": ("Assess", "situation"),
    "draft_warning": ("Draft", "situation"),
    "finish_draft": ("Finish", "warning-edit"),
    "review": ("Review", "warning"),
    "review_after": ("Review", "warning"),
    "acknowledge": ("Acknowledge", "answer"),
    "reach_by_hand": ("Call", "matrix"),
    "check_directory": ("Check", "directory-checks"),
    "answer_rfi": ("Answer", "rfi"),
    "answer_dissent": ("Answer", "dissent"),
    "staff_watch": ("Plan", "shifts"),
    "mend_feed": ("Mend", "source"),
    "retry_refused": ("Look", "refused"),
    "correct_copies": ("Replace", "paper"),
    "update_plan": ("Update", "operation"),
    "test_radios": ("Test", "plan-comms"),
    "accept_position": ("Answer", "plan-positions"),
    "check_in_position": ("Check in", "plan-positions"),
    "cover_ground": ("Cover", "plan-sweeps"),
    "sweep_zone": ("Sweep", "plan-sweeps"),
    "acknowledge_sighting": ("Acknowledge", "sighting"),
    "reach_posts": ("Look", "sighting"),
    "fill_seat": ("Tell", "sighting"),
    "answer_question": ("Answer", "live-subject"),
    "decide_hold": ("Decide", "live-subject"),
    "cover_absence": ("Cover", "live-subject"),
    "approve_release": ("Read", "release"),
    "answer_finding": ("Put right", "finding"),
    "consider_finding": ("Answer", "operation"),
    "check_finding": ("Check", "finding"),
    "review_inquiry": ("Review", "inquiry"),
    "publish_inquiry": ("Publish", "inquiry"),
    "validate_or_purge": ("Decide", "retention"),
    "tell_recipients": ("Tell", "retention"),
    "decide_unmasking": ("Decide", "unmasking"),
    "review_look": ("Review", "unmasking"),
}
_BARE = {"refused", "shifts", "asof"}
"""Pages that list all of their kind, so that they take no id."""


def word(subject: str) -> str:
    """What a person calls it: `report`, `warning`; the prefix itself where it has no word."""
    return _PAGES.get(subject.partition("_")[0], ("", subject.partition("_")[0]))[1]


def subject_url(subject: str, *, warning: str = "") -> str:
    """The page of a subject, '' where it has none. `warning` = whose delivery a destination is."""
    name = _PAGES.get(subject.partition("_")[0], ("", ""))[0]
    if subject.startswith("dst_"):
        subject = warning
    return page(name, subject) if name else ""


def record_url(subject: str) -> str:
    """The record of a subject; '' for a person, whose record is nobody's reading, and for what has no id."""
    return page("record", subject) if "_" in subject and not subject.startswith("per_") else ""


def page(name: str, *args: str) -> str:
    """The address of a page by its name, '' where this installation has no such page."""
    try:
        return reverse(name, args=None if name in _BARE else args)
    except NoReverseMatch:
        return ""


def act_of(kind: str) -> str:
    """What the button says that answers a duty of this kind."""
    return _ACTS.get(kind, ("Open", ""))[0]


def answer_url(kind: str, subject: str, operation: str = "", *, warning: str = "") -> str:
    """Where a duty is answered; the record of its subject where its own page does not exist."""
    name = _ACTS.get(kind, ("", ""))[1]
    if name.startswith("plan-") and operation and (plan := page(name, operation)):
        return f"{plan}#{subject}"
    about = {"operation": operation, "answer": subject}.get(name, warning or subject)
    found = page(name, about) if name and about else ""
    return found or subject_url(subject, warning=warning) or page("record", subject)


def warnings_of(subjects: Iterable[str]) -> dict[str, str]:
    """Destination id -> warning id, for those among `subjects` that are destinations: one query."""
    wanted = [s for s in subjects if s.startswith("dst_")]
    if not wanted:
        return {}
    return dict(Destination.objects.filter(id__in=wanted).values_list("id", "warning"))

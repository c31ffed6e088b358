"""Assessments, situations, alarms, dissent and requests for information. Texts lie in the vault."""

from __future__ import annotations

from django.db import models

from tocsin.record.models import Marked, Projection


class Assessment(Projection, Marked):
    """One reader's decision on a report (and on its open near-copies). Never changed, at most
    undone.

    `recommended` and `threshold` are what the rules said; `content` is the vault id of reason,
    facts, basis and departure. `effects` is what the decision set off, so that it can be undone:
    {"closed", "opened" (duty ids), "situation", "made_situation", "retention" (report → earlier
    date)}.
    """

    id = models.TextField(primary_key=True)
    report = models.TextField()
    report_version = models.IntegerField(default=1)
    reading = models.TextField()
    person = models.TextField()
    decided_at = models.DateTimeField()
    speech = models.TextField()
    specifics = models.JSONField(default=list)
    behaviours = models.JSONField(default=list)
    reliability = models.TextField(default="F")
    credibility = models.IntegerField(default=6)
    likelihood = models.TextField(default="")
    likelihood_percent = models.IntegerField(null=True)
    confidence = models.TextField(default="")
    disposition = models.TextField()
    recommended = models.TextField()
    threshold = models.TextField()
    departed = models.BooleanField(default=False)
    second = models.TextField(default="none")
    content = models.TextField()
    covers = models.JSONField(default=list)
    effects = models.JSONField(default=dict)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["report", "decided_at"], name="assess_assessment_report"),
            models.Index(fields=["decided_at"], name="assess_assessment_when"),
            models.Index(fields=["person", "decided_at"], name="assess_assessment_person"),
        ]


class Standing(Projection, Marked):
    """How far the assessment of a report is; a row exists from the first decision on.

    `stage` as in `terms.Stage`; `disposition` and `speech` are those in force ('' while a second
    reading or a settlement is owed); `first` and `second` are assessment ids, `first_reader` and
    `second_reader` people.
    """

    report = models.TextField(primary_key=True)
    stage = models.TextField()
    disposition = models.TextField(default="")
    speech = models.TextField(default="")
    first = models.TextField(default="")
    first_reader = models.TextField(default="")
    second = models.TextField(default="")
    second_reader = models.TextField(default="")
    settled = models.TextField(default="")
    needs_more = models.IntegerField(default=0)
    changed_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["operation", "speech"], name="assess_standing_speech"),
            models.Index(
                fields=["first_reader"],
                name="assess_standing_second",
                condition=models.Q(stage="SECOND_READING"),
            ),
        ]


class Situation(Projection, Marked):
    """What belongs together for one operation: the whole picture (one per operation), or an
    analyst's topic.

    `seen` = {category: time last seen}; `alarmed` = categories of the last alarm; `k` and `alarms`
    count. `version` grows with every act of a person and with every alarm, not with each report
    counted.
    """

    id = models.TextField(primary_key=True)
    kind = models.TextField()
    title = models.TextField()
    state = models.TextField(default="OPEN")
    version = models.IntegerField(default=1)
    categories = models.JSONField(default=list)
    seen = models.JSONField(default=dict)
    alarmed = models.JSONField(default=list)
    alarms = models.IntegerField(default=0)
    alarm_at = models.DateTimeField(null=True)
    reports = models.IntegerField(default=0)
    k = models.IntegerField(default=0)
    opened_by = models.TextField()
    opened_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    warning = models.TextField(default="")

    class Meta:
        indexes = [
            models.Index(fields=["state", "changed_at"], name="assess_situation_state"),
        ]


class Membership(Projection):
    """A report in a topic. The whole picture has no memberships: every report of its operation
    belongs.
    """

    pk = models.CompositePrimaryKey("situation", "report")
    situation = models.TextField()
    report = models.TextField(db_index=True)
    added_by = models.TextField()
    added_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)


class Sign(Projection):
    """How many reports of an operation showed a kind of sign on a day (UTC): the chart of the
    picture.
    """

    pk = models.CompositePrimaryKey("operation", "day", "category")
    operation = models.TextField()
    day = models.TextField()
    category = models.TextField()
    reports = models.IntegerField(default=0)


class Hour(Projection):
    """How many reports of an operation showed a kind of sign in an hour (UTC, "2021-01-05T17"); category '' = all of
    them, each once. What the surge test reads.
    """

    pk = models.CompositePrimaryKey("operation", "hour", "category")
    operation = models.TextField()
    hour = models.TextField()
    category = models.TextField()
    reports = models.IntegerField(default=0)


class Surge(Projection, Marked):
    """Far more reports of a kind came in an hour than usual for that hour: `usual` and `bar` are counts, as they were
    when it was raised; category '' = of all kinds.
    """

    id = models.TextField(primary_key=True)
    situation = models.TextField(db_index=True)
    category = models.TextField()
    hour = models.TextField()
    count = models.IntegerField()
    usual = models.IntegerField()
    bar = models.IntegerField()
    raised_at = models.DateTimeField()


class Alarm(Projection, Marked):
    """The k-of-n alarm rang: when, on which kinds of sign, and which of them made it ring."""

    id = models.TextField(primary_key=True)
    situation = models.TextField(db_index=True)
    raised_at = models.DateTimeField()
    reason = models.TextField()
    k = models.IntegerField()
    categories = models.JSONField(default=list)
    added = models.JSONField(default=list)


class Whole(Projection, Marked):
    """An assessment of a situation as a whole. `content` is the vault id of text, basis and
    reason.
    """

    id = models.TextField(primary_key=True)
    situation = models.TextField(db_index=True)
    person = models.TextField()
    at = models.DateTimeField()
    decision = models.TextField()
    likelihood = models.TextField()
    likelihood_percent = models.IntegerField()
    confidence = models.TextField()
    categories = models.JSONField(default=list)
    content = models.TextField()


class Dissent(Projection, Marked):
    """A concern filed on the record; it owes an answer by somebody else."""

    id = models.TextField(primary_key=True)
    about = models.TextField(db_index=True)
    person = models.TextField()
    person_agency = models.TextField()
    owner_agency = models.TextField()
    filed_at = models.DateTimeField()
    state = models.TextField(default="OPEN")
    version = models.IntegerField(default=1)
    content = models.TextField()
    answer = models.TextField(default="")
    answered_by = models.TextField(default="")
    answered_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["state", "filed_at"], name="assess_dissent_state")]


class Rfi(Projection, Marked):
    """A request for information, with a due date. `extensions` = [{"at", "by", "due_at", "reason"
    (vault)}].
    """

    id = models.TextField(primary_key=True)
    about = models.TextField(default="", db_index=True)
    person = models.TextField()
    person_agency = models.TextField()
    to_agency = models.TextField()
    to_role = models.TextField()
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()
    state = models.TextField(default="OPEN")
    version = models.IntegerField(default=1)
    content = models.TextField()
    answer = models.TextField(default="")
    answered_by = models.TextField(default="")
    answered_at = models.DateTimeField(null=True)
    extensions = models.JSONField(default=list)

    class Meta:
        indexes = [models.Index(fields=["state", "due_at"], name="assess_rfi_state")]

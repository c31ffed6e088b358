"""Sources, reports, refused input, tips and counts.

Content (texts, addresses, authors, contacts) lies in the vault; these rows hold its ids. What identifies a post
or its author is a keyed pseudonym (HMAC), so that no row confirms a guess once the content is forgotten.
"""

from __future__ import annotations

from django.db import models

from tocsin.record.models import Marked, Projection


class Source(Projection, Marked):
    """Where reports come from, by what authority and for what purpose. `agency` owns what it brings in.

    `config` = settings of its connector, never a secret. `scope` = the limits of the charter as JSON. `operation` is
    the one it collects for ('' = found by the operations' words). `health*` as last put on the record.
    """

    id = models.TextField(primary_key=True)
    kind = models.TextField()
    name = models.TextField()
    authority = models.TextField()
    purpose = models.TextField()
    scope = models.JSONField(default=dict)
    valid_from = models.DateTimeField(null=True)
    valid_until = models.DateTimeField(null=True)
    retention_days = models.IntegerField()
    reliability = models.TextField(default="F")
    config = models.JSONField(default=dict)
    every_s = models.IntegerField(default=300)
    state = models.TextField(default="ACTIVE")
    health = models.TextField(default="never_fetched")
    health_reason = models.TextField(default="")
    health_since = models.DateTimeField(null=True)
    added_at = models.DateTimeField()
    version = models.IntegerField(default=1)


class Report(Projection, Marked):
    """One flagged post, letter or tip. An edited post is a new `version` of the same report.

    `content` = vault id of the masked {"text", "why", "site"}; `original` = vault id (sealed) of what came in: text,
    title, url, author, thread, extra. `spans` = [[start, end, "indicator@version", category]] into the masked text.
    `flagged` False = the newest version was edited into something harmless; its text is not kept, and `content` is
    that of the last flagged version. `edited_at` = when a later version was taken in.

    `group` = near-copies with the same marking. The copy that owes the answer carries the duty `assess` and has
    in `group_size` how many there are so far; a copy that joined it has in `leader` the id of that report.
    """

    id = models.TextField(primary_key=True)
    version = models.IntegerField(default=1)
    source = models.TextField()
    kind = models.TextField(default="file")
    identity = models.TextField()
    content_hash = models.TextField()
    content = models.TextField()
    original = models.TextField()
    author = models.TextField(default="")
    thread = models.TextField(default="")
    lang = models.TextField(default="")
    posted_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()
    edited_at = models.DateTimeField(null=True)
    score = models.IntegerField(default=0)
    precedence = models.TextField(default="ROUTINE")
    flagged = models.BooleanField(default=True)
    indicators = models.JSONField(default=list)
    categories = models.JSONField(default=list)
    lowered_by = models.JSONField(default=list)
    spans = models.JSONField(default=list)
    catalogue = models.TextField(default="")
    model_version = models.TextField(default="", db_default="")
    chance = models.IntegerField(default=0, db_default=0)
    stage = models.TextField(default="", db_default="")
    sample = models.BooleanField(default=False, db_default=False)
    group = models.TextField()
    group_size = models.IntegerField(default=1)
    leader = models.TextField(default="")
    state = models.TextField(default="OPEN")
    reliability = models.TextField(default="F")
    authority = models.TextField(default="")
    purpose = models.TextField(default="")
    retention_until = models.DateTimeField()
    seen_count = models.IntegerField(default=1)
    last_seen = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "identity"], name="collect_report_same")
        ]
        indexes = [
            models.Index(fields=["group"], name="collect_report_group"),
            models.Index(
                fields=["thread"], name="collect_report_thread", condition=~models.Q(thread="")
            ),
            models.Index(fields=["operation", "received_at"], name="collect_report_operation"),
            models.Index(fields=["source", "received_at"], name="collect_report_source"),
            models.Index(fields=["agency", "received_at"], name="collect_report_agency"),
            models.Index(fields=["retention_until"], name="collect_report_retention"),
        ]


class Version(Projection):
    """What an earlier version of an edited report said: vault ids, and why it was flagged then."""

    pk = models.CompositePrimaryKey("report", "version")
    report = models.TextField()
    version = models.IntegerField()
    at = models.DateTimeField()
    content = models.TextField(default="")
    original = models.TextField(default="")
    flagged = models.BooleanField(default=True)
    score = models.IntegerField(default=0)
    precedence = models.TextField(default="ROUTINE")
    categories = models.JSONField(default=list)
    spans = models.JSONField(default=list)


class Group(Projection, Marked):
    """Near-copies with one marking. `leader` = the report that owes the answer, `seed` = vault id of the first text."""

    id = models.TextField(primary_key=True)
    seed = models.TextField()
    leader = models.TextField()
    size = models.IntegerField(default=1)
    opened_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["agency", "opened_at"], name="collect_group_opened")]


class Tally(Projection):
    """Counts by source and hour (UTC, the hour of arrival): all that is ever kept of what was not flagged."""

    pk = models.CompositePrimaryKey("source", "hour")
    source = models.TextField()
    hour = models.DateTimeField(db_index=True)
    screened = models.IntegerField(default=0)
    flagged = models.IntegerField(default=0)
    joined = models.IntegerField(default=0)
    revised = models.IntegerField(default=0)
    seen_again = models.IntegerField(default=0)
    refused = models.IntegerField(default=0)
    outside = models.IntegerField(default=0)


class Outside(Projection):
    """What was not taken in, by reason and day (UTC): outside the limits of the source, or refused."""

    pk = models.CompositePrimaryKey("source", "day", "reason")
    source = models.TextField()
    day = models.TextField()
    reason = models.TextField()
    items = models.IntegerField(default=0)


class Refusal(Projection, Marked):
    """Input that could not be taken in, kept until somebody looks. `content` = vault id of {"where", "reason", "cure"};
    `raw` = vault id (sealed) of the input itself. `why` names the check it failed at."""

    id = models.TextField(primary_key=True)
    source = models.TextField()
    field = models.TextField(default="")
    why = models.TextField(default="unreadable")
    content = models.TextField()
    raw = models.TextField(default="")
    received_at = models.DateTimeField()
    retention_until = models.DateTimeField()
    state = models.TextField(default="OPEN")
    version = models.IntegerField(default=1)
    outcome = models.TextField(default="")
    closed_by = models.TextField(default="")
    closed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "collect_refused"
        indexes = [
            models.Index(
                fields=["agency", "received_at"],
                name="collect_refused_open",
                condition=models.Q(state="OPEN"),
            ),
            models.Index(fields=["source", "received_at"], name="collect_refused_source"),
        ]


class Tip(Projection, Marked):
    """A tip's way back to whoever gave it: `code` = hash of the receipt code; `contact` = vault id (sealed) or ''."""

    report = models.TextField(primary_key=True)
    code = models.TextField(unique=True)
    contact = models.TextField(default="")
    given_at = models.DateTimeField()
    retention_until = models.DateTimeField()


class TipQuestion(Projection):
    """A follow-up question to whoever gave a tip, or (with `question` '') something they added unasked."""

    id = models.TextField(primary_key=True)
    report = models.TextField(db_index=True)
    question = models.TextField(default="")
    asked_by = models.TextField(default="")
    asked_at = models.DateTimeField(null=True)
    answer = models.TextField(default="")
    answered_at = models.DateTimeField(null=True)
    read_by = models.TextField(default="")
    read_at = models.DateTimeField(null=True)


class Budget(Projection, Marked):
    """How many reports a shift of an agency can read for an operation ('' = for none), and the line that fills it.

    `line` = the score (0..1000) from which a text is flagged; `expected` = reports a shift at that line, as reckoned
    when it was moved last; `share` = of a thousand near misses, how many are drawn as samples.
    """

    pk = models.CompositePrimaryKey("agency", "operation")
    a_shift = models.IntegerField()
    version = models.IntegerField(default=1)
    set_by = models.TextField()
    set_at = models.DateTimeField()
    line = models.IntegerField()
    expected = models.IntegerField(default=0)
    share = models.IntegerField(default=0)
    why = models.TextField(default="")
    moved_at = models.DateTimeField()


class Sample(Projection, Marked):
    """A near miss drawn by lot: what it scored against which line, how likely it was to be drawn (`share`, of a
    thousand), who read it, and whether it mattered. The text is forgotten with the reading unless it did."""

    report = models.TextField(primary_key=True)
    score = models.IntegerField()
    line = models.IntegerField()
    share = models.IntegerField()
    drawn_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    read_by = models.TextField(default="")
    mattered = models.BooleanField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["agency", "operation", "read_at"], name="collect_sample_read")
        ]


class Models(Projection):
    """Models refitted on this site's decisions, by version (a hash of everything in them), and who promoted them.

    `against` = the version they were compared with; `figures` = whole numbers; `better` = they may be promoted;
    `reason` = vault id.
    """

    id = models.TextField(primary_key=True)
    against = models.TextField()
    decisions = models.IntegerField()
    figures = models.JSONField(default=dict)
    better = models.BooleanField()
    learned_at = models.DateTimeField()
    promoted_at = models.DateTimeField(null=True)
    promoted_by = models.TextField(default="")
    reason = models.TextField(default="")


class Band(models.Model):
    """How many texts scored how high, by hour and leading sign: counts only, of a fortnight. Operational: losing them
    means that the line stands still until a few hours are counted again. `band` = least score of twenty."""

    pk = models.CompositePrimaryKey("agency", "operation", "hour", "band", "sign")
    agency = models.TextField()
    operation = models.TextField()
    hour = models.DateTimeField(db_index=True)
    band = models.IntegerField()
    sign = models.TextField()
    texts = models.IntegerField(default=0)


class Progress(models.Model):
    """Where each reading of a source was left off, and when the next is due. Operational, off the record: losing it
    means reading the source again from the start, which adds nothing that is stored already."""

    pk = models.CompositePrimaryKey("source", "what")
    source = models.TextField()
    what = models.TextField(default="")
    cursor = models.JSONField(default=dict)
    next_at = models.DateTimeField(null=True)
    claimed_until = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["next_at"], name="collect_progress_next")]


class Run(models.Model):
    """One attempt to read a source, for the health page. Operational: the last few hundred a source are kept."""

    id = models.BigAutoField(primary_key=True)
    source = models.TextField()
    what = models.TextField(default="")
    at = models.DateTimeField()
    took_ms = models.IntegerField(default=0)
    state = models.TextField()
    reason = models.TextField(default="")
    permanence = models.TextField(default="")
    note = models.TextField(default="")
    items = models.IntegerField(default=0)
    refused = models.IntegerField(default=0)
    flagged = models.IntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["source", "at"], name="collect_run_source")]


class Visit(models.Model):
    """How often the tip page was used from one (hashed, daily re-keyed) address in an hour. Operational."""

    pk = models.CompositePrimaryKey("visitor", "hour")
    visitor = models.TextField()
    hour = models.DateTimeField(db_index=True)
    count = models.IntegerField(default=0)

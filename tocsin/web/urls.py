"""Every page's address."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("api/v1/", include("tocsin.api.urls")),
    path("taxii2/", include("tocsin.api.taxii.urls")),
    path("", include("tocsin.web.pages.doors")),
    path("accounts/", include("allauth.urls")),
    path("", include("tocsin.web.pages.owed")),
    path("", include("tocsin.web.pages.queue")),
    path("", include("tocsin.web.pages.situations")),
    path("", include("tocsin.web.pages.warnings")),
    path("", include("tocsin.web.pages.papers")),
    path("", include("tocsin.web.pages.receipts")),
    path("", include("tocsin.web.pages.portal")),
    path("", include("tocsin.web.pages.directory")),
    path("", include("tocsin.web.pages.sources")),
    path("", include("tocsin.web.pages.reading")),
    path("", include("tocsin.web.pages.sharing")),
    path("", include("tocsin.web.pages.tips")),
    path("", include("tocsin.web.pages.record")),
    path("", include("tocsin.web.pages.retention")),
    path("", include("tocsin.web.pages.holds")),
    path("", include("tocsin.web.pages.stores")),
    path("", include("tocsin.web.pages.unmasking")),
    path("", include("tocsin.web.pages.tlog")),
    path("", include("tocsin.web.pages.timeline")),
    path("", include("tocsin.web.pages.asof")),
    path("", include("tocsin.web.pages.releases")),
    path("", include("tocsin.web.pages.findings")),
    path("", include("tocsin.web.pages.plan_map")),
    path("", include("tocsin.web.pages.plan_ground")),
    path("", include("tocsin.web.pages.plan_positions")),
    path("", include("tocsin.web.pages.plan_sweeps")),
    path("", include("tocsin.web.pages.plan_posts")),
    path("", include("tocsin.web.pages.plan_comms")),
    path("", include("tocsin.web.pages.plan_channels")),
    path("", include("tocsin.web.pages.plan_forms")),
    path("", include("tocsin.web.pages.plan_brief")),
    path("", include("tocsin.web.pages.plan_ready")),
    path("", include("tocsin.web.pages.field")),
    path("", include("tocsin.web.pages.field_devices")),
    path("", include("tocsin.web.pages.board")),
    path("", include("tocsin.web.pages.board_setup")),
    path("", include("tocsin.web.pages.after")),
    path("", include("tocsin.web.pages.search")),
    path("", include("tocsin.web.pages.people")),
    path("", include("tocsin.web.pages.welcome")),
    path("", include("tocsin.web.pages.admin")),
]

handler400 = "tocsin.web.pages.errors.bad_request"
handler403 = "tocsin.web.pages.errors.forbidden"
handler404 = "tocsin.web.pages.errors.not_found"
handler500 = "tocsin.web.pages.errors.broken"

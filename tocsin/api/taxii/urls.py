"""Where TAXII's endpoints are: below `/taxii2/`, each with its trailing slash."""

from __future__ import annotations

from django.urls import path

from tocsin.api.taxii import views
from tocsin.api.taxii.door import door

_ONE = "root/collections/<str:collection_id>/"
_OBJECT = f"{_ONE}objects/<str:object_id>/"

urlpatterns = [
    path("", door(get=views.discovery), name="taxii"),
    path("root/", door(get=views.api_root)),
    path("root/status/<str:status_id>/", door(get=views.status)),
    path("root/collections/", door(get=views.collections)),
    path(_ONE, door(get=views.collection)),
    path(f"{_ONE}manifest/", door(get=views.manifest)),
    path(f"{_ONE}objects/", door(get=views.objects, post=views.add)),
    path(_OBJECT, door(get=views.one, delete=views.remove)),
    path(f"{_OBJECT}versions/", door(get=views.versions)),
]

"""Who a session cookie belongs to, for the part of the web that runs beside Django."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from importlib import import_module

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.db import close_old_connections
from django.utils.crypto import constant_time_compare

from tocsin.people.models import Account
from tocsin.people.store import actor_of
from tocsin.people.terms import Actor


def actor_of_cookies(header: str) -> Actor | None:
    """The actor of a Cookie header's session; None when it is missing, ended or its account inactive."""
    try:
        cookie = SimpleCookie(header).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return None
    if cookie is None:
        return None
    try:
        session = import_module(settings.SESSION_ENGINE).SessionStore(cookie.value)
        if SESSION_KEY not in session or BACKEND_SESSION_KEY not in session:
            return None
        account = Account.objects.filter(pk=session[SESSION_KEY], is_active=True).first()
        if account is None:
            return None
        expected = account.get_session_auth_hash()
        if not constant_time_compare(session.get(HASH_SESSION_KEY, ""), expected):
            return None
        return actor_of(account)
    finally:
        close_old_connections()

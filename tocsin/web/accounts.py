"""How allauth behaves here: nobody signs themselves up; an administrator adds people."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import LoginForm as AllauthLoginForm
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


class LoginForm(AllauthLoginForm):  # type: ignore[misc]  # allauth ships no types
    """Signing in, in our words."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = "User name or e-mail"


class AgencySignIn(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Signing in through an agency's own system (OpenID Connect): for those who have an account here already."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return False

"""Django's settings, derived from ours. Plain values: importing this module needs no Django."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from tocsin.kernel import settings as _settings

_s = _settings.current()


def database(url: str, *, pool: bool = False) -> dict[str, object]:
    """Django's form of a PostgreSQL URL (host and port may stand in the query, as for a socket).

    `pool`: for the web server, where each request has a thread of its own; elsewhere a thread keeps its
    connection.
    """
    parts = urlsplit(url)
    query = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or query.get("host", "")),
        "PORT": str(parts.port or query.get("port", "")),
        "CONN_MAX_AGE": 0 if pool else None,
        "CONN_HEALTH_CHECKS": True,  # a database that was started again costs nobody an error
        "OPTIONS": {
            "options": "-c timezone=UTC -c jit=off",
            **({"pool": {"min_size": 2, "max_size": 20, "timeout": 5}} if pool else {}),
        },
    }


SECRET_KEY = _settings.secret(_s, "secret_key")
DEBUG = _s.debug
ALLOWED_HOSTS = list(_s.allowed_hosts)
CSRF_TRUSTED_ORIGINS = [_s.base_url]
DATABASES = {"default": database(_s.database_url)} if _s.database_url else {}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "tocsin.web.urls"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024
STATIC_URL = "/static/"
APPEND_SLASH = False

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "tocsin.record",
    "tocsin.people",
    "tocsin.duties",
    "tocsin.collect",
    "tocsin.screen",
    "tocsin.assess",
    "tocsin.warn",
    "tocsin.deliver",
    "tocsin.exchange",
    "tocsin.plan",
    "tocsin.operate",
    "tocsin.retain",
    "tocsin.oversee",
    "tocsin.web",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
]
MIDDLEWARE = [
    "tocsin.web.down.DownMiddleware",
    "tocsin.api.problems.ProblemMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "tocsin.web.middleware.TocsinMiddleware",
    "tocsin.web.looking.LookingMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tocsin.web.context.shell",
            ]
        },
    }
]
AUTH_USER_MODEL = "people.Account"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*"]
ACCOUNT_FORMS = {"login": "tocsin.web.accounts.LoginForm"}
ACCOUNT_SESSION_REMEMBER = False  # a watch floor shares its computers
ACCOUNT_ADAPTER = "tocsin.web.accounts.AccountAdapter"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = _s.base_url.startswith(
    ("http://127.0.0.1", "http://localhost")
)
SOCIALACCOUNT_ADAPTER = "tocsin.web.accounts.AgencySignIn"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = (
    True  # an account here is known by the address its agency vouches for
)
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "APPS": [
            {
                "provider_id": "agency",
                "name": _s.oidc_name,
                "client_id": _s.oidc_client_id,
                "secret": _s.oidc_client_secret,
                "settings": {"server_url": _s.oidc_issuer},
            }
        ]
        if _s.oidc_issuer
        else []
    }
}
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _s.base_url.startswith("https://")
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 13 * 3600  # one 12-hour shift and its hand-over
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "font-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
if _s.smtp_host:
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST, EMAIL_PORT = _s.smtp_host, _s.smtp_port
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _s.smtp_user, _s.smtp_password
    EMAIL_USE_TLS = _s.smtp_starttls
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = str(_s.data_dir / "mail")
DEFAULT_FROM_EMAIL = _s.mail_from
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "filters": {"one_line": {"()": "tocsin.web.down.OneLine"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["one_line"]}
    },
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"tocsin": {"level": "INFO"}},
}

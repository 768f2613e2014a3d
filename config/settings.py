"""Winnow's settings: every one comes from the environment, is typed, and fails loudly when it is wrong.

With no DATABASE_URL and no REDIS_URL, Winnow starts its own PostgreSQL and Valkey under var/.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
if (BASE_DIR / ".env").is_file():
    env.read_env(BASE_DIR / ".env")

DEBUG: bool = env.bool("DEBUG", default=False)
LOG_LEVEL: str = env.str("LOG_LEVEL", default="INFO")
TIME_ZONE: str = env.str("TIME_ZONE", default="UTC")
DATA_DIR = Path(env.str("WINNOW_DATA_DIR", default=str(BASE_DIR / "var" / "data"))).resolve()
ADAPTERS_URL: str = env.str("ADAPTERS_URL", default="").rstrip("/")
if ADAPTERS_URL and "://" not in ADAPTERS_URL:
    raise ImproperlyConfigured(f"ADAPTERS_URL: expected a URL such as s3://bucket/adapters, got {ADAPTERS_URL!r}")

TRAINING_PROCESSES: int = env.int("TRAINING_PROCESSES", default=1)
if TRAINING_PROCESSES < 1:
    raise ImproperlyConfigured(f"TRAINING_PROCESSES: expected 1 or more, got {TRAINING_PROCESSES}")
TRAINING_LAUNCH: str = env.str("TRAINING_LAUNCH", default="ddp")
if TRAINING_LAUNCH not in ("ddp", "fsdp", "deepspeed"):
    raise ImproperlyConfigured(f"TRAINING_LAUNCH: expected ddp, fsdp or deepspeed, got {TRAINING_LAUNCH!r}")

SCORING_ENGINE: str = env.str("SCORING_ENGINE", default="auto")
if SCORING_ENGINE not in ("auto", "plain", "torch"):
    raise ImproperlyConfigured(f"SCORING_ENGINE: expected auto, plain or torch, got {SCORING_ENGINE!r}")


def _service_urls() -> tuple[str, str, bool]:
    """Return the database URL, the broker URL, and whether both are embedded."""
    database_url: str = env.str("DATABASE_URL", default="")
    redis_url: str = env.str("REDIS_URL", default="")
    if database_url and redis_url:
        return database_url, redis_url, False
    if database_url or redis_url:
        missing = "REDIS_URL" if database_url else "DATABASE_URL"
        raise ImproperlyConfigured(
            f"{missing} is not set. Set both DATABASE_URL and REDIS_URL, or neither: "
            "with neither, Winnow starts its own PostgreSQL and Valkey."
        )
    from config.embedded import ensure_services

    services = ensure_services(BASE_DIR)
    return services.database_url, services.redis_url, True


DATABASE_URL, REDIS_URL, EMBEDDED = _service_urls()


def _secret_key() -> str:
    """Return SECRET_KEY, or, for an embedded or debugging site, one kept in var/ that never leaves the machine."""
    given: str = env.str("SECRET_KEY", default="")
    if given:
        return given
    if not (DEBUG or EMBEDDED):
        raise ImproperlyConfigured(
            "SECRET_KEY is not set. Make one: python -c 'import secrets; print(secrets.token_urlsafe(50))'"
        )
    path = BASE_DIR / "var" / "secret_key"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        # Whole or not there at all, whoever else starts at the same moment.
        written = path.with_name(f"secret_key.{os.getpid()}")
        written.touch(mode=0o600)
        written.write_text(secrets.token_urlsafe(50))
        with suppress(FileExistsError):
            path.hardlink_to(written)
        written.unlink()
    return path.read_text()


SECRET_KEY = _secret_key()
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "labeling",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "csp",
    "django_htmx",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "labeling.language.speak_the_readers_language",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "labeling.views.home.explain_wrong_method",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": env.db_url_config(DATABASE_URL)}
DATABASES["default"] |= {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}
if env.bool("DATABASE_PREPARE", default=True):
    # PostgreSQL plans a statement that comes again once a connection, and not each time: half of what it does here.
    DATABASES["default"]["OPTIONS"] = {
        "server_side_binding": True,
        "prepare_threshold": 2,
        **DATABASES["default"].get("OPTIONS", {}),
    }

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "labeling.User"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
# A session is in the database, and read from Valkey: one query less in every request, and nobody is signed out when
# Valkey starts anew or does not answer (config/sessions.py).
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "winnow",
        "OPTIONS": {
            "serializer": "config.plain_cache.JSONSerializer",
            "socket_timeout": 1,
            "socket_connect_timeout": 1,
        },
    }
}
SESSION_ENGINE = "config.sessions"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_NAME = "winnow_session"
CSRF_COOKIE_NAME = "winnow_csrf"

# The pages speak the language that a person chose on their account page; else that of the cookie, which the switch
# on the sign-in page sets; else the browser's. The words are in locale/, compiled and committed (`make words`).
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("es", "Español"), ("ja", "日本語")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["config.formats"]
LANGUAGE_COOKIE_NAME = "winnow_language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "var" / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
if DEBUG or EMBEDDED:
    # Straight from the sources. A deployment runs collectstatic instead, and gets hashed names to cache for good.
    WHITENOISE_USE_FINDERS = True
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)
else:
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }

# Content security: nothing inline, nothing from elsewhere, pictures from the configured hosts only.
IMAGE_HOSTS: list[str] = env.list("IMAGE_HOSTS", default=[])
for host in IMAGE_HOSTS:
    if urlsplit(host).scheme not in ("http", "https") or not urlsplit(host).netloc:
        raise ImproperlyConfigured(f"IMAGE_HOSTS: {host!r} is not an origin such as https://images.example.com")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, *IMAGE_HOSTS],
        "connect-src": [SELF],
        "font-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
if env.bool("SECURE", default=False):  # behind TLS
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    LANGUAGE_COOKIE_SECURE = True


def _broker_url(redis_url: str) -> str:
    """Return the URL as Celery writes it: unix:///path?db=1 is redis+socket:///path?virtual_host=1 there."""
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    database = parse_qs(parts.query).get("db", ["0"])[0]
    return f"redis+socket://{parts.path}?virtual_host={database}"


# Jobs say how they are in their rows, so no results are kept. A task is acknowledged when it has ended, so that
# one whose worker dies comes again; each can run twice.
CELERY_BROKER_URL = _broker_url(REDIS_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 24 * 3600}  # longer than the longest training
CELERY_TIMEZONE = TIME_ZONE

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
}

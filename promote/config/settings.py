"""Settings: the one place that reads the environment. Rules get what they need as arguments."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from environs import Env

from promote.config import private_log
from promote.keys import keyring
from promote.unforeseen import Misconfigured

BASE_DIR = Path(__file__).resolve().parent.parent.parent
env = Env()


def required(name: str) -> str:
    value = env.str(name, "")
    if not value:
        raise Misconfigured(f"{name} is not set. See README.md, part “Your own PostgreSQL, Redis and Stripe”.")
    return value


def keys(purpose: str) -> tuple[keyring.Key, ...]:
    name = f"PROMOTE_KEY_{purpose.upper()}"
    try:
        return keyring.parse(required(name))
    except ValueError:
        raise Misconfigured(f"{name} is no list of keys: each is `id:base64 of 32 bytes`, newest first.") from None


def one_of(name: str, *allowed: str, default: str) -> str:
    value = env.str(name, default)
    if value not in allowed:
        raise Misconfigured(f"{name} is {value}. It is {' or '.join(allowed)}.")
    return value


def provider(prefix: str, *needed: str, **more: str) -> dict[str, str]:
    """What a payment provider's adapter is built with. Empty where nothing is set: its methods are not offered then.

    `…_API_BASE` may lead to a test system; `more` are options of its own. Raises Misconfigured
    where only a part is set.
    """
    found = {name: env.str(f"{prefix}_{name}", "") for name in needed}
    missing = [f"{prefix}_{name}" for name, value in found.items() if not value]
    if len(missing) == len(needed):
        return {}
    if missing:
        raise Misconfigured(f"{', '.join(missing)} is not set, but other variables of {prefix}_ are.")
    base = env.str(f"{prefix}_API_BASE", "").rstrip("/")
    return more | {"public_url": PUBLIC_URL, "api_base": base} | {name.lower(): value for name, value in found.items()}


def database(url: str) -> dict[str, object]:
    """Django's form of `postgresql://user:password@host:port/name`, or `…@/name?host=/folder` for a socket."""
    parts = urlsplit(url)
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", parts.hostname or ""),
        "PORT": query.pop("port", str(parts.port or "")),
        "OPTIONS": query,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        # PgBouncer in transaction mode keeps no cursor between two statements.
        "DISABLE_SERVER_SIDE_CURSORS": True,
    }


PROMOTE_ENV = env.str("PROMOTE_ENV", "development")
if PROMOTE_ENV not in ("development", "production"):
    raise Misconfigured("PROMOTE_ENV is development or production.")
PRODUCTION = PROMOTE_ENV == "production"
PROMOTE_DATA = Path(env.str("PROMOTE_DATA", str(BASE_DIR / "var")))

KEYRING = {purpose: keys(purpose) for purpose in keyring.PURPOSES}
SECRET_KEY = KEYRING["sessions"][0].secret.hex()
SECRET_KEY_FALLBACKS = [key.secret.hex() for key in KEYRING["sessions"][1:]]

DEBUG = env.bool("PROMOTE_DEBUG", False) and not PRODUCTION
PUBLIC_URL = env.str("PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
EDGE_URL = env.str("EDGE_URL", "http://127.0.0.1:8001").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", [urlsplit(PUBLIC_URL).hostname, "127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", False) else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = PRODUCTION
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_REDIRECT_EXEMPT = [r"^health/"]
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "promote.front.errors.stale_form"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "default-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "connect-src": ["'self'", EDGE_URL],
    "frame-ancestors": ["'none'"],
    "form-action": ["'self'"],
    "base-uri": ["'none'"],
    "object-src": ["'none'"],
}

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "promote.config",
    "promote.front",
    "analytics",
    "delivery",
    "orders",
    "coupons",
    "payments",
    "promote.idempotency",
    "promote.keys",
    "promote.outbox",
    "promote.notifications",
    "promote.markets",
    "promote.catalogue",
    "promote.accounts",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "promote.rest.outside.problems_under_api",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "promote.front.middleware.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "promote.front.middleware.readers_time_zone",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "promote.config.urls"
WSGI_APPLICATION = "promote.config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "promote.front.context.shell",
            ],
        },
    }
]

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login/"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

DATABASES = {
    "default": database(required("DATABASE_URL")),
    "owner": database(env.str("DATABASE_OWNER_URL", "") or required("DATABASE_URL")),
}
if PRODUCTION and env.str("DATABASE_OWNER_URL", "") and DATABASES["owner"]["USER"] == DATABASES["default"]["USER"]:
    raise Misconfigured(
        "DATABASE_URL and DATABASE_OWNER_URL name one role, so the application would own its tables and could change "
        "the ledger. Make two with deploy/roles.sql: the owner for DATABASE_OWNER_URL, the other for DATABASE_URL."
    )
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = required("REDIS_URL")
# What is cached need not be spread: where the hot data lies on a cluster, a Redis of its own, or the broker's, has it.
CACHE_URL = required("CACHE_URL") if "+cluster:" in REDIS_URL else env.str("CACHE_URL", "") or REDIS_URL
CACHES = {"default": {"BACKEND": "promote.config.cache.KeptRedisCache", "LOCATION": CACHE_URL, "KEY_PREFIX": "web"}}
CELERY_BROKER_URL = required("CELERY_BROKER_URL")
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
CELERY_TASK_DEFAULT_QUEUE = "celery"

SHARDS = env.int("SHARDS", 4)
# A process of the edge keeps so many connections open; who comes then is told to come again.
EDGE_CONNECTIONS = env.int("EDGE_CONNECTIONS", 4096)
QUOTE_LIFE_S = env.int("QUOTE_LIFE_S", 600)
SETTLE_BATCH = env.int("SETTLE_BATCH", 500)
# Single events, and the single charges of an order, are kept so long after their day; their sums for good.
EVENTS_KEPT_DAYS = env.int("EVENTS_KEPT_DAYS", 400)
# From which address and agent a charge came is kept so long, to find those of what ops block later; then it is gone.
SOURCES_KEPT_DAYS = env.int("SOURCES_KEPT_DAYS", 35)
# More impressions a minute than this are no person's; behind one address there may be many people.
VIEWER_IMPRESSIONS_PER_MINUTE = env.int("VIEWER_IMPRESSIONS_PER_MINUTE", 90)
DEVICE_IMPRESSIONS_PER_MINUTE = env.int("DEVICE_IMPRESSIONS_PER_MINUTE", 90)
ADDRESS_IMPRESSIONS_PER_MINUTE = env.int("ADDRESS_IMPRESSIONS_PER_MINUTE", 1200)
VIEWER_IMPRESSIONS_PER_HOUR = env.int("VIEWER_IMPRESSIONS_PER_HOUR", 1200)

APPLE_ENVIRONMENT = one_of(
    "APPLE_ENVIRONMENT", "Production", "Sandbox", default="Sandbox" if env.str("APPLE_API_BASE", "") else "Production"
)
GOOGLE_PLAY_ENVIRONMENT = one_of("GOOGLE_PLAY_ENVIRONMENT", "Production", "Test", default="Production")
GATEWAYS: dict[str, dict[str, Any]] = {
    "apple": provider(
        "APPLE",
        "BUNDLE_ID",
        "APP_ID",
        "ISSUER_ID",
        "KEY_ID",
        "PRIVATE_KEY",
        environment=APPLE_ENVIRONMENT,
        root_certificate=env.str("APPLE_ROOT_CERTIFICATE", ""),
    ),
    "google": provider(
        "GOOGLE_PLAY",
        "PACKAGE_NAME",
        "SERVICE_ACCOUNT",
        "PUSH_ACCOUNT",
        environment=GOOGLE_PLAY_ENVIRONMENT,
        push_audience=env.str("GOOGLE_PLAY_PUSH_AUDIENCE", ""),
    ),
    # Its publishable key is no secret: with it apps show Stripe's own form. Without one they are led to a page.
    "stripe": provider(
        "STRIPE", "SECRET_KEY", "WEBHOOK_SECRETS", publishable_key=env.str("STRIPE_PUBLISHABLE_KEY", "")
    ),
    "paypal": provider("PAYPAL", "CLIENT_ID", "CLIENT_SECRET", "WEBHOOK_ID"),
    "doku": provider("DOKU", "CLIENT_ID", "SECRET_KEY", "PRIVATE_KEY", "PUBLIC_KEY", "PARTNER_SERVICE_ID"),
    "2c2p": provider("TWOC2P", "MERCHANT_ID", "SECRET_KEY", "PRIVATE_KEY", "PUBLIC_KEY"),
    # Our own bank accounts: rows in the admin, no keys.
    "bank_transfer": {"is_live": PRODUCTION},
}
if PRODUCTION:
    required("STRIPE_SECRET_KEY")

# Documents are mailed to the address on them. Without a server development writes mails to a folder, and production
# sends none.
EMAIL_HOST = env.str("EMAIL_HOST", "")
EMAIL_PORT = env.int("EMAIL_PORT", 587)
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = env.str("EMAIL_USER", ""), env.str("EMAIL_PASSWORD", "")
EMAIL_USE_TLS = env.bool("EMAIL_TLS", True)
EMAIL_TIMEOUT = 10
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend" if EMAIL_HOST else ""
if not EMAIL_HOST and not PRODUCTION:
    EMAIL_BACKEND, EMAIL_FILE_PATH = "django.core.mail.backends.filebased.EmailBackend", PROMOTE_DATA / "mails"
DEFAULT_FROM_EMAIL = env.str("EMAIL_FROM", "Promote <promote@localhost>")
EMAIL_DOMAIN = DEFAULT_FROM_EMAIL.rpartition("@")[2].strip(">")

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "promote.rest.authentication.ApiKey",
        "promote.rest.authentication.Bearer",
        "promote.rest.authentication.Session",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["promote.rest.permissions.Advertiser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["promote.rest.parsers.StrictJSON"],
    "DEFAULT_THROTTLE_CLASSES": ["promote.rest.throttling.PerCaller"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "promote.rest.problems.handle",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Promote",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "DESCRIPTION": "Promote videos, videos with a product link, and live rooms with coins.",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": False,
    "POSTPROCESSING_HOOKS": ["promote.rest.schema.add_problems"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

LANGUAGE_CODE = "en"
# Those that the pages are written in: a reader of another gets one language, not half of two.
LANGUAGES = [("en", "English")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "promote.config.formats"

STATIC_URL = "/static/"
STATIC_ROOT = PROMOTE_DATA / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
# Served from the sources until `collectstatic` has run, as under tests.
WHITENOISE_USE_FINDERS = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    # Whoever asks whether we are ready is told; a line in the log for each time we were not says nothing more.
    "filters": {
        "no_health": {
            "()": "django.utils.log.CallbackFilter",
            "callback": lambda record: "/health/ready" not in record.getMessage(),
        }
    },
    "formatters": {
        "plain": {
            "()": "promote.config.private_log.PrivateFormatter",
            "format": private_log.FORMAT,
            "style": "{",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain", "filters": ["no_health"]}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", "INFO")},
    # It tells of every file that it made.
    "loggers": {"factur-x": {"level": "WARNING"}},
}

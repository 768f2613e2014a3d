"""Sessions: rows in the database, read from Valkey, and at work without it.

A session is cached for five minutes, not for its whole life: where Valkey does not answer while somebody signs out,
the row goes and the copy cannot be removed, so that it has to die soon by itself. That is logged as an error.
"""

import logging
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.cached_db import SessionStore as CachedStore
from django.core.cache import caches
from redis import RedisError

CACHED_SECONDS = 300
UNREACHABLE = (RedisError, ConnectionError)

logger = logging.getLogger(__name__)


class SessionStore(CachedStore):
    """A session that is read from the database where Valkey does not answer."""

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self._cache = _Copies()


class _Copies:
    """What one request does with the cached sessions. Once Valkey has not answered it is asked to keep none."""

    def __init__(self) -> None:
        self._cache = caches[settings.SESSION_CACHE_ALIAS]
        self._answers = True

    def get(self, key: str) -> Any:
        try:
            return self._cache.get(key)
        except UNREACHABLE as error:
            return self._failed("read", error)

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    def set(self, key: str, data: Any, seconds: int) -> None:
        """Keep a session for CACHED_SECONDS at most."""
        if not self._answers:
            return
        try:
            self._cache.set(key, data, min(seconds, CACHED_SECONDS))
        except UNREACHABLE as error:
            self._failed("kept", error)

    def delete(self, key: str) -> None:
        """Remove a session, or say loudly that it is still there."""
        try:
            self._cache.delete(key)
        except UNREACHABLE:
            logger.exception("A session that ended stays readable in Valkey for up to %s seconds.", CACHED_SECONDS)

    def _failed(self, what: str, error: Exception) -> None:
        self._answers = False
        logger.warning("Valkey does not answer; a session is not %s there: %s", what, error)

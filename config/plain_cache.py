"""What the cache in Valkey holds, as JSON: reading it can run nothing."""

import json
from typing import Any


class JSONSerializer:
    """Write and read cached values as JSON; numbers stay as they are, so that they can be counted up."""

    def dumps(self, value: Any) -> bytes | int:
        """Return what is stored. TypeError for what JSON has no form for."""
        return value if type(value) is int else json.dumps(value).encode()

    def loads(self, data: bytes) -> Any:
        """Return what was stored."""
        return json.loads(data)

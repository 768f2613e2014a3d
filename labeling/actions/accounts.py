"""What people choose for themselves."""

from collections.abc import Mapping

from django.db import transaction

from labeling.models import User
from labeling.models.user import USUAL_KEYS


@transaction.atomic
def save_account(user: User, language: str, keys: Mapping[str, str]) -> User:
    """Store the language of a person's pages ("": the browser's) and their keys, those only that are not the usual.

    Raises ValueError for an action that no key has, and where one key would have two actions.
    """
    unknown = sorted(set(keys) - set(USUAL_KEYS))
    if unknown:
        raise ValueError(f"No key is there for {', '.join(unknown)}. Actions are: {', '.join(USUAL_KEYS)}.")
    user.keys = {action: key for action, key in keys.items() if key != USUAL_KEYS[action]}
    user.language = language
    in_use = USUAL_KEYS | user.keys
    if len(set(in_use.values())) < len(in_use):
        raise ValueError(f"One key cannot do two things: {in_use}.")
    user.save(update_fields=("keys", "language"))
    return user

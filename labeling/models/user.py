"""The people who sign in."""

from string import ascii_lowercase

from django.contrib.auth.models import AbstractUser
from django.db import models

# What a key does at the desk, in the order of the list of keys. The digits always answer, in order.
USUAL_KEYS = {
    "yes": "y",
    "no": "n",
    "back": "Backspace",
    "skip": "s",
    "undo": "u",
    "ask": "a",
    "examples": "h",
    "guideline": "g",
    "keys": "?",
    "next": "j",
    "previous": "k",
}


class User(AbstractUser):
    """A person with an account; what they may do in a project is their membership's role.

    `keys` are the keys they chose for the desk, by action; actions that are not in it have their usual key, or, where
    they gave that to another action before this one was there, a letter that is free.
    `language` is the language of the pages; empty means the browser's.
    """

    keys = models.JSONField(default=dict, blank=True)
    language = models.CharField(max_length=10, blank=True)

    def keys_in_use(self) -> dict[str, str]:
        """Return the key of every action, each another one."""
        chosen = {action: self.keys.get(action, usual) for action, usual in USUAL_KEYS.items()}
        taken = set(self.keys.values())
        free = (letter for letter in ascii_lowercase if letter not in chosen.values())
        return {
            action: next(free) if action not in self.keys and key in taken else key for action, key in chosen.items()
        }

"""The people who sign in."""

from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """A person with an account; what they may do in a project is their membership's role."""

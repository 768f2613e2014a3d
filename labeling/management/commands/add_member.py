"""Give somebody a role in a project."""

import os
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from labeling.actions.members import add_member
from labeling.management.arguments import project_of
from labeling.models import Role, User


class Command(BaseCommand):
    help = "Give somebody a role in a project; make the account if there is none."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("username")
        parser.add_argument("--role", choices=Role.values, required=True)
        parser.add_argument(
            "--password-env", metavar="VARIABLE", help="environment variable that holds a new account's password"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_of(options["slug"])
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            user = self._make(options["username"], options["password_env"])
        add_member(project, user, Role(options["role"]))
        self.stdout.write(f"{user} is {options['role']} of {project.slug}.")

    def _make(self, username: str, variable: str | None) -> User:
        if not variable or variable not in os.environ:
            raise CommandError(
                f"There is no account {username!r}. To make it, put a password into an environment variable "
                "and name that with --password-env."
            )
        user = User(username=username)
        try:
            user.full_clean(exclude=["password"])
            validate_password(os.environ[variable], user)
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        user.set_password(os.environ[variable])
        user.save()
        return user

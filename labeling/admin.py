"""Django's admin, for operators: accounts, and a look at the audit log."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest

from labeling.models import AuditLogEntry, User

admin.site.register(User, UserAdmin)


@admin.register(AuditLogEntry)
class AuditLogAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """The audit log can be read and searched, and not changed."""

    list_display = ("at", "project", "actor", "verb", "target")
    list_filter = ("verb", "project")
    search_fields = ("target", "actor__username")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds entries by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditLogEntry | None = None) -> bool:
        """Nobody changes entries."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditLogEntry | None = None) -> bool:
        """Nobody deletes entries."""
        return False

"""File formats, in and out. Pure: no Django, no database."""

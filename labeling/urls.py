"""Winnow's pages and API."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []

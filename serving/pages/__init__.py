"""The dashboard: server-rendered pages over what is published, for people who sign in."""

from serving.pages.installing import install

__all__ = ["install"]

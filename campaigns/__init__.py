"""Campaigns: who gets what, through which door, under which rules, and what it changed."""

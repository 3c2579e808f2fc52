"""Figures beside their references, measured in the same run: the machines are shared and noisy."""

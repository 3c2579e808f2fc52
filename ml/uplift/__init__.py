"""Whom a campaign helps: learners, their honest evaluation, the choice under budgets, and training."""

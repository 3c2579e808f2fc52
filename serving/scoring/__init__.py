"""Scoring one user on demand: the request's rows, the features' own SQL over them, the model of the day."""

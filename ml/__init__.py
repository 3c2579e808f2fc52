"""The churn model: dataset, candidates, training, evaluation, registry, scoring, explanation."""

"""Transfer: a trained model on a task of its user's own: examples, heads, training, metrics, cheap baselines."""

"""Trained model + held-out text -> numbers, each defined before it is computed."""

"""Advice on the objective for a task: rules with what they are worth, evidence of studies, and a pilot that decides.

    rules.toml   what is said, by whom, of which sizes           evidence   what studies on this machine found
    pilot        a small study of the candidates, in given minutes

It reads what studies wrote and starts some of its own; it never changes one.
"""

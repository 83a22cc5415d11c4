"""Diagnose: what this machine reaches, what this installation lacks.

It only measures and looks: nothing that a run computes depends on it.
"""

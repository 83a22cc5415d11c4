"""Rows -> Objective -> Model -> step."""

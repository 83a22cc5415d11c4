from __future__ import annotations

import numpy as np

from hornbook.objectives.ops import rewrite


def test_collapse_is_t5_s_rule_on_both_sides():
    tokens = np.array([[10, 11, 12, 13, 14, 15]])
    noise = np.array([[False, True, True, False, False, True]])
    inputs, at = rewrite.collapse(tokens, noise, np.array([1, 5]), np.array([99, 98]))
    assert inputs.tolist() == [10, 99, 13, 14, 98]
    assert at.tolist() == [0, 1, 3, 4, 5]
    targets, _ = rewrite.collapse(tokens, ~noise, np.array([0, 3]), np.array([99, 98]))
    assert targets.tolist() == [99, 11, 12, 98, 15]
    assert tokens.tolist() == [[10, 11, 12, 13, 14, 15]]


def test_lay_closes_and_pads_each_row():
    values = np.array([1, 2, 3, 4])
    assert rewrite.lay(values, np.array([3, 0, 1]), 5, 0, 9).tolist() == [
        [1, 2, 3, 9, 0],
        [9, 0, 0, 0, 0],
        [4, 9, 0, 0, 0],
    ]
    assert rewrite.lay(values, np.array([2, 2]), 3, 0, np.array([8, 9])).tolist() == [[1, 2, 8], [3, 4, 9]]

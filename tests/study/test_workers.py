"""Clusters that are not there are refused in words."""

import importlib.util

import pytest

from hornbook.errors import UserError
from hornbook.study.workers import reach


def test_a_cluster_that_cannot_be_had_is_refused_in_words() -> None:
    with pytest.raises(UserError, match="There is no cluster 'slurm': write --on ray, or --on ray://HOST:PORT"):
        reach("slurm")


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed")
def test_without_ray_it_is_said_what_to_install() -> None:
    with pytest.raises(UserError, match=r"Ray is not installed: pip install 'hornbook\[ray\]'"):
        reach("ray://127.0.0.1:10001")

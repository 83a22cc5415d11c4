"""One process for each device of this machine, started by torch's own launcher, the one behind torchrun.

    hornbook pretrain ... --devices 4   ->   4 times   hornbook pretrain ...   with RANK, WORLD_SIZE and the rest

They meet over the loopback interface; no other network is used. What they print is theirs: the launcher itself only
says when one was lost without a word, and hands on signals and the exit code.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import uuid
from collections.abc import Sequence

import torch
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from hornbook.errors import FailedElsewhere, ResourceError, UserError
from hornbook.train.processors import cpus_at_hand

_OPTION = "--devices"
_PROCESSES = 8  # of a core, at the most
# After Ctrl-C or SIGTERM the processes have so long to finish their step and save; then they are killed.
_SHUTDOWN_SECONDS = 300
_ASKED_TO_STOP = 128 + signal.SIGTERM


def devices(wanted: int) -> int:
    """Return how many processes `--devices` asks for; raises UserError where this machine has not so many GPUs."""
    if "RANK" in os.environ:
        raise UserError("torchrun has already started one process per device: leave out --devices.")
    gpus = torch.cuda.device_count()
    if wanted == 0 and not gpus:
        raise UserError(
            "--devices 0 means all GPUs, but torch finds none here: give a number of CPU processes instead."
        )
    if gpus and wanted > gpus:
        raise UserError(f"torch finds only {gpus} GPUs here: lower --devices {wanted}.")
    cores = os.cpu_count() or 1
    if not gpus and wanted > _PROCESSES * cores:
        raise UserError(f"This machine has {cores} cores: lower --devices to at most {_PROCESSES * cores}.")
    return wanted or gpus


def without_option(arguments: Sequence[str]) -> list[str]:
    """Return the command line without `--devices N`.

    >>> without_option(["pretrain", "--devices", "2", "a.txt", "--plain"])
    ['pretrain', 'a.txt', '--plain']
    >>> without_option(["pretrain", "--devices=2"])
    ['pretrain']
    """
    kept = [item for item in arguments if not item.startswith(f"{_OPTION}=")]
    if _OPTION in kept:
        place = kept.index(_OPTION)
        del kept[place : place + 2]
    return kept


def launch(arguments: Sequence[str], number: int) -> None:
    """Run `hornbook ARGUMENTS` in `number` processes that know of each other, to their common end.

    Raises FailedElsewhere with their exit code where they failed and said why, ResourceError where one was lost.
    """
    threads = max(1, cpus_at_hand() // number)
    loopback = "lo0" if sys.platform == "darwin" else "lo"
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    os.environ.setdefault("GLOO_SOCKET_IFNAME", loopback)
    os.environ.setdefault("NCCL_SOCKET_IFNAME", loopback)
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=number,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="127.0.0.1:0",
        local_addr="127.0.0.1",
        max_restarts=0,  # what failed is gone on with by --resume: a person, or Slurm, decides
        logs_specs=DefaultLogsSpecs(log_dir=os.devnull),
        shutdown_timeout=_SHUTDOWN_SECONDS,
    )
    try:
        elastic_launch(config, sys.executable)("-m", "hornbook", *arguments)
    except SignalException as error:  # the processes had it too, have saved, and said so
        raise FailedElsewhere(128 + int(error.sigval)) from error
    except ChildFailedError as error:
        raise _failure({rank: failure.exitcode for rank, failure in error.failures.items()}, number) from error


def _failure(codes: dict[int, int], number: int) -> FailedElsewhere | ResourceError:
    """Return the error to end with, from the exit codes of the processes that failed.

    When one is lost, torch's launcher sends SIGTERM to the others: what they then end with is not the cause.
    """
    killed = {rank: -code for rank, code in codes.items() if code < 0}
    said = [code for code in codes.values() if code > 0]
    causes = [code for code in said if code != _ASKED_TO_STOP]
    lost = {rank: number for rank, number in killed.items() if number != signal.SIGTERM}
    if causes or (said and not lost):
        return FailedElsewhere((causes or said)[0])
    rank, number_of_signal = next(iter((lost or killed).items()))
    return ResourceError(
        f"Process {rank} of {number} (from 0) was killed by {signal.Signals(number_of_signal).name}, perhaps because "
        "memory ran out. Continue from the newest checkpoint with --resume."
    )

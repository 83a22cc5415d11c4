"""Work for many processes, on this machine or on a cluster: tasks are rows of a Daft DataFrame, worked by a Daft class.

A task is a string, its work a function that leaves files; what it returns is a short string. The plan is written once:
Daft's native engine runs it in processes here, Ray on the machines of a cluster that share the files.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

from hornbook.errors import HornbookError, ResourceError, UserError, account_of, needing, place_of
from hornbook.signals import SIGNALS

if TYPE_CHECKING:
    from pathlib import Path

    from daft import DataFrame

NATIVE = "native"
RAY = "ray"
_ATTEMPTS = 4  # a worker may be lost so often, less one


@dataclass(frozen=True)
class Engine:
    """Where the work is done.

    name      native, ray (a cluster that is already up on this machine, else one of its own) or ray://HOST:PORT
    workers   processes; 0 = one for each core
    """

    name: str = NATIVE
    workers: int = 0

    def __post_init__(self) -> None:
        if self.name not in (NATIVE, RAY) and not self.name.startswith("ray://"):
            raise UserError(f"There is no engine '{self.name}'. Choose native, ray or ray://HOST:PORT.")
        if self.workers < 0:
            raise UserError(f"--workers must not be negative, but is {self.workers}.")

    def start(self) -> None:
        """Make Daft ready; a process has one engine for all its life. Raises UserError where it cannot be had."""
        # No telemetry; these are read when the libraries are imported.
        os.environ.update(DAFT_ANALYTICS_ENABLED="0", SCARF_NO_ANALYTICS="1", DAFT_PROGRESS_BAR="0")
        os.environ.update(DAFT_SHOW_QUERY_ID="0")  # a line a query on a terminal, which tells the user nothing
        with needing("Building a corpus", "corpus"):
            import daft
        wanted = NATIVE if self.name == NATIVE else RAY
        try:
            if wanted == NATIVE:
                daft.set_runner_native()
                return
            join_ray(self.name)
            daft.set_runner_ray(noop_if_initialized=True)
        except UserError:
            raise
        except Exception as error:
            from daft.runners import get_or_infer_runner_type

            if (found := get_or_infer_runner_type()) != wanted:
                message = f"This process already works with the engine {found}, and can have no other."
                raise UserError(message) from error

    def count(self) -> int:
        """Return how many processes work at once."""
        if self.workers:
            return self.workers
        if self.name == NATIVE:
            return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        ray: Any = importlib.import_module("ray")
        return max(int(ray.cluster_resources().get("CPU", 1)), 1)


def _last_line(error: Exception) -> str:
    """Return the last line of what an error of another process says that is not blank, or its class's name."""
    return [line.strip() for line in [type(error).__name__, *str(error).split("\n")] if line.strip()][-1]


def join_ray(name: str) -> Any:
    """Connect to a cluster, or start one on this machine where `ray` is asked for and there is none; return the module.

    Raises UserError where Ray is not installed, and where there is no cluster.
    """
    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_DEDUP_LOGS="1")
    try:
        ray: Any = importlib.import_module("ray")
        if not ray.is_initialized():
            _start_ray(ray, name)
    except ImportError as error:
        raise UserError("Ray is not installed: pip install 'hornbook[ray]'") from error
    except (ConnectionError, TimeoutError, OSError) as error:
        token = ", or it wants a token: set RAY_AUTH_MODE=token" if name != RAY else ""
        raise UserError(f"There is no Ray cluster at {name} ({_last_line(error)}){token}.") from error
    return ray


def _start_ray(ray: Any, name: str) -> None:
    if name != RAY:
        ray.init(name, log_to_driver=False)
        return
    try:
        ray.init("auto", log_to_driver=False, configure_logging=False)
    except ConnectionError:
        ray.init(log_to_driver=False, configure_logging=False, include_dashboard=False)


def work(
    function: Callable[[str], str], tasks: Sequence[str], engine: Engine, done: Callable[[str, str], None]
) -> None:
    """Apply `function` to every task, in any order and place, and tell `done` (task, result) of each as it ends.

    The function must pickle. A HornbookError of a task is raised here; where a worker is lost, what it had not
    finished is done again. Raises ResourceError when workers are lost again and again.
    """
    left = dict.fromkeys(tasks)
    if engine.name == NATIVE and min(engine.count(), len(left)) == 1:  # Daft would start another process, for seconds
        for task in left:
            done(task, function(task))
        return
    for attempt in range(_ATTEMPTS):
        if not left:
            return
        try:
            with heeding_signals() as heed:
                for task, result in _results(function, list(left), engine):
                    heed()
                    del left[task]
                    done(task, result)
        except (HornbookError, _Bug):
            raise
        except Exception as error:
            if attempt == _ATTEMPTS - 1:
                raise ResourceError(
                    f"A worker was lost {_ATTEMPTS} times ({_last_line(error)[:300]}). If memory ran out, run the "
                    "command again with fewer --workers; it goes on where it stopped."
                ) from error


@contextlib.contextmanager
def heeding_signals() -> Iterator[Callable[[], None]]:
    """Raise KeyboardInterrupt after a signal whose handler did: in the function that is given, or where the block ends.

    Daft shuts its engine down at Ctrl-C, and the interrupt may be lost there or come out as another error.
    """
    asked = threading.Event()

    def heed() -> None:
        if asked.is_set():
            raise KeyboardInterrupt

    in_main = threading.current_thread() is threading.main_thread()  # Python allows handlers nowhere else
    handlers = {int(number): signal.getsignal(number) for number in SIGNALS if in_main}
    previous = {number: handler for number, handler in handlers.items() if callable(handler)}

    def note(number: int, frame: FrameType | None) -> None:
        try:
            previous[number](number, frame)
        except KeyboardInterrupt:
            asked.set()
            raise

    for number in previous:
        signal.signal(number, note)
    try:
        yield heed
        heed()
    except Exception as error:
        if asked.is_set():
            raise KeyboardInterrupt from error
        raise
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class _Bug(RuntimeError):
    """An error of a step or of ours; the message is the worker's traceback."""


def _results(function: Callable[[str], str], tasks: list[str], engine: Engine) -> Iterator[tuple[str, str]]:
    """Yield each task and its result as workers end it. Raises the first error of a task."""
    import daft
    import daft.pickle

    for module in [module for name, module in sys.modules.items() if name.endswith(".py")]:
        # A step's file, which no worker could import.
        daft.pickle.cloudpickle.register_pickle_by_value(module)  # type: ignore[attr-defined]
    count = min(engine.count(), len(tasks))
    worker = _worker_class(count)(daft.pickle.dumps(function), [item for item in sys.path if item], os.getcwd())
    frame = daft.from_pydict({"task": tasks})
    if engine.name != NATIVE:
        frame = frame.into_partitions(min(len(tasks), 16 * count))
    frame = frame.select(frame["task"], worker.run(frame["task"]).alias("result"))
    for row in frame.iter_rows(results_buffer_size=1):
        answer = json.loads(row["result"])
        if "error" in answer:
            known: dict[str, type[HornbookError]] = {"UserError": UserError, "ResourceError": ResourceError}
            raise known.get(answer["error"], _Bug)(answer["message"])
        yield row["task"], answer["result"]


def _worker_class(count: int) -> type:
    """Return the Daft class whose instances live in `count` processes and take one task at a time."""
    import daft

    class Worker:
        def __init__(self, payload: bytes, paths: list[str], folder: str) -> None:
            from hornbook.corpus.build.engine import begin

            self.function = begin(payload, paths, folder)

        @daft.method.batch(return_dtype=daft.DataType.string(), batch_size=1)
        def run(self, tasks: daft.Series) -> list[str]:
            from hornbook.corpus.build.engine import answer

            return [answer(self.function, task) for task in tasks.to_pylist()]

    return daft.cls(use_process=True, max_concurrency=count)(Worker)


def begin(payload: bytes, paths: Sequence[str], folder: str) -> Callable[[str], str]:
    """Return the function of a worker; modules are looked for and relative paths begin where they do at the giver's."""
    import daft.pickle

    # Ctrl-C is the affair of the process that gives out the work.
    with contextlib.suppress(ValueError):  # outside the main thread, as on Ray
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.chdir(folder)
    sys.path += [path for path in paths if path not in sys.path]
    return daft.pickle.loads(payload)  # type: ignore[no-any-return]


def answer(function: Callable[[str], str], task: str) -> str:
    """Return a task's result or its error as JSON."""
    try:
        return json.dumps({"result": function(task)})
    except HornbookError as error:
        kind, message = "ResourceError" if isinstance(error, ResourceError) else "UserError", str(error)
    except MemoryError:
        kind, message = "ResourceError", "Memory ran out in a worker. Run the same command again with fewer --workers."
    except Exception as error:
        if place_of(error):  # a step of a person's own
            kind, message = "UserError", account_of(error)
        else:
            kind, message = "bug", f"In a worker, at {task[:200]}:\n{traceback.format_exc()}"
    return json.dumps({"error": kind, "message": message})


def documents(files: Sequence[Path]) -> DataFrame:
    """Return a DataFrame of the documents in block files: place, id, source, text, meta."""
    import daft

    from hornbook.corpus.build.blocks import DOCUMENT_COLUMNS

    return daft.read_parquet([str(path.absolute()) for path in files]).select(*DOCUMENT_COLUMNS)

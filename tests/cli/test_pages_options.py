"""The options that play, watch and course share, and what naming them does not load."""

from __future__ import annotations

import subprocess
import sys

from hornbook.app.serving.options import Options
from hornbook.cli.pages import LOCAL, options_of


def test_help_loads_no_server() -> None:
    code = (
        "import sys\n"
        "import hornbook.cli.pages\n"
        "from hornbook.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as done: assert not done.code\n"
        "heavy = {'starlette', 'uvicorn', 'anyio', 'h11', 'jinja2', 'asyncio', 'torch', 'numpy'}\n"
        "print('heavy:', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("heavy: []\n")


def test_the_options_are_those_of_a_server() -> None:
    assert options_of(None, LOCAL, "", False, False) == Options()
    given = options_of(0, "0.0.0.0", "lab.example", True, True)
    assert given == Options(port=0, host="0.0.0.0", behind_proxy="lab.example", code=False, browser=False)


def test_no_page_needs_torch_to_be_served() -> None:
    code = (
        "import sys, hornbook.app.serving.server, hornbook.app.serving.worker; "
        "print({'torch', 'numpy', 'jinja2'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"

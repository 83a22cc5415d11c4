"""No test reads or writes the cache of the user who runs it."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

# A law holds on a slow machine too: no example of hypothesis is timed.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

pytest_plugins = ("browser",)


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield

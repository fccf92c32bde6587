"""What systems draw to learn from is kept in a folder of the tests' own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cache")
    before = os.environ.get("HRSSM_CACHE")
    os.environ["HRSSM_CACHE"] = str(folder)
    yield folder
    if before is None:
        del os.environ["HRSSM_CACHE"]
    else:
        os.environ["HRSSM_CACHE"] = before

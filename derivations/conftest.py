"""`--no-cache`: prove everything afresh, reading and writing no stored results."""

from __future__ import annotations

import pytest

from derivations.engine import cache


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-cache", action="store_true", help="ignore stored results of slow exact work")


def pytest_configure(config: pytest.Config) -> None:
    cache.enable(not config.getoption("--no-cache", default=False))

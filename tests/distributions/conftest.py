"""torch.compile turns the validation of arguments off for the whole process; every test here starts with it on."""

import pytest
from torch.distributions import Distribution


@pytest.fixture(autouse=True)
def _validation() -> None:
    Distribution.set_default_validate_args(True)

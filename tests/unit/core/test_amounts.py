"""Amounts as a person reads them."""

import pytest

from log_router.core.amounts import size


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "0 B"),
        (1023, "1,023 B"),
        (1024, "1 KiB"),
        (5 * 1024**2, "5 MiB"),
        (3 * 2**29, "1.5 GiB"),
        (3 * 2**50, "3,072.0 TiB"),
    ],
)
def test_bytes_have_a_fitting_unit(number: int, said: str) -> None:
    """One digit behind the point where a unit is coarse."""
    assert size(number) == said

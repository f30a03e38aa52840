"""Believable events of a marketplace, as raw objects for the embedded stack, the demo and the tests.

`hours()` yields raw objects hour by hour; `python -m local.generate --help` writes them to a folder or to S3.
"""

from local.generate.objects import Expectation, GeneratedObject, hours
from local.generate.spoil import rates

__all__ = ["Expectation", "GeneratedObject", "hours", "rates"]

"""Passwords by the method of Redshift's drivers, MD5: as they are kept, and as a client proves to know one."""

import hashlib


def md5_stored(user: str, password: str) -> str:
    """Return what PostgreSQL keeps of a password, and what CREATE USER takes in its place."""
    return "md5" + hashlib.md5((password + user).encode(), usedforsecurity=False).hexdigest()


def md5_answer(stored: str, salt: bytes) -> str:
    """Return what a client must answer to the MD5 password request with this salt.

    Args:
        stored: the hash of password and user name, without its prefix.
        salt: the request's.
    """
    return "md5" + hashlib.md5(stored.encode() + salt, usedforsecurity=False).hexdigest()

"""The passwords and keys of one embedded stack: made once, kept in its state folder, for its owner only."""

import base64
import dataclasses
import json
import os
import secrets
from pathlib import Path
from typing import Self

# No letters that look alike: a person may type it from the terminal.
_ALPHABET = "abcdefghkmnpqrstuvwxyzABCDEFGHKMNPQRSTUVWXYZ23456789"


@dataclasses.dataclass(frozen=True)
class Credentials:
    """Every secret of one stack."""

    postgres: str
    airflow_database: str
    warehouse: str
    airflow_admin: str
    fernet_key: str
    jwt_secret: str
    api_secret_key: str

    @classmethod
    def kept_in(cls, state_dir: Path) -> Self:
        """Return the credentials of the stack in `state_dir`, made and written there at the first call."""
        path = state_dir / "credentials.json"
        if path.exists():
            return cls(**json.loads(path.read_text()))
        made = cls(
            postgres=_password(32),
            airflow_database=_password(32),
            warehouse=_password(32),
            airflow_admin=_password(16),
            fernet_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            jwt_secret=_password(64),
            api_secret_key=_password(64),
        )
        write_private(path, json.dumps(dataclasses.asdict(made), indent=2) + "\n")
        return made


def write_private(path: Path, text: str) -> None:
    """Write `text` to `path`, readable by the owner only from the first byte on, whole or not at all."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)


def _password(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))

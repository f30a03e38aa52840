"""The core stands alone: no Airflow, no AWS, no warehouse; and the package never needs the local stack."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "plugins" / "log_router"
OUTSIDE = {
    "airflow",
    "boto3",
    "botocore",
    "smart_open",
    "redshift_connector",
    "sqlalchemy",
    "psycopg",
    "local",
}


def test_the_core_imports_nobody() -> None:
    """A fresh interpreter that imports every module of the core has loaded no client of anything."""
    modules = [f"log_router.core.{file.stem}" for file in sorted((PACKAGE / "core").glob("*.py"))]
    assert len(modules) > 15
    program = f"""
import importlib, sys
for name in {modules!r}:
    importlib.import_module(name)
print(*sorted({{name.partition(".")[0] for name in sys.modules}} & set({sorted(OUTSIDE)!r})))
print(*sorted(name for name in sys.modules if name.startswith("log_router.") and ".core" not in name))
"""
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ran.stdout == "\n\n"


def test_the_package_never_imports_the_local_stack() -> None:
    """No module of the package names `local` in an import, wherever the import stands."""
    files = sorted(PACKAGE.rglob("*.py"))
    assert files
    for file in files:
        for node in ast.walk(ast.parse(file.read_bytes())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not [name for name in names if name.partition(".")[0] == "local"], f"{file}:{node}"

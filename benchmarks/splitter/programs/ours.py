"""One of our split tasks less Airflow and S3: python -m benchmarks.splitter.programs.ours OUT CONFIG RAW BATCH_KEY."""

import sys
from pathlib import Path

from benchmarks.splitter.folder_store import FolderStore
from log_router.splitting import split_chunk


def main(out: str, config: str, raw: str, batch_key: str) -> None:
    """Split the only chunk of a planned batch and report on it, as the operator does."""
    store = FolderStore.at(Path(config), Path(raw), Path(out))
    batch, catalog = store.get_batch(batch_key)
    store.put_report(batch, 0, split_chunk(store, batch, catalog, 0, b"the secret of masks"))


if __name__ == "__main__":
    main(*sys.argv[1:])

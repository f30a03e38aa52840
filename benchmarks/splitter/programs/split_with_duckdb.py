"""Split by DuckDB's partitioned write: split_with_duckdb.py OUT KEY OBJECTS...

Lines stay texts: reading them as the struct that DuckDB infers for all events takes twice as long. Its gzip has no
level.
"""

import sys

import duckdb

SPLIT = """
    COPY (SELECT json::VARCHAR AS line, json->>'$.{key}' AS event FROM read_ndjson_objects(?))
    TO '{out}' (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01', PARTITION_BY (event),
                COMPRESSION gzip, FILE_EXTENSION 'json.gz', OVERWRITE_OR_IGNORE)
"""


def main(out: str, key: str, *objects: str) -> None:
    """Write each line into OUT/event=<event>/."""
    database = duckdb.connect(config={"threads": 1})
    database.execute(SPLIT.format(out=out, key=key), [list(objects)])


main(*sys.argv[1:])

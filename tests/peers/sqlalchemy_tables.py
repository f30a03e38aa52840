"""Makes tables through sqlalchemy-redshift, fills them, and prints as JSON what its inspector says of them."""

import json
import os
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy_redshift.dialect import SUPER

SCHEMA = os.environ["PEER_SCHEMA"]
METADATA = sa.MetaData(schema=SCHEMA)
CUSTOMERS = sa.Table(
    "customers",
    METADATA,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("name", sa.String(40), nullable=False, comment="as on the passport"),
    sa.Column("since", sa.DateTime, server_default=sa.text("getdate()")),
    redshift_diststyle="KEY",
    redshift_distkey="id",
    redshift_sortkey=["id", "name"],
    comment="who buys",
)
ORDERS = sa.Table(
    "orders",
    METADATA,
    sa.Column("id", sa.Integer, sa.FetchedValue(), primary_key=True, redshift_identity=(1, 1)),
    sa.Column("customer", sa.BigInteger, sa.ForeignKey(CUSTOMERS.c.id)),
    sa.Column("price", sa.Numeric(10, 2), server_default="0"),
    sa.Column("data", SUPER),
    sa.Column("code", sa.String(12), redshift_encode="lzo"),
    sa.UniqueConstraint("code"),
    # SQLAlchemy would ask for the new id by RETURNING, which Redshift has not
    implicit_returning=False,
)


def main() -> None:
    """Make, fill, look, reflect, and drop."""
    engine = sa.create_engine(
        sa.URL.create(
            os.environ["PEER_DRIVER"],
            os.environ["PEER_USER"],
            os.environ["PEER_PASSWORD"],
            os.environ["PEER_HOST"],
            int(os.environ["PEER_PORT"]),
            os.environ["PEER_DATABASE"],
        ),
        connect_args=json.loads(os.environ["PEER_ARGUMENTS"]),
    )
    with engine.begin() as connection:
        connection.execute(sa.schema.CreateSchema(SCHEMA))
    METADATA.create_all(engine)
    with engine.begin() as connection:
        connection.execute(CUSTOMERS.insert(), [{"id": 1, "name": "Zoë"}, {"id": 2, "name": "it's 50 %"}])
        connection.execute(ORDERS.insert(), [{"customer": 2, "price": 1.5, "code": "a"}])
        connection.execute(sa.text(f"create view {SCHEMA}.names as select id, name from {SCHEMA}.customers"))
        connection.execute(
            sa.text(
                f"create view {SCHEMA}.late as select id, name from {SCHEMA}.customers with no schema binding"
            )
        )
        joined = connection.execute(
            sa.select(CUSTOMERS.c.name, ORDERS.c.id, ORDERS.c.price).join(ORDERS).where(CUSTOMERS.c.id > 1)
        )
        found: dict[str, Any] = {"joined": [list(row) for row in joined]}
    found |= {name: look() for name, look in looks(sa.inspect(engine)).items()}
    reflected = sa.MetaData()
    reflected.reflect(engine, schema=SCHEMA, views=True)
    found["reflected"] = sorted(reflected.tables)
    with engine.begin() as connection:
        for view in ("late", "names"):
            connection.execute(sa.text(f"drop view {SCHEMA}.{view}"))
    METADATA.drop_all(engine)
    found["left"] = sa.inspect(engine).get_table_names(SCHEMA)
    print(json.dumps(found, default=str))  # noqa: T201 - its answer


def looks(inspector: sa.Inspector) -> dict[str, Callable[[], Any]]:
    """Return each question to the inspector by the name of its answer."""
    return {
        "schemas": lambda: [name for name in inspector.get_schema_names() if name == SCHEMA],
        "tables": lambda: sorted(inspector.get_table_names(SCHEMA)),
        "views": lambda: sorted(inspector.get_view_names(SCHEMA)),
        "columns": lambda: columns(inspector, "orders"),
        "columns of a view": lambda: columns(inspector, "names"),
        "columns of a late-binding view": lambda: columns(inspector, "late"),
        "primary key": lambda: inspector.get_pk_constraint("orders", SCHEMA)["constrained_columns"],
        "foreign keys": lambda: [
            [key["constrained_columns"], key["referred_table"], key["referred_columns"]]
            for key in inspector.get_foreign_keys("orders", SCHEMA)
        ],
        "unique": lambda: [key["column_names"] for key in inspector.get_unique_constraints("orders", SCHEMA)],
        "options": lambda: inspector.get_table_options("customers", SCHEMA),
        "comment": lambda: inspector.get_table_comment("customers", SCHEMA)["text"],
        "definition": lambda: inspector.get_view_definition("names", SCHEMA),
        "has": lambda: [inspector.has_table(name, SCHEMA) for name in ("orders", "no_such")],
    }


def columns(inspector: sa.Inspector, table: str) -> list[list[Any]]:
    """Return name, type, whether it may be null, and whether it has a default, of each column."""
    return [
        [column["name"], str(column["type"]), column["nullable"], column["default"] is not None]
        for column in inspector.get_columns(table, SCHEMA)
    ]


main()

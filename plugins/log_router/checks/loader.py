"""Redshift answers, and the loader may do there what loads do."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from log_router.checks.buckets import probe
from log_router.core.errors import LogRouterError
from log_router.core.health import Check, ok, problem

if TYPE_CHECKING:
    from log_router.site import Site
    from log_router.warehouse import Session

_SUBJECT = "Redshift"
_PROBE = "log_router_probe"


def answers(site: "Site") -> Iterator[Check]:
    """Connect; tell the isolation level, the loader's rights and whether both schemas are there."""
    with site.warehouse.session() as session:
        ((user, database, may_create, may_stage),) = session.fetch(site.statements.render("loader_rights"))
        level = session.fetch(site.statements.render("database_isolation", database=database))
        isolation = f", {level[0][0].strip()}" if level else ", isolation level not shown to this user"
        yield ok(_SUBJECT, f"user {user}, database {database}{isolation}")
        if not may_stage:
            grant = _grant("TEMPORARY", "DATABASE", database, user)
            yield problem(_SUBJECT, f"{user} may make no temporary table", grant)
        to_create = "" if may_create else _grant("CREATE", "DATABASE", database, user)
        for schema in (site.settings.table_schema, site.settings.ledger_schema):
            yield _schema(site, session, schema, user, to_create)


def _schema(site: "Site", session: "Session", schema: str, user: str, to_create: str) -> Check:
    subject = f"schema {schema}"
    found = session.fetch(site.statements.render("schema_rights", schema=schema))
    if not found:
        if to_create:
            return problem(subject, f"is not there, and {user} may not make it", to_create)
        return ok(subject, "is not there yet; the first run makes it")
    missing = [right for right, given in zip(("USAGE", "CREATE"), found[0], strict=True) if not given]
    if missing:
        grant = _grant(", ".join(missing), "SCHEMA", schema, user)
        return problem(subject, f"{user} lacks {' and '.join(missing)} on it", grant)
    return ok(subject, f"{user} may make tables in it")


def _grant(rights: str, kind: str, name: str, user: str) -> str:
    return f'GRANT {rights} ON {kind} "{name}" TO "{user}"'


def copies(site: "Site") -> Iterator[Check]:
    """COPY one row from the staging bucket into a temporary table, which goes with the session."""
    subject = "COPY"
    with probe(site.store) as (url, _), site.warehouse.session() as session:
        session.run(site.statements.render("create_probe", probe=_PROBE))
        statement = site.statements.render(
            "copy",
            target=[_PROBE],
            columns=["probe"],
            manifest=url,
            iam_role=site.settings.iam_role,
            region=site.settings.region or "",
            compression="gzip",
            max_errors=0,
            rehearsal=False,
        )
        try:
            session.run(statement)
        except LogRouterError as error:
            yield problem(
                subject,
                str(error),
                f"attach the role of iam_role (`{site.settings.iam_role}`) to the cluster, with s3:GetObject and "
                "s3:ListBucket on the staging bucket, which is in the cluster's region or that of `region`",
            )
            return
    yield ok(subject, "Redshift reads the staging bucket by iam_role")

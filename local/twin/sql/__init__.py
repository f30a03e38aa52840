"""Redshift's SQL, turned into PostgreSQL's or refused."""

"""A Redshift twin: speaks to clients as Redshift does, keeps its data in PostgreSQL."""

"""What Redshift has in its catalog and PostgreSQL lacks: system tables, functions, the SUPER type."""

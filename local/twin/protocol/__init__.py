"""What is said to clients and understood of them: the PostgreSQL wire protocol as Redshift speaks it."""

"""Log Router: event logs from S3 into Redshift, one table per event type."""

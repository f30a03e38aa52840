"""What stands before the embedded S3 server: it keeps raw buckets read-only, records, and fails on demand."""

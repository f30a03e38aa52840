"""COPY: from objects in S3 to rows in a table."""

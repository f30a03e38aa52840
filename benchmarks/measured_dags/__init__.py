"""DAG files in place of the product's, for a stack whose tasks note what they cost."""

"""What Log Router decides, without Airflow, S3 or Redshift: values in, values out."""

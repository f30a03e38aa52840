COPY "marketplace"."order_placed" ("order", "_lr_object")
FROM 's3://staging/manifests/it''s.json'
IAM_ROLE 'arn:aws:iam::123456789012:role/load'
REGION 'eu-west-1'
MANIFEST
FORMAT AS JSON 'auto'
GZIP
TIMEFORMAT 'auto'
DATEFORMAT 'auto'
COMPUPDATE OFF
STATUPDATE OFF
MAXERROR 0

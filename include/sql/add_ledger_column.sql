ALTER TABLE {{ schema | ident }}.{{ ledger | ident }} ADD COLUMN {{ column | ident }} BIGINT DEFAULT 0 ENCODE AZ64 NOT NULL

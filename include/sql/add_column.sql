ALTER TABLE {{ schema | ident }}.{{ table | ident }} ADD COLUMN {{ column.name | ident }} {{ column.ddl | upper }} ENCODE {{ column.encoding | upper }}

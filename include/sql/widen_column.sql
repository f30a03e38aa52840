{#- Redshift refuses it inside a transaction. -#}
ALTER TABLE {{ schema | ident }}.{{ table | ident }} ALTER COLUMN {{ column | ident }} TYPE {{ ddl | upper }}

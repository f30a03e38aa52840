CREATE TEMPORARY TABLE {{ stage | ident }} (LIKE {{ schema | ident }}.{{ table | ident }} INCLUDING DEFAULTS)

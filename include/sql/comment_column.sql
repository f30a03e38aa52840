COMMENT ON COLUMN {{ schema | ident }}.{{ table | ident }}.{{ column | ident }} IS {{ text | literal }}

COMMENT ON TABLE {{ schema | ident }}.{{ table | ident }} IS {{ text | literal }}

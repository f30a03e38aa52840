SELECT isolation_level FROM stv_db_isolation_level WHERE db_name = {{ database | literal }}

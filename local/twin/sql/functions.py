"""The functions that Redshift has (AWS, "SQL functions reference"). A call of any other is refused."""

from local.twin.sql.words import words

# Keywords and types that stand before brackets without being functions.
NOT_CALLS = words("""
    in and or not exists any all some as on using over select from where by when then else case end values
    having qualify limit offset union intersect except minus with distinct like ilike between is return
    within group order partition set recursive to at into join
    varchar char character nvarchar nchar bpchar varying numeric decimal dec float interval precision
    cast substring trim position cube rollup sets grouping_sets
    """)

_AGGREGATES_AND_WINDOWS = words("""
    any_value avg bit_and bit_or bool_and bool_or count listagg max median min percentile_cont percentile_disc
    stddev stddev_pop stddev_samp sum var_pop var_samp variance
    cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank ratio_to_report row_number
    grouping
    """)
_CONDITIONS = words("coalesce decode greatest least nullif nvl nvl2 convert cast")
_DATES = words("""
    add_months age convert_timezone current_date date date_cmp date_cmp_timestamp date_part date_part_year date_trunc
    dateadd datediff date_add date_diff extract getdate isfinite last_day months_between next_day now
    sysdate timeofday timestamp_cmp timestamp_cmp_date timezone to_timestamp trunc to_date to_char to_number
    """)
_MATHS = words("""
    abs acos asin atan atan2 cbrt ceil ceiling cos cot degrees dexp dlog1 dlog10 exp floor ln log mod pi
    pow power radians random round sign sin sqrt tan trunc bitand
    """)
_TEXTS = words("""
    ascii bpcharcmp btrim bttext_pattern_cmp char_length character_length charindex chr concat crc32
    initcap left len length lower lpad ltrim md5 octetindex octet_length position quote_ident quote_literal
    regexp_count regexp_instr regexp_replace regexp_substr repeat replace replicate reverse right rpad rtrim
    sha2 split_part strpos strtol substr substring textlen translate trim upper to_hex text
    """)
_JSON_AND_SUPER = words("""
    array array_concat array_flatten can_json_parse get_array_length is_array is_bigint
    is_boolean is_char is_integer is_object is_scalar is_smallint is_valid_json
    is_valid_json_array is_varchar json_array_length json_extract_array_element_text json_extract_path_text json_parse
    json_serialize json_size json_typeof object split_to_array subarray
    """)
_SYSTEM = words("""
    current_database current_schema current_schemas current_setting current_user current_user_id
    has_database_privilege has_schema_privilege has_table_privilege pg_backend_pid pg_cancel_backend
    pg_last_copy_count pg_last_copy_id pg_last_query_id pg_terminate_backend set_config user version
    col_description format_type generate_series obj_description pg_encoding_to_char pg_get_constraintdef pg_get_expr
    pg_get_indexdef pg_get_userbyid pg_get_viewdef pg_table_is_visible pg_type_is_visible pg_function_is_visible
    array_lower array_upper array_to_string format_encoding pg_get_late_binding_view_cols
    """)
KNOWN = _AGGREGATES_AND_WINDOWS | _CONDITIONS | _DATES | _MATHS | _TEXTS | _JSON_AND_SUPER | _SYSTEM

# Redshift has them, the twin does not. Those of geometry, HyperLogLog and H3 are known by their prefixes.
NOT_IN_TWIN = words("""
    addbbox bit_xor change_query_priority change_session_priority change_user_priority collate current_aws_account
    current_namespace date_cmp_timestamptz default_iam_role dropbbox explain_model farmfingerprint64 fnv_hash
    from_varbyte geometrytype getbit get_bit get_byte has_assumerole_privilege hll interval_cmp
    json_serialize_to_varbyte
    murmur3_32_hash array_contains array_distinct array_except array_intersection array_position
    array_positions array_sort array_union json_extract_path object_transform pg_get_cols pg_get_grantee_by_iam_role
    pg_get_iam_role_by_user pg_last_unload_count pg_last_unload_id reboot_cluster
    get_object_keys get_number_attributes lower_attribute_names upper_attribute_names
    role_is_member_of set_bit set_byte slice_num supportsbbox text_to_int_alt text_to_numeric_alt
    timestamp_cmp_timestamptz
    timestamptz_cmp timestamptz_cmp_date timestamptz_cmp_timestamp to_ascii to_varbyte try_cast
    user_is_member_of
    checksum datetime_cmp decimal_precision decimal_scale difference from_hex func_sha1 grouping_id is_decimal is_float
    sha sha1 soundex
    """)

# What the leader node's catalog is asked by drivers and psql, beyond the functions above.
OF_CATALOG = ("pg_", "array_", "format_", "operator")

# Refused when the statement reads a user's table (AWS, "Leader node-only functions").
LEADER_ONLY = words("""
    age current_schema current_schemas generate_series has_database_privilege has_schema_privilege
    has_table_privilege isfinite now
    """)
# Refused when the statement reads no table (AWS, "Compute node-only functions").
COMPUTE_ONLY = words("listagg median percentile_cont percentile_disc")

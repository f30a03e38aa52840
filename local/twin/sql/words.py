"""Words with a meaning of their own in Redshift."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Names that must be quoted (AWS, "Reserved words").
RESERVED = _words("""
    aes128 aes256 all allowoverwrite analyse analyze and any array as asc authorization az64 backup between
    binary blanksasnull both bytedict bzip2 case cast check collate column connect constraint create credentials
    cross current_date current_time current_timestamp current_user current_user_id default deferrable deflate
    defrag delta delta32k desc disable distinct do else emptyasnull enable encode encrypt encryption end except
    explicit false for foreign freeze from full globaldict256 globaldict64k grant group gzip having identity
    ignore ilike in initially inner intersect interval into is isnull join leading left like limit localtime
    localtimestamp lun luns lzo lzop minus mostly16 mostly32 mostly8 natural new not notnull null nulls off
    offline offset oid old on only open or order outer overlaps parallel partition percent permissions pivot
    placing primary raw readratio recover references rejectlog resort respect restore right select session_user
    similar snapshot some sysdate system table tag tdes text255 text32k then timestamp to top trailing true
    truncatecolumns union unique unnest unpivot user using verbose wallet when where with without
    """)

# PostgreSQL's functions that Redshift lacks, most likely to be written by mistake.
FOREIGN_FUNCTIONS = _words("""
    array_agg array_append array_cat array_prepend array_remove array_to_json array_to_string string_agg
    json_agg jsonb_agg json_build_array json_build_object jsonb_build_array jsonb_build_object json_each
    jsonb_each json_each_text jsonb_each_text json_object_keys jsonb_object_keys json_populate_record
    jsonb_set jsonb_insert jsonb_path_query jsonb_typeof jsonb_array_elements json_array_elements
    jsonb_array_length jsonb_extract_path jsonb_extract_path_text jsonb_pretty jsonb_strip_nulls jsonb_object_agg
    json_object_agg json_extract_path row_to_json to_json to_jsonb unnest gen_random_uuid uuid_generate_v4
    make_date make_interval make_timestamp make_timestamptz make_time age_in justify_days clock_timestamp
    regexp_matches regexp_match regexp_split_to_table regexp_split_to_array string_to_array string_to_table
    format num_nonnulls num_nulls width_bucket setseed setval nextval currval lastval pg_sleep pg_notify
    date_bin to_regclass xmlelement query_to_xml tsvector to_tsvector to_tsquery bool_xor grouping_sets mode
    json_query json_value json_exists json_table json_scalar
    json_object json_array scale
    min_scale trim_scale gcd lcm erf sinh cosh tanh encode decode_bytes parse_ident quote_nullable
    """)

# Types that PostgreSQL has and Redshift refuses.
FOREIGN_TYPES = _words("""
    serial bigserial smallserial serial2 serial4 serial8 json jsonb uuid bytea money inet cidr macaddr macaddr8
    xml bit varbit point line lseg box path polygon circle tsvector tsquery int4range int8range numrange
    tsrange tstzrange daterange hstore citext regproc jsonpath
    """)

# Settings of a session which Redshift knows: those kept by the twin alone, and those PostgreSQL applies.
OWN_SETTINGS = {
    "query_group": "unset",
    "enable_result_cache_for_session": "on",
    "wlm_query_slot_count": "1",
    "enable_case_sensitive_identifier": "off",
    "enable_case_sensitive_super_attribute": "off",
    "json_serialization_enable": "off",
    "json_serialization_parse_nested_strings": "off",
    "describe_field_name_in_uppercase": "off",
    "cast_super_null_on_error": "on",
    "navigate_super_null_on_error": "on",
    "parse_super_null_on_error": "off",
    "analyze_threshold_percent": "10",
    "mv_enable_aqmv_for_session": "on",
    "auto_analyze": "on",
    "spectrum_query_maxerror": "0",
    "stored_proc_log_min_messages": "LOG",
    "use_fips_ssl": "off",
    "timezone_abbreviations": "Default",
}
# The twin behaves as with the default only, so another value would be a lie.
FIXED_SETTINGS = _words("""
    enable_case_sensitive_identifier enable_case_sensitive_super_attribute json_serialization_enable
    json_serialization_parse_nested_strings describe_field_name_in_uppercase cast_super_null_on_error
    navigate_super_null_on_error parse_super_null_on_error
    """)
SHARED_SETTINGS = _words(
    "statement_timeout search_path datestyle timezone client_encoding extra_float_digits application_name"
)

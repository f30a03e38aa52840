"""Words with a meaning of their own in Redshift."""


def words(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


# Names that must be quoted (AWS, "Reserved words").
RESERVED = words("""
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

# Those of them which PostgreSQL does not reserve: no name of a column even after AS.
ADDED_RESERVED = words("""
    aes128 aes256 allowoverwrite az64 backup blanksasnull bytedict bzip2 credentials current_user_id deflate defrag
    delta delta32k disable emptyasnull enable encode encrypt encryption explicit globaldict256 globaldict64k gzip
    identity ignore lun luns lzo lzop minus mostly16 mostly32 mostly8 offline offset oid parallel partition percent
    permissions pivot raw readratio recover rejectlog resort respect restore snapshot sysdate system tag tdes text255
    text32k top truncatecolumns unnest unpivot wallet without
    """)

# What a cast may name: Redshift's types, those which the twin lacks, and those of the leader node's catalog.
TYPES = words("""
    smallint int2 integer int int4 bigint int8 decimal numeric dec real float4 float8 float double boolean bool char
    character nchar bpchar varchar nvarchar text date timestamp timestamptz time timetz super interval national
    """)
MISSING_TYPES = words("varbyte varbinary geometry geography hllsketch")
CATALOG_TYPES = words("name oid regclass regtype regproc aclitem oidvector int2vector anyarray")

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
FIXED_SETTINGS = words("""
    enable_case_sensitive_identifier enable_case_sensitive_super_attribute json_serialization_enable
    json_serialization_parse_nested_strings describe_field_name_in_uppercase cast_super_null_on_error
    navigate_super_null_on_error parse_super_null_on_error
    """)
SHARED_SETTINGS = words(
    "statement_timeout search_path datestyle timezone client_encoding extra_float_digits application_name"
)

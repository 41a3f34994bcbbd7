"""The SQL functions that a filter may call: those that can neither hang nor grow nor reach out.

None of them gives more than a small multiple of what it is given, since DuckDB's memory limit does
not hold for texts and lists (``repeat('a', 4000000000)`` takes four gigabytes under a limit of
500 MB), and none takes more than linear time in the length of a value. So ``replace``, ``hex``,
``lpad``, ``format``, ``range``, ``string_split`` and ``list_transform`` are left out, which nest
into gigabytes; ``sleep_ms``, ``random``, ``nextval``, ``setseed``, ``current_setting`` and whatever
else waits, changes or tells of its surroundings; and every function that a later DuckDB brings.
"""

from __future__ import annotations

_OPERATORS = """
    + - * / // % ^ ** & | ~ << >> || @ ~~ !~~ ~~* !~~* ~~~ ^@ && @> <@ -> ->>
    like_escape not_like_escape ilike_escape not_ilike_escape
"""
_TEXT = """
    ascii char_length character_length chr concat concat_ws contains ends_with instr lcase left
    left_grapheme len length length_grapheme levenshtein lower ltrim nfc_normalize ord parse_dirname
    parse_dirpath parse_filename position prefix regexp_extract regexp_full_match regexp_matches
    reverse right right_grapheme rtrim split_part starts_with strip_accents strlen strpos substr
    substring substring_grapheme suffix translate trim ucase unicode upper
"""
_NUMBERS = """
    abs acos add asin atan atan2 bit_count cbrt ceil ceiling cos cosh degrees divide even exp fdiv
    floor fmod gcd greatest greatest_common_divisor hash isfinite isinf isnan lcm least
    least_common_multiple ln log log10 log2 mod multiply pi pow power radians round round_even sign
    sin sinh sqrt subtract tan tanh trunc xor
"""
_DATES = """
    age century date_add date_diff date_part date_sub date_trunc datediff datepart datesub datetrunc
    day dayname dayofmonth dayofweek dayofyear days_in_month decade epoch epoch_ms epoch_ns epoch_us
    get_current_timestamp hour isodow isoyear julian last_day make_date make_time make_timestamp
    microsecond millennium millisecond minute month monthname now quarter second strftime strptime
    time_bucket timezone to_centuries to_days to_decades to_hours to_microseconds to_millennia
    to_milliseconds to_minutes to_months to_quarters to_seconds to_timestamp to_weeks to_years today
    try_strptime week weekday weekofyear year yearweek
"""
_LISTS = """
    array_append array_cat array_concat array_contains array_distinct array_extract array_filter
    array_has array_has_all array_has_any array_indexof array_intersect array_length array_position
    array_prepend array_reverse array_slice array_sort array_to_string array_unique filter
    list_any_value list_append list_avg list_cat list_concat list_contains list_count list_distinct
    list_element list_extract list_filter list_first list_has list_has_all list_has_any list_indexof
    list_intersect list_last list_max list_median list_min list_position list_prepend list_reverse
    list_reverse_sort list_slice list_sort list_sum list_unique list_value row
"""
_RECIPES = """
    json_array_length json_contains json_exists json_extract json_extract_path
    json_extract_path_text json_extract_string json_type json_valid json_value
"""
_CHOICES = "constant_or_null if nullif typeof"

ALLOWED = frozenset(
    " ".join((_OPERATORS, _TEXT, _NUMBERS, _DATES, _LISTS, _RECIPES, _CHOICES)).split()
)
"""Names of the functions and operators that a filter may call, in lower case."""

CONSTANT = {
    **dict.fromkeys(("regexp_matches", "regexp_full_match", "regexp_extract"), (1, 2)),
    **dict.fromkeys(("strftime", "strptime", "try_strptime", "levenshtein"), (1,)),
    **dict.fromkeys(("array_to_string", "->", "->>", "split_part"), (1,)),
    **dict.fromkeys((name for name in _RECIPES.split() if name != "json_valid"), (1,)),
    "concat_ws": (0,),
}
"""Places (from 0) of arguments that name no column, so that they are read once, not once a row."""

BARE_COLUMN = frozenset({"array_to_string"})
"""Functions whose first argument is a column itself: nested, their separators would multiply."""

_NESTING = "list_value row list_append list_prepend array_append array_prepend concat_ws strftime"
RESHAPING = frozenset((*_NESTING.split(), *_RECIPES.split(), "->", "->>"))
"""Functions whose results can be several times as long as what they are given."""

WORDS = frozenset(
    ("current_date", "current_time", "current_timestamp", "localtime", "localtimestamp")
)
"""What reads like a column and is none."""

_TYPES = """
    bigint bool boolean char date datetime decimal double float float4 float8 hugeint int int1 int2
    int4 int8 integer interval long numeric real short signed smallint string text time timestamp
    timestamptz tinyint ubigint uhugeint uinteger usmallint utinyint varchar
"""
CASTS = frozenset((*_TYPES.split(), "timestamp with time zone", "time with time zone"))
"""Types that a value may be cast to; a fixed array of 10^5 numbers a row is none of them."""

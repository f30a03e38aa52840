#!/usr/bin/env bash
# Split with what a shell has: split_with_jq.sh OUT KEY OBJECTS... jq decodes, awk opens a gzip for each event.
set -euo pipefail
out="$1" key="$2"
shift 2
# compact JSON holds no tab: it is written as \t
zcat "$@" | jq -r --arg key "$key" '"\(.[$key])\t\(tojson)"' |
    awk -F '\t' -v out="$out" '{print $2 | ("gzip -1 >" out "/" $1 ".json.gz")}'

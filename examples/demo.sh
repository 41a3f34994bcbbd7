#!/bin/sh
# What `make demo` runs once everything is installed: the questions Vitrail answers.
set -eu
out=${1:-demo}
mkdir -p "$out"
export VITRAIL_COLLECTION="$out/collection"

say() { printf '\n\033[1m$ %s\033[0m\n' "$*"; "$@"; }

say python examples/edit.py "$out/edited"
say vitrail index examples "$out/edited" --checkpoint dinov2-small-focus --label-from parent
say vitrail search examples/photographs/cat.jpg --k 7 --html "$out/by-image.html"
say vitrail generate "a red apple" --n 2 --seed 1
say vitrail search --prompt "a red apple" --seeds 4 --only real --html "$out/by-prompt.html"

printf '\nContact sheets: %s and %s\n' "$out/by-image.html" "$out/by-prompt.html"
printf 'The page over all of it:\n    %s serve --collection %s --open\n' "$(command -v vitrail)" "$VITRAIL_COLLECTION"

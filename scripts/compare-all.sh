#!/usr/bin/env bash
# Runs compare-bench over the work that Sedge is held to, one table a kind of work, each also as JSON in target/compare.
#
#   scripts/compare-all.sh [ROUNDS]
#
# Nine rounds unless told; a round takes some four minutes. Set TMPDIR to a folder on the disk that is to be measured.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${1:-9}
out=target/compare
mkdir -p "$out"
cargo build --release --quiet -p sedge-bench --bin compare-bench

compare() { # NAME OPTION...
  local name=$1
  shift
  echo "== $*"
  local started=$SECONDS
  target/release/compare-bench --rounds "$rounds" --json "$out/$name.json" "$@"
  echo "-- $name: $((SECONDS - started)) s"
}

large=(--docs 1000000 --commit-every 1000 --sync normal)
middle=(--docs 100000 --commit-every 1000 --sync normal)
compare inserts-one-commit --mode inserts-only --docs 10000 --commit-every 10000
compare one-row-commits --mode inserts-only --docs 10000 --commit-every 1 --sync off
compare inserts --mode inserts-only "${large[@]}"
compare reads-one-transaction --mode reads-only "${large[@]}"
compare reads-transaction-each --mode reads-only --per-read-transaction "${large[@]}"
compare scan --mode scan "${large[@]}"
compare ranges --mode scan --range 100 "${large[@]}"
for mode in mixed updates churn deletes refill; do
  compare "$mode" --mode "$mode" "${middle[@]}"
done
compare random-inserts --mode random-inserts "${large[@]}"

#!/usr/bin/env bash
# Flamegraphs of a mode of compare-bench on Sedge, before and after a change.
#
#   scripts/flamegraph.sh MODE [-r REVISION] [OPTION OF COMPARE-BENCH...]
#
# "Before" is REVISION (HEAD unless told), "after" the working tree. Writes MODE-before.svg, MODE-after.svg and
# MODE-difference.svg to target/flamegraph (red grew, blue shrank), to be opened in a browser. Needs Linux's perf; inferno
# is installed below target/ when it is missing. All rounds are sampled, with what they load before the clock starts.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mode=${1:-}
case "$mode" in '' | -*) usage ;; esac
shift
revision=HEAD
if [ "${1:-}" = -r ]; then
  revision=${2:-}
  [ -n "$revision" ] || usage
  shift 2
fi
command -v perf > /dev/null || { echo "perf is missing: install the package linux-perf" >&2; exit 1; }

out=$PWD/target/flamegraph
tools=$out/tools/bin
mkdir -p "$out"
if [ ! -x "$tools/inferno-flamegraph" ]; then
  cargo install --quiet --locked --root "$out/tools" inferno
fi

# Frame pointers make stacks cheap to walk. Both trees share a target folder, and so the dependencies.
record() { # NAME TREE OPTION...
  local name=$1 tree=$2
  shift 2
  (cd "$tree" && RUSTFLAGS="-C force-frame-pointers=yes" CARGO_TARGET_DIR="$out/build" CARGO_PROFILE_RELEASE_LTO=off \
    cargo build --release --quiet -p sedge-bench --bin compare-bench)
  # The processor's cycles, or, where a virtual machine hides them, its clock.
  local event=cycles:u
  perf stat --event $event -- true > /dev/null 2>&1 || event=cpu-clock:u
  perf record --quiet --event $event --freq 1999 --call-graph fp --output "$out/$name.perf" -- \
    "$out/build/release/compare-bench" --mode "$mode" --engine sedge-kv --sync normal "$@"
  perf script --input "$out/$name.perf" 2> /dev/null | "$tools/inferno-collapse-perf" --quiet > "$out/$name.folded"
  rm "$out/$name.perf"
  "$tools/inferno-flamegraph" --title "$mode, $name" "$out/$name.folded" > "$out/$mode-$name.svg"
}

before=$out/tree
git worktree remove --force "$before" 2> /dev/null || true
git worktree add --quiet --detach "$before" "$revision"
trap 'git worktree remove --force "$before"' EXIT
record before "$before" "$@"
record after "$PWD" "$@"
"$tools/inferno-diff-folded" --normalize "$out/before.folded" "$out/after.folded" |
  "$tools/inferno-flamegraph" --title "$mode, from before to after" > "$out/$mode-difference.svg"
ls "$out/$mode"-{before,after,difference}.svg

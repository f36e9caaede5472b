#!/bin/sh
# Builds the fuzz targets with coverage, by flags that stable Rust has, and runs each for a third of the minutes given.
# Inputs that found something new are kept beside the build, so that the next run goes on from there.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
minutes=${1:-3}
target=${CARGO_TARGET_DIR:-$here/../../target}/fuzz
triple=$(rustc -vV | sed -n 's/^host: //p')

export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Clink-dead-code -Ccodegen-units=1"
# With a target named, build scripts and macros are built without coverage.
CARGO_TARGET_DIR=$target cargo build --quiet --release --manifest-path "$here/Cargo.toml" --target "$triple"

seeds=$target/seeds
"$here/seeds.sh" "$seeds"
failed=0
for name in yaml kustomization patch; do
    corpus=$target/corpus/$name
    mkdir -p "$corpus" "$target/findings"
    echo "fuzz: $name for $((minutes * 60 / 3)) s"
    "$target/$triple/release/$name" "$corpus" "$seeds/$name" -max_total_time=$((minutes * 60 / 3)) -timeout=10 \
        -rss_limit_mb=2048 -max_len=4096 -artifact_prefix="$target/findings/$name-" -print_final_stats=1 2>&1 |
        tail -n 12 | grep -E 'stat::number_of_executed_units|stat::average|stat::peak|ERROR|SUMMARY|panicked|Test unit' || true
    if ls "$target/findings/$name-"* >/dev/null 2>&1; then
        failed=1
        ls "$target/findings/$name-"*
    fi
done
exit $failed

#!/bin/sh
# Writes what fuzzing starts from, made of this repository's own cases.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
out=$1
rm -rf "$out"
mkdir -p "$out/yaml" "$out/kustomization" "$out/patch"
number=0
for case in "$here"/../cases/render-*/in; do
    dir=$case/$(tail -n 1 "$case/cmd")
    file=$(ls "$dir"/kustomization.y*ml 2>/dev/null | head -n 1)
    [ -n "$file" ] || continue
    number=$((number + 1))
    {
        cat "$file"
        find "$case" -name '*.yaml' ! -path "$file" -size -8k | sort | while read -r other; do
            path=${other#"$case/"}
            case $path in "${dir#"$case/"}"/*) path=app/${path#"${dir#"$case/"}"/} ;; esac
            printf '\n=== %s\n' "$path"
            cat "$other"
        done
    } >"$out/kustomization/$number"
    first=
    find "$case" -name '*.yaml' -size -8k | sort | while read -r other; do
        cp "$other" "$out/yaml/$number-$(basename "$other")"
        [ -z "$first" ] || { cat "$first"; printf '\n===\n'; cat "$other"; } >"$out/patch/$number-$(basename "$other")"
        first=$other
    done
done

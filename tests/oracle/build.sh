#!/bin/sh
# Builds what muster is compared with, from Go modules, into the directory given: kustomize itself, and two programs that
# run its command and its YAML reader over many inputs in one process; with `argocd` as second word, the program that
# evaluates ApplicationSets with Argo CD's code instead. What is already there is kept.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
out=$1
version=v5.8.1
stamp="-s -w -X sigs.k8s.io/kustomize/api/provenance.version=$version"

say() { printf 'oracle: %s\n' "$*" >&2; }
older() { [ ! -x "$out/$1" ] || [ -n "$(find "$here/$2" -newer "$out/$1" -type f | head -n 1)" ]; }

mkdir -p "$out"
if [ "${2:-}" = argocd ]; then
    if older argocd-oracle argocd; then
        say "building argocd-oracle (about 4 minutes on 2 cores the first time)"
        (cd "$here/argocd" && go build -trimpath -ldflags "-s -w" -o "$out/argocd-oracle" .)
    fi
    say "ready in $out"
    exit 0
fi
for name in kustomize yaml; do
    if older "$name-oracle" "$name"; then
        say "building $name-oracle"
        (cd "$here/$name" && go build -trimpath -ldflags "$stamp" -o "$out/$name-oracle" .)
    fi
done
if [ ! -x "$out/kustomize" ]; then
    say "building kustomize $version"
    (cd "$here/kustomize" && go build -trimpath -ldflags "$stamp" -o "$out/kustomize" sigs.k8s.io/kustomize/kustomize/v5)
fi
say "ready in $out"

#!/bin/sh
# Builds the control plane the tests run against from Go modules, into the user's cache.
#
# What is already there is kept: delete a program to have it built again. Needs Go 1.26 or newer; the network only
# for what is neither built nor in the Go module cache. With KUBEBUILDER_ASSETS set, nothing is built.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
root=${XDG_CACHE_HOME:-$HOME/.cache}/muster/testbed
bin=$root/bin
stages=$root/kwok-stages

kubernetes=1.37.2 # as go.mod has it
kwok=v0.8.0
kustomize=v5.8.1

say() { printf 'testbed: %s\n' "$*" >&2; }
missing() { [ ! -x "$bin/$1" ]; }
started=$(date +%s)
took() { echo "$(($(date +%s) - started)) s so far"; }

if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
    say "using KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS"
    exit 0
fi
mkdir -p "$bin" "$stages"

if missing kube-apiserver || missing kube-controller-manager || missing kube-scheduler; then
    say "building Kubernetes $kubernetes (about 8 minutes on 2 cores)"
    (cd "$here" && go build -trimpath -o "$bin/" \
        -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=v$kubernetes -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=37" \
        k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kube-controller-manager k8s.io/kubernetes/cmd/kube-scheduler)
    say "Kubernetes is built, $(took)"
fi
if missing etcd; then
    say "building etcd (about 2 minutes)"
    (cd "$here" && go build -trimpath -ldflags "-s -w" -o "$bin/etcd" go.etcd.io/etcd/server/v3)
    say "etcd is built, $(took)"
fi
if missing kwok; then
    say "building KWOK $kwok (about 3 minutes)"
    GOBIN=$bin go install -trimpath -ldflags "-s -w" "sigs.k8s.io/kwok/cmd/kwok@$kwok"
    say "KWOK is built, $(took)"
fi
# An oracle some tests compare with; they are skipped without it.
if [ "${WITH_KUSTOMIZE:-}" = 1 ] && missing kustomize; then
    say "building kustomize $kustomize (about 1 minute)"
    GOBIN=$bin go install -trimpath -ldflags "-s -w -X sigs.k8s.io/kustomize/api/provenance.version=$kustomize" \
        "sigs.k8s.io/kustomize/kustomize/v5@$kustomize"
fi
# How KWOK plays a node and its pods: files of its own module.
if [ ! -e "$stages/pod-ready.yaml" ]; then
    module=$(go env GOMODCACHE)/sigs.k8s.io/kwok@$kwok
    [ -d "$module" ] || go mod download "sigs.k8s.io/kwok@$kwok"
    for stage in pod/fast node/fast node/heartbeat-with-lease; do
        for file in "$module/kustomize/stage/$stage"/*.yaml; do
            case $file in */kustomization.yaml) ;; *) cp "$file" "$stages/" ;; esac
        done
    done
    chmod -R u+w "$stages"
fi
say "ready in $bin, $(took)"

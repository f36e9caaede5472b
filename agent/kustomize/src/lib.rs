//! A directory of a Git tree in, Kubernetes objects out: kustomize, without Go.

#!/bin/sh
# sh deploy/kubernetes/up.sh [local|cloud]: from an empty cluster to a running system. May be run again.
set -eu
cd "$(dirname "$0")"
overlay=${1:-local}
[ -f "$overlay/kustomization.yaml" ] || { echo "usage: up.sh [local|cloud]" >&2; exit 2; }

kubectl apply -f base/namespace.yaml
# What agents and gateways trust each other by, unless it is there: cert-manager, or you, may have made it.
if ! kubectl -n threemaps get secret gateway-tls gateway-token >/dev/null 2>&1; then
    folder=$(mktemp -d)
    trap 'rm -r "$folder"' EXIT
    sh certificates/certificates.sh "$folder" >"$folder/commands" 2>/dev/null
    (cd "$folder" && sh commands)
fi
kubectl apply -k "$overlay"
kubectl -n threemaps rollout status --timeout 5m statefulset,daemonset,deployment

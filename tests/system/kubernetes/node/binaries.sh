#!/usr/bin/env bash
# binaries.sh FOLDER: what a node of Kubernetes consists of, below FOLDER/bin (built from the Go module proxy) and
# FOLDER/deb (from Debian). About 25 minutes and 1 GB on two cores, once; what is there already is kept.
set -euo pipefail
K=$1; here=$(cd "$(dirname "$0")" && pwd)
export GOFLAGS='-mod=mod -buildvcs=false' CGO_ENABLED=0 GOTOOLCHAIN=local
mkdir -p "$K/bin" "$K/source"

PROGRAMS=(etcd pause kubectl kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet coredns kube-router metrics-server)
say() { echo "kubernetes: $*"; }
missing() { for p in "${PROGRAMS[@]}"; do [ -x "$K/bin/$p" ] || echo "$p"; done; }
total=$(missing | wc -l)

debian() { # programs that a distribution has, unpacked beside everything else: nothing is installed
  [ -e "$K/deb/.ready" ] && return
  say 'getting containerd, runc, CNI plugins, conntrack and ipset from Debian'
  rm -rf "$K/deb"; mkdir -p "$K/deb/download"
  local list=(containerd runc containernetworking-plugins conntrack ipset libipset13 libnetfilter-conntrack3 libnfnetlink0 libmnl0)
  (cd "$K/deb/download" && { apt-get download "${list[@]}" || { apt-get update && apt-get download "${list[@]}"; }; } > log 2>&1) ||
    { say 'apt-get download failed:'; tail -3 "$K/deb/download/log"; return 1; }
  for package in "$K"/deb/download/*.deb; do dpkg -x "$package" "$K/deb"; done
  rm -r "$K/deb/download"; touch "$K/deb/.ready"
}

build() { # NAME FOLDER PACKAGE [MODULE@VERSION]: one program, there whole or not at all
  [ -x "$K/bin/$1" ] && return
  say "building $1 ($(( total - $(missing | wc -l) + 1 )) of $total)"
  cd "$K/source/$2"
  [ -f go.mod ] || go mod init "node.local/$2" 2> /dev/null
  [ -z "${4:-}" ] || go get "$4" > "$K/source/$1.log" 2>&1 || { tail -5 "$K/source/$1.log"; return 1; }
  nice -n 19 go build -trimpath -ldflags "-s -w ${FLAGS:-}" -o "$K/bin/.$1" "$3" > "$K/source/$1.log" 2>&1 ||
    { tail -5 "$K/source/$1.log"; return 1; }
  mv "$K/bin/.$1" "$K/bin/$1"
}

debian
[ "$total" -gt 0 ] || exit 0
command -v go > /dev/null || { say 'no Go to build with: install Go 1.24 or newer'; exit 1; }
mkdir -p "$K/source"/{kubernetes,etcd,coredns,metrics-server,kube-router,pause}
cp "$here"/{go.mod,tools.go} "$K/source/kubernetes/"; [ ! -f "$here/go.sum" ] || cp "$here/go.sum" "$K/source/kubernetes/"
cp "$here/pause.go" "$K/source/pause/main.go"
cp "$here/coredns.go" "$K/source/coredns/main.go"

build pause pause .
V=v1.34.3
FLAGS="-X k8s.io/component-base/version.gitVersion=$V -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=34"
for program in kubectl kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet; do
  build $program kubernetes k8s.io/kubernetes/cmd/$program
done
FLAGS=
build etcd etcd go.etcd.io/etcd/server/v3 go.etcd.io/etcd/server/v3@v3.6.5
build coredns coredns . github.com/coredns/coredns@v1.12.4
build kube-router kube-router github.com/cloudnativelabs/kube-router/v2/cmd/kube-router github.com/cloudnativelabs/kube-router/v2@v2.1.0
build metrics-server metrics-server sigs.k8s.io/metrics-server/cmd/metrics-server sigs.k8s.io/metrics-server@v0.8.0

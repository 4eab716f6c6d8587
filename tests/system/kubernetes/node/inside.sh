#!/usr/bin/env bash
# Inside the node's own namespaces (network, mounts, processes): everything that makes it a node of Kubernetes. By start.sh.
set -euo pipefail
K=$1; R=$K/run P=$K/run/pki L=$K/run/log G=threemaps-k8s; cd "$R"
export PATH=$K/bin:$K/deb/usr/sbin:$K/deb/usr/bin:$PATH LD_LIBRARY_PATH=$K/deb/usr/lib/x86_64-linux-gnu KUBECONFIG=$R/admin.kubeconfig
IP=10.200.0.1 PODS=10.244.0.0/16 SERVICES=10.96.0.0/16

# Mounts: what is written outside its own folder goes to memory, and is gone with this namespace.
mount --make-rprivate /; mount --make-rshared /
for d in /run /var/lib /var/log; do mount -t tmpfs tmpfs $d; done; mkdir -p /run/lock /var/log/pods
# kubelet sets these for the whole machine; here it sets copies.
for f in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
  mkdir -p sysctl/${f%/*}; cat /proc/sys/$f > sysctl/$f; mount --bind "$R/sysctl/$f" /proc/sys/$f
done
for c in /sys/fs/cgroup/*/; do [ $c = /sys/fs/cgroup/unified/ ] || mkdir -p $c/$G/kubepods; done
for c in $G $G/kubepods; do for f in cpus mems; do cat /sys/fs/cgroup/cpuset/cpuset.$f > /sys/fs/cgroup/cpuset/$c/cpuset.$f; done; done
# Network: a node's address on a bridge without a port, and a default route that leads nowhere.
ip link set lo up; ip link add node0 type bridge; ip addr add $IP/24 dev node0; ip link set node0 up; ip route add default via 10.200.0.254 dev node0
for s in net/ipv4/ip_forward net/bridge/bridge-nf-call-iptables; do echo 1 > /proc/sys/$s; done

run() { local name=$1; shift; "$@" >> "$L/$name.log" 2>&1 & echo $! > "$R/pid.$name"; }
until_ok() { for _ in $(seq 240); do "$@" > /dev/null 2>&1 && return; sleep .25; done; echo "gave up: $*"; return 1; }
run containerd containerd --config "$R/containerd.toml"
run etcd etcd --data-dir "$R/etcd" --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
  --listen-peer-urls http://127.0.0.1:2380 --unsafe-no-fsync --log-level warn
run apiserver kube-apiserver --etcd-servers http://127.0.0.1:2379 --advertise-address $IP --secure-port 6443 --service-cluster-ip-range $SERVICES \
  --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction --allow-privileged --client-ca-file "$P/ca.crt" \
  --tls-cert-file "$P/apiserver.crt" --tls-private-key-file "$P/apiserver.key" --service-account-issuer https://kubernetes.default.svc \
  --service-account-key-file "$P/sa.pub" --service-account-signing-key-file "$P/sa.key" --kubelet-client-certificate "$P/admin.crt" \
  --kubelet-client-key "$P/admin.key" --kubelet-certificate-authority "$P/ca.crt" --requestheader-client-ca-file "$P/front-ca.crt" \
  --proxy-client-cert-file "$P/front.crt" --proxy-client-key-file "$P/front.key" --requestheader-username-headers X-Remote-User \
  --requestheader-group-headers X-Remote-Group --requestheader-extra-headers-prefix X-Remote-Extra- \
  --kubelet-preferred-address-types InternalIP --enable-aggregator-routing --profiling=false
until_ok ctr -a "$R/containerd.sock" version
until_ok kubectl get --raw /readyz
run manager kube-controller-manager --kubeconfig "$R/manager.kubeconfig" --leader-elect=false --use-service-account-credentials \
  --service-account-private-key-file "$P/sa.key" --root-ca-file "$P/ca.crt" --cluster-signing-cert-file "$P/ca.crt" --cluster-signing-key-file "$P/ca.key" \
  --allocate-node-cidrs --cluster-cidr $PODS --node-cidr-mask-size 24 --horizontal-pod-autoscaler-sync-period 5s
run scheduler kube-scheduler --kubeconfig "$R/scheduler.kubeconfig" --leader-elect=false
# The images are there before anybody asks for them: kubelet would look for them in a registry, and wait longer each time.
for i in "$K"/images/*.tar; do ctr -a "$R/containerd.sock" -n k8s.io images import "$i" >> "$L/import.log" 2>&1; done
run kubelet kubelet --config "$R/kubelet.yaml" --kubeconfig "$R/kubelet.kubeconfig" --root-dir "$R/kubelet" --node-ip $IP --hostname-override node \
  --cert-dir "$P" --node-labels topology.kubernetes.io/zone=a
run proxy kube-proxy --config "$R/proxy.yaml" --hostname-override node
until_ok kubectl get node node
# Network policies; the bridge plugin enforces none.
run router kube-router --kubeconfig "$R/admin.kubeconfig" --hostname-override node --run-router=false --run-firewall=true \
  --run-service-proxy=false --run-loadbalancer=false --enable-cni=false --service-cluster-ip-range $SERVICES --metrics-port 0
touch "$R/started"; wait

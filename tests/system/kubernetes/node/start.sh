#!/usr/bin/env bash
# start.sh FOLDER: a Kubernetes of one node in network, mounts and processes of its own. All it writes is below FOLDER/run;
# stop.sh ends it. FOLDER has what binaries.sh and images.sh made.
set -euo pipefail
K=$1 here=$(cd "$(dirname "$0")" && pwd); R=$K/run P=$K/run/pki
bash "$here/stop.sh" "$K"
mkdir -p "$P" "$R"/{log,cni,containerd,kubelet,volumes/{0,1,2,3,4}}; cd "$P"

ca() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $1.key -out $1.crt -subj /CN=$1 -days 30 2> /dev/null; }
cert() { # NAME SUBJECT CA EXTENSIONS
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $1.key -subj "$2" -out $1.csr 2> /dev/null
  openssl x509 -req -in $1.csr -CA $3.crt -CAkey $3.key -CAcreateserial -days 30 -out $1.crt -extfile <(echo "$4") 2> /dev/null
}
kubeconfig() { cat > "$R/$1.kubeconfig" << E
{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: k, user: u}}],
 clusters: [{name: k, cluster: {server: 'https://127.0.0.1:6443', certificate-authority: $P/ca.crt}}],
 users: [{name: u, user: {client-certificate: $P/$1.crt, client-key: $P/$1.key}}]}
E
}
ca ca; ca front-ca
CLIENT=extendedKeyUsage=clientAuth
cert admin /O=system:masters/CN=admin ca $CLIENT; cert front /CN=front front-ca $CLIENT
cert manager /CN=system:kube-controller-manager ca $CLIENT; cert scheduler /CN=system:kube-scheduler ca $CLIENT
cert proxy /CN=system:kube-proxy ca $CLIENT; cert kubelet /O=system:nodes/CN=system:node:node ca $CLIENT
cert apiserver /CN=kube-apiserver ca "subjectAltName=DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:localhost,IP:127.0.0.1,IP:10.96.0.1,IP:10.200.0.1"
cert serving /CN=node ca "subjectAltName=DNS:node,IP:10.200.0.1"
openssl genrsa -out sa.key 2048 2> /dev/null; openssl rsa -in sa.key -pubout -out sa.pub 2> /dev/null
for user in admin manager scheduler proxy kubelet; do kubeconfig $user; done

cat > "$R/containerd.toml" << E
version = 2
root = "$R/containerd/root"
state = "$R/containerd/state"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs"]
[grpc]
  address = "$R/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "$R/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:3.10"
  restrict_oom_score_adj = true # not everybody may lower it
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$K/deb/usr/lib/cni"
    conf_dir = "$R/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
E
cat > "$R/cni/10-bridge.conflist" << E
{"cniVersion": "1.0.0", "name": "pods", "plugins": [
 {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false, "hairpinMode": true, "promiscMode": false,
  "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.244.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
 {"type": "portmap", "capabilities": {"portMappings": true}}]}
E
printf 'nameserver 10.200.0.254\n' > "$R/resolv.conf"
cat > "$R/kubelet.yaml" << E
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: { x509: { clientCAFile: $P/ca.crt }, anonymous: { enabled: false }, webhook: { enabled: true } }
authorization: { mode: Webhook }
containerRuntimeEndpoint: unix://$R/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /threemaps-k8s
clusterDomain: cluster.local
clusterDNS: [10.96.0.10]
resolvConf: $R/resolv.conf
tlsCertFile: $P/serving.crt
tlsPrivateKeyFile: $P/serving.key
podLogsDir: $R/pods-log
imageGCHighThresholdPercent: 100
evictionHard: { memory.available: 200Mi, nodefs.available: 1Gi }
enforceNodeAllocatable: [pods]
oomScoreAdj: 0
failSwapOn: false
volumePluginDir: $R/volumeplugins
syncFrequency: 10s # so soon are new Secrets in their pods
E
cat > "$R/proxy.yaml" << E
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
oomScoreAdj: 0
mode: iptables
clusterCIDR: 10.244.0.0/16
clientConnection: { kubeconfig: $R/proxy.kubeconfig }
conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s }
E
setsid nohup unshare --net --mount --pid --fork --kill-child --mount-proc bash "$here/inside.sh" "$K" > "$R/log/node.log" 2>&1 < /dev/null &
echo $! > "$R/node.pid"
for _ in $(seq 480); do
  [ ! -e "$R/started" ] || break
  kill -0 "$(cat "$R/node.pid")" 2> /dev/null || break
  sleep .25
done
[ -e "$R/started" ] || { echo 'kubernetes: the node did not start:'; tail -n 3 "$R"/log/*.log; exit 1; }
sed "s#@VOLUMES@#$R/volumes#" "$here/system.yaml" > "$R/system.yaml"
kubectl() { bash "$here/kubectl" "$K" "$@"; }
kubectl apply -f "$R/system.yaml" > "$R/log/system.log"
kubectl wait --for=condition=Ready node/node --timeout=120s > /dev/null
kubectl -n kube-system wait --for=condition=Available deploy --all --timeout=180s > /dev/null

#!/bin/sh
# What the two tiers trust each other by, where no cert-manager runs: an authority, the gateways' certificate and a token.
#   sh deploy/kubernetes/certificates/certificates.sh FOLDER
# Then make the Secrets that it names. The authority's key is needed for the next certificate only: keep it elsewhere.
set -eu
umask 077
folder=${1:?usage: certificates.sh FOLDER}
mkdir -p "$folder"
cd "$folder"

openssl ecparam -name prime256v1 -genkey -noout -out ca.key
openssl req -x509 -new -key ca.key -sha256 -days 3650 -subj "/CN=threemaps gateways" \
    -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign" -out ca.crt

openssl ecparam -name prime256v1 -genkey -noout -out tls.key
openssl req -new -key tls.key -subj "/CN=gateway" -out tls.csr
printf 'subjectAltName=DNS:gateway\nextendedKeyUsage=serverAuth\n' >tls.ext
openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -sha256 -days 3650 -extfile tls.ext -out tls.crt
rm tls.csr tls.ext

openssl rand -hex 32 | tr -d '\n' >token
cp token tokens

cat <<COMMANDS
kubectl -n threemaps create secret generic gateway-tls --type kubernetes.io/tls \\
  --from-file tls.crt --from-file tls.key --from-file ca.crt
kubectl -n threemaps create secret generic gateway-token --from-file token --from-file tokens
COMMANDS

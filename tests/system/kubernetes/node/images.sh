#!/usr/bin/env bash
# images.sh FOLDER CHECKOUT COLLECTOR PREFIX_OF_PYTHON: the images of a cluster, without an image registry, as FOLDER/images/*.tar.
# As root, on Debian: the threemaps image is this machine's Debian and Python, as in tests/system/docker.
set -euo pipefail
K=$1 checkout=$2 collector=$3 python=$4 here=$(cd "$(dirname "$0")" && pwd)
images=$K/images work=$K/images/work
PATHS=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
mkdir -p "$images"; rm -rf "$work"; mkdir "$work"; trap 'rm -rf "$work"' EXIT
say() { echo "kubernetes: $*"; }
layer() { tar -C "$1" --numeric-owner -cf "$2" .; } # FOLDER OUT.tar

one_program() { # FILE IMAGE PROGRAM CONFIG
  local out=$images/$1.tar
  if [ "$out" -nt "$3" ] && [ "$out" -nt "$0" ]; then return; fi
  say "image $2"
  mkdir -p "$work/$1/etc/ssl/certs" "$work/$1/tmp"; chmod 1777 "$work/$1/tmp"
  cp /etc/ssl/certs/ca-certificates.crt "$work/$1/etc/ssl/certs/"; cp "$3" "$work/$1/"
  layer "$work/$1" "$work/$1.tar"
  python3 "$here/image.py" "$2" "$out.new" "$4" "$work/$1.tar"; mv "$out.new" "$out"
}

base() { # Python and the packages: made anew when these change
  local key; key=$(cd "$checkout" && cat requirements-image.lock pyproject.toml setup.py tests/system/docker/make-python-base.sh | sha256sum | cut -c1-16)
  base=$images/base-$key.layer
  [ ! -s "$base" ] || return 0
  rm -f "$images"/base-*.layer
  say 'image threemaps: Python and its packages (a minute)'
  local r=$work/base; mkdir "$r"
  bash "$checkout/tests/system/docker/make-python-base.sh" "$r" "$python"
  cp /etc/resolv.conf /etc/hosts "$r/etc/"; mkdir -p "$r/app"
  cp "$checkout"/{requirements-image.lock,pyproject.toml,setup.py,README.md,LICENSE} "$r/app/"; project "$r"
  mount -t proc proc "$r/proc"; trap 'umount "$work/base/proc"; rm -rf "$work"' EXIT
  chroot "$r" env -i PATH=$PATHS LANG=C.UTF-8 HOME=/tmp PIP_CERT=/etc/ssl/certs/ca-certificates.crt PYTHONDONTWRITEBYTECODE=1 sh -ec '
    cd /app
    useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin threemaps
    mkdir -p /state/run /state/queue /state/faults /state/data /state/page; chown -R 10001:10001 /state
    export PIP_ROOT_USER_ACTION=ignore
    pip install --no-cache-dir --quiet --require-hashes -r requirements-image.lock
    pip install --no-cache-dir --quiet --no-deps --no-build-isolation --editable .' > "$work/pip.log" 2>&1 || { tail -5 "$work/pip.log"; return 1; }
  umount "$r/proc"; trap 'rm -rf "$work"' EXIT
  layer "$r" "$base.new"; mv "$base.new" "$base"
}

project() { (cd "$checkout" && tar -cf - --exclude=__pycache__ aws collector threemaps services) | tar -C "$1/app" -xf -; }

C=docker.io/otel/opentelemetry-collector-contrib:0.152.0
one_program pause localhost/pause:3.10 "$K/bin/pause" '{"User":"65535:65535","Entrypoint":["/pause"]}'
one_program collector $C "$collector" '{"User":"10001","Entrypoint":["/otelcol-contrib"],"Cmd":["--config","/etc/otelcol-contrib/config.yaml"]}'
one_program coredns localhost/coredns:1.12.4 "$K/bin/coredns" '{"User":"65532","Entrypoint":["/coredns"]}'
one_program metrics-server localhost/metrics-server:0.8.0 "$K/bin/metrics-server" '{"User":"65532","Entrypoint":["/metrics-server"]}'
base
say 'image threemaps: the checkout'
mkdir -p "$work/project/app"; project "$work/project"; "$python/bin/python3" -m compileall -q -s "$work/project" "$work/project/app" || true
layer "$work/project" "$work/project.tar"
python3 "$here/image.py" docker.io/library/threemaps:local "$images/threemaps.tar" \
  "{\"User\":\"10001\",\"WorkingDir\":\"/app\",\"Cmd\":[\"python3\"],\"Env\":[\"PATH=$PATHS\",\"LANG=C.UTF-8\",\"PYTHONDONTWRITEBYTECODE=1\",\"PYTHONUNBUFFERED=1\"]}" \
  "$base" "$work/project.tar"

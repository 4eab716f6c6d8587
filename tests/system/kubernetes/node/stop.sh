#!/usr/bin/env bash
# stop.sh FOLDER: ends the one process with which all others of the node end, and takes away what it left.
K=$1 R=$1/run
if [ -e "$R/node.pid" ]; then
  p=$(cat "$R/node.pid")
  if grep -qs inside.sh "/proc/$p/cmdline"; then
    kill -KILL "$p"
    for _ in $(seq 300); do [ -d "/proc/$p" ] || break; sleep .1; done
  fi
fi
for _ in $(seq 50); do # the cgroups, from the innermost; they are empty once all processes are reaped
  for c in /sys/fs/cgroup/*/threemaps-k8s; do [ ! -d "$c" ] || find "$c" -depth -type d -exec rmdir {} + 2> /dev/null; done
  ls -d /sys/fs/cgroup/*/threemaps-k8s > /dev/null 2>&1 || break
  sleep .2
done
rm -rf "$R"

#!/usr/bin/env bash
# What the stores of the label join do on a full disk and on write errors; bench/run.sh runs this.
#
#   bench/join_failures.sh PROGRAM FOLDER
#
# A full disk is a tmpfs of 32 MB, mounted in a mount namespace of its own (as root, or as whoever
# may make user namespaces), of which 8 MB are freed after the first error.
set -euo pipefail

if [ "${3:-}" != inside ]; then
  exec unshare --mount --map-root-user "$0" "$1" "$2" inside
fi
program=$1 dir=$2
mkdir -p "$dir"

echo "store           fault  promised  process  readable  goes on  reopened  resumes  first error"
for fault in full write sync; do
  for store in log rocksdb rocksdb_one lmdb sqlite sqlite_arrival; do
    mount -t tmpfs -o size=32m tmpfs "$dir"
    head -c 8M /dev/zero >"$dir/ballast"
    "$program" "$store" "$dir/store" "$fault" 2>/dev/null || echo "$store $fault: status $?"
    umount "$dir"
  done
done
rmdir "$dir"

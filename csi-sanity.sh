#!/bin/bash
# ./csi-sanity.sh [BACKEND...]: runs csi-sanity against the driver with each backend, or those named, and ends with a
# table. Fails where a case fails, or is skipped that the backend's features allow. Needs root.
set -euo pipefail
cd "$(dirname -- "$(realpath -- "$0")")"
scripts/setup.sh test
node_modules/.bin/esbuild test/sanity/main.ts --bundle --packages=external --platform=node --format=esm \
  --outfile=.cache/sanity/main.mjs --log-level=warning
exec node .cache/sanity/main.mjs "$@"

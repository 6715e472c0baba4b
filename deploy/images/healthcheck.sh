#!/usr/bin/env bash
# Succeeds if the server of this container is ready: /readyz returns 200. Plain bash, because the image has no curl.
set -euo pipefail

exec 3<>"/dev/tcp/127.0.0.1/${DEVICEREGISTRY_WEB_PORT:-8080}"
printf 'GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
read -r _ status _ <&3
[[ $status == 200 ]]

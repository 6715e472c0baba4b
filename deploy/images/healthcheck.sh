#!/usr/bin/env bash
# Whether the server of this container should be asked: /readyz says 200. In plain bash, since the image has no curl.
set -euo pipefail

exec 3<>"/dev/tcp/127.0.0.1/${DEVICEREGISTRY_WEB_PORT:-8080}"
printf 'GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
read -r _ status _ <&3
[[ $status == 200 ]]

#!/usr/bin/env bash
# Compiles dreg ahead of time into a folder: lib/publish-dreg.sh FOLDER. See publish_dreg in shell.sh.
set -euo pipefail

source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/shell.sh"

require_dotnet
publish_dreg "$1"

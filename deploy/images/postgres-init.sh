#!/usr/bin/env bash
# Creates the roles, their passwords and the database. The PostgreSQL image runs this once, while its volume is new and no client can
# connect yet. Each password is the fifth field of the role's secret, which is a password file (HOST:PORT:DATABASE:ROLE:PASSWORD).
set -euo pipefail

secrets=${SECRETS:-/run/secrets}

administer() { psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres "$@"; }

administer --file /registry/roles.sql
for role in registry_owner registry_service; do
    password=$(cut -d: -f5- "$secrets/$role.pgpass")
    [[ -n $password ]] || { echo "$secrets/$role.pgpass holds no password" >&2; exit 1; }
    administer <<<"ALTER ROLE $role PASSWORD '$password'"   # through standard input: other users can see arguments
done
administer --command 'CREATE DATABASE registry OWNER registry_owner'

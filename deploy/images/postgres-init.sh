#!/usr/bin/env bash
# Roles, their passwords and the database. The PostgreSQL image runs this once, when its volume is new and nobody can
# connect yet. Each password is the fifth field of the role's secret, which is a password file (HOST:PORT:DATABASE:ROLE:PASSWORD).
set -euo pipefail

secrets=${SECRETS:-/run/secrets}

administer() { psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres "$@"; }

administer --file /registry/roles.sql
for role in registry_owner registry_service; do
    password=$(cut -d: -f5- "$secrets/$role.pgpass")
    [[ -n $password ]] || { echo "$secrets/$role.pgpass holds no password" >&2; exit 1; }
    administer <<<"ALTER ROLE $role PASSWORD '$password'"   # by standard input: arguments can be seen by others
done
administer --command 'CREATE DATABASE registry OWNER registry_owner'

-- Roles of the registry. They belong to the cluster, so they are created before the schema, by a login that may create
-- roles. Safe to run again.
--   registry_owner    owns the schema and applies migrations
--   registry_service  the registrar: no DDL, no UPDATE or DELETE on the journal
--   registry_reader   reports
DO $$
BEGIN
  -- Two processes may create databases in one cluster at the same time.
  PERFORM pg_advisory_xact_lock(7212, 0);
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'registry_owner') THEN CREATE ROLE registry_owner LOGIN; END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'registry_service') THEN
    CREATE ROLE registry_service LOGIN;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'registry_reader') THEN CREATE ROLE registry_reader LOGIN; END IF;
END $$;

-- If a registrar disappears in the middle of a write, PostgreSQL ends its session within these limits: the session may
-- hold the journal's lock.
ALTER ROLE registry_service SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE registry_service SET tcp_keepalives_idle = 10;
ALTER ROLE registry_service SET tcp_keepalives_interval = 5;
ALTER ROLE registry_service SET tcp_keepalives_count = 3;

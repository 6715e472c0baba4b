-- Roles of the registry. Cluster-wide, so created before the schema and by whoever may create roles; safe to run again.
--   registry_owner    owns the schema and applies migrations
--   registry_service  what the registrar runs under: no DDL, no UPDATE or DELETE on the journal
--   registry_reader   reports
DO $$
BEGIN
  -- Two databases of one cluster may be set up at the same time.
  PERFORM pg_advisory_xact_lock(7212, 0);
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'registry_owner') THEN CREATE ROLE registry_owner LOGIN; END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'registry_service') THEN CREATE ROLE registry_service LOGIN; END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'registry_reader') THEN CREATE ROLE registry_reader LOGIN; END IF;
END $$;

-- A registrar that vanishes in the middle of a write must not hold the journal's lock for as long as TCP takes to notice.
ALTER ROLE registry_service SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE registry_service SET tcp_keepalives_idle = 10;
ALTER ROLE registry_service SET tcp_keepalives_interval = 5;
ALTER ROLE registry_service SET tcp_keepalives_count = 3;

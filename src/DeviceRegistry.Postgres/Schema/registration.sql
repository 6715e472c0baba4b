-- What is done to rows of batches beside inserting them, and only while their batch allows it. Applied by the migration that brought
-- batches of millions. The service has no DELETE on any table: what it may remove, it removes through these.

-- Files come compressed or are read once; trying to compress them again costs more than it saves.
ALTER TABLE upload_chunks ALTER COLUMN bytes SET STORAGE EXTERNAL;
ALTER TABLE batch_pieces ALTER COLUMN bytes SET STORAGE EXTERNAL;
ALTER TABLE fault_pages ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- The file of a batch that is registered, rejected or checked has served.
CREATE FUNCTION batch_drop_file(batch int) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  DELETE FROM upload_chunks c USING batches b WHERE c.batch_number = batch AND b.number = batch AND b.state NOT IN (1, 2);
END $$;

-- Rows that a batch stored before it turned out that it cannot be registered: IMEIs first, then the units they belong to and what was written
-- beside them. Never of a registered one.
CREATE FUNCTION batch_withdraw_imeis(batch int, numbers bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM batches WHERE number = batch AND state = 2 FOR UPDATE;
  IF NOT FOUND THEN RAISE EXCEPTION 'batch % is not being validated', batch; END IF;
  DELETE FROM imeis WHERE imei = ANY (numbers) AND batch_number = batch;
END $$;

CREATE FUNCTION batch_withdraw_units(batch int, first int, last int) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM batches WHERE number = batch AND state = 2 FOR UPDATE;
  IF NOT FOUND THEN RAISE EXCEPTION 'batch % is not being validated', batch; END IF;
  DELETE FROM devices WHERE batch_number = batch AND unit BETWEEN first AND last;
  DELETE FROM batch_pieces WHERE batch_number = batch;
  DELETE FROM quarantined_units WHERE batch_number = batch;
  DELETE FROM fault_pages WHERE batch_number = batch;
END $$;

REVOKE ALL ON FUNCTION batch_drop_file, batch_withdraw_imeis, batch_withdraw_units FROM PUBLIC;
GRANT EXECUTE ON FUNCTION batch_drop_file, batch_withdraw_imeis, batch_withdraw_units TO registry_service;

GRANT SELECT, INSERT ON devices, imeis, upload_chunks, fault_pages, batch_pieces, quarantined_units, malformed_identities, alarms TO registry_service;
GRANT SELECT ON unit_runs TO registry_service;
GRANT SELECT, INSERT, UPDATE ON batches, sightings, sighting_segments, changes TO registry_service;

-- A board swap, and nothing else, changes these.
GRANT UPDATE (imeis) ON devices TO registry_service;
GRANT UPDATE (retired_at) ON imeis TO registry_service;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO registry_service;

GRANT SELECT ON devices, imeis, fault_pages, quarantined_units, unit_runs, batches, sightings, malformed_identities, sighting_segments, alarms, changes TO registry_reader;

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

-- An open, rejected or checked batch vanishes with all it has; false: there is none in such a state.
CREATE FUNCTION batch_discard(batch int) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM batches WHERE number = batch AND state IN (1, 3, 4) FOR UPDATE;
  IF NOT FOUND THEN RETURN false; END IF;
  IF EXISTS (SELECT FROM devices WHERE batch_number = batch) THEN RAISE EXCEPTION 'batch % has units', batch; END IF;
  DELETE FROM upload_chunks WHERE batch_number = batch;
  DELETE FROM fault_pages WHERE batch_number = batch;
  DELETE FROM quarantined_units WHERE batch_number = batch;
  DELETE FROM batches WHERE number = batch;
  RETURN true;
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

-- The states of all units of a registered batch, in place of what they were. Refused unless they cover its units without gap.
CREATE FUNCTION batch_set_runs(batch int, firsts int[], lasts int[], states smallint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  subject record;
  covered int := 0;
  i int;
BEGIN
  SELECT units, imeis_per_unit INTO subject FROM batches WHERE number = batch AND state >= 5 FOR UPDATE;
  IF NOT FOUND THEN RAISE EXCEPTION 'batch % is not registered', batch; END IF;
  FOR i IN 1 .. coalesce(array_length(firsts, 1), 0) LOOP
    IF firsts[i] <> covered + 1 OR lasts[i] < firsts[i] THEN RAISE EXCEPTION 'the runs of batch % have a gap at unit %', batch, firsts[i]; END IF;
    covered := lasts[i];
  END LOOP;
  IF covered <> subject.units THEN RAISE EXCEPTION 'the runs of batch % cover % of % units', batch, covered, subject.units; END IF;

  -- Those that stay as they are keep their count: it is looked up only where units differ in theirs.
  DELETE FROM unit_runs r WHERE r.batch_number = batch AND NOT EXISTS (
    SELECT FROM unnest(firsts, lasts, states) AS t (f, l, s) WHERE (t.f, t.l, t.s) = (r.first_unit, r.last_unit, r.state));
  INSERT INTO unit_runs (batch_number, first_unit, last_unit, state, imeis)
  SELECT batch, t.f, t.l, t.s, coalesce((t.l - t.f + 1) * subject.imeis_per_unit,
    (SELECT sum(cardinality(d.imeis)) FROM devices d WHERE d.batch_number = batch AND d.unit BETWEEN t.f AND t.l))
  FROM unnest(firsts, lasts, states) AS t (f, l, s)
  ON CONFLICT (batch_number, first_unit) DO NOTHING;
END $$;

REVOKE ALL ON FUNCTION batch_drop_file, batch_discard, batch_withdraw_imeis, batch_withdraw_units, batch_set_runs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION batch_drop_file, batch_discard, batch_withdraw_imeis, batch_withdraw_units, batch_set_runs TO registry_service;

GRANT SELECT, INSERT ON devices, imeis, upload_chunks, fault_pages, batch_pieces, quarantined_units, malformed_identities, alarms TO registry_service;
GRANT SELECT ON unit_runs TO registry_service;
GRANT SELECT, INSERT, UPDATE ON batches, sightings, sighting_segments, changes TO registry_service;

-- A board swap, and nothing else, changes these.
GRANT UPDATE (imeis) ON devices TO registry_service;
GRANT UPDATE (retired_at) ON imeis TO registry_service;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO registry_service;

GRANT SELECT ON devices, imeis, fault_pages, quarantined_units, unit_runs, batches, sightings, malformed_identities, sighting_segments, alarms, changes TO registry_reader;

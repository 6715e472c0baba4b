-- What ends an upload and what says in which states the units of a batch are. Applied by the migration that dates their states.

DROP FUNCTION IF EXISTS batch_discard(int);
DROP FUNCTION IF EXISTS batch_set_runs(int, int[], int[], smallint[]);

-- An open, rejected or checked batch vanishes with all it has, where a time is given only if it expired before that; false: there is no such
-- one. What it waits for may be a chunk on its way, after which it has not expired.
CREATE FUNCTION batch_discard(batch int, expired_before timestamptz DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM batches WHERE number = batch AND state IN (1, 3, 4) AND (expired_before IS NULL OR expires_at < expired_before) FOR UPDATE;
  IF NOT FOUND THEN RETURN false; END IF;
  IF EXISTS (SELECT FROM devices WHERE batch_number = batch) THEN RAISE EXCEPTION 'batch % has units', batch; END IF;
  DELETE FROM upload_chunks WHERE batch_number = batch;
  DELETE FROM fault_pages WHERE batch_number = batch;
  DELETE FROM quarantined_units WHERE batch_number = batch;
  DELETE FROM batches WHERE number = batch;
  RETURN true;
END $$;

-- The states of all units of a registered batch, in place of what they were. Refused unless they cover its units without gap.
CREATE FUNCTION batch_set_runs(batch int, firsts int[], lasts int[], states smallint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  subject record;
  covered int := 0;
  sinces timestamptz[];
  i int;
BEGIN
  SELECT units, imeis, imeis_per_unit INTO subject FROM batches WHERE number = batch AND state >= 5 FOR NO KEY UPDATE;
  IF NOT FOUND THEN RAISE EXCEPTION 'batch % is not registered', batch; END IF;
  FOR i IN 1 .. coalesce(array_length(firsts, 1), 0) LOOP
    IF firsts[i] <> covered + 1 OR lasts[i] < firsts[i] THEN RAISE EXCEPTION 'the runs of batch % have a gap at unit %', batch, firsts[i]; END IF;
    covered := lasts[i];
  END LOOP;
  IF covered <> subject.units THEN RAISE EXCEPTION 'the runs of batch % cover % of % units', batch, covered, subject.units; END IF;

  -- 1. Since when: of units that stand together, the earliest time that one of them had this state without interruption.
  sinces := ARRAY(
    SELECT coalesce(least(outside.since, inside.since), now())
    FROM unnest(firsts, lasts, states) WITH ORDINALITY AS t (f, l, s, n)
    LEFT JOIN LATERAL (
      SELECT r.state, r.since FROM unit_runs r WHERE r.batch_number = batch AND r.first_unit <= t.f ORDER BY r.first_unit DESC LIMIT 1) outside ON outside.state = t.s
    LEFT JOIN (
      SELECT width_bucket(r.first_unit, firsts) AS n, r.state, min(r.since) AS since FROM unit_runs r WHERE r.batch_number = batch GROUP BY 1, 2) inside
      ON inside.n = t.n AND inside.state = t.s
    ORDER BY t.n);

  -- 2. Those that stay as they are keep their count. Where units differ in theirs it is looked up, but for the largest run, which has the rest.
  DELETE FROM unit_runs r WHERE r.batch_number = batch AND NOT EXISTS (
    SELECT FROM unnest(firsts, lasts, states) AS t (f, l, s) WHERE (t.f, t.l, t.s) = (r.first_unit, r.last_unit, r.state));
  WITH kept AS MATERIALIZED (
    SELECT r.first_unit, r.imeis FROM unit_runs r WHERE r.batch_number = batch),
  fresh AS MATERIALIZED (
    SELECT t.*, row_number() OVER (ORDER BY t.l - t.f DESC, t.f) = 1 AS is_largest
    FROM unnest(firsts, lasts, states, sinces) AS t (f, l, s, since) WHERE t.f NOT IN (SELECT first_unit FROM kept)),
  counted AS MATERIALIZED (
    SELECT f.*, CASE
      WHEN subject.imeis_per_unit IS NOT NULL THEN (f.l - f.f + 1) * subject.imeis_per_unit
      WHEN NOT f.is_largest THEN (SELECT sum(cardinality(d.imeis)) FROM devices d WHERE d.batch_number = batch AND d.unit BETWEEN f.f AND f.l) END AS imeis
    FROM fresh f)
  INSERT INTO unit_runs (batch_number, first_unit, last_unit, state, since, imeis)
  SELECT batch, c.f, c.l, c.s, c.since,
    coalesce(c.imeis, subject.imeis - (SELECT coalesce(sum(k.imeis), 0) FROM kept k) - (SELECT coalesce(sum(o.imeis), 0) FROM counted o))
  FROM counted c;
END $$;

REVOKE ALL ON FUNCTION batch_discard, batch_set_runs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION batch_discard, batch_set_runs TO registry_service;

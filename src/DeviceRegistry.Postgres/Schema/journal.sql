-- The journal's functions, its grants, and what the tables start with. Applied by the first migration, after its tables.

-- Writes the contents of an entry, before any lock. The digests are computed here, by the database, from the bytes it stores.
CREATE FUNCTION journal_stage(
  entry_id uuid, entry_kind int, binding boolean, entry_actor bigint, for_all bytea, kept_back bytea,
  subject_kinds smallint[], subjects bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  salt bytea := '';
BEGIN
  IF length(kept_back) > 0 THEN salt := uuid_send(gen_random_uuid()); END IF;
  INSERT INTO journal_payloads (id, kind, must_understand, actor, public_bytes, private_digest)
    VALUES (entry_id, entry_kind, binding, entry_actor, for_all, sha256(salt || kept_back));
  IF length(kept_back) > 0 THEN
    INSERT INTO journal_private (payload_id, salt, private_bytes) VALUES (entry_id, salt, kept_back);
  END IF;
  INSERT INTO journal_subjects (kind, subject, payload_id)
    SELECT k, s, entry_id FROM unnest(subject_kinds, subjects) AS t (k, s);
END $$;

-- Appends staged entries to the chain in commit order, without gaps. Commit must follow at once: the lock is held until then.
-- hash = sha256(previous || position 8 | epoch 4 | microseconds 8 | kind 4 | must understand 1 | actor 8 || digests)
CREATE FUNCTION journal_append(staged uuid[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  last_position bigint := 0;
  last_at timestamptz := '-infinity';
  last_hash bytea := decode(repeat('00', 32), 'hex');
  reign int;
  entry record;
BEGIN
  -- A snapshot taken before the lock would not see the newest entry.
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'journal_append needs READ COMMITTED, not %', current_setting('transaction_isolation');
  END IF;

  PERFORM pg_advisory_xact_lock(7212, 1);
  SELECT j.position, j.at, j.hash INTO last_position, last_at, last_hash FROM journal j ORDER BY j.position DESC LIMIT 1;
  IF NOT FOUND THEN
    last_position := 0; last_at := '-infinity'; last_hash := decode(repeat('00', 32), 'hex');
  END IF;
  SELECT max(e.epoch) INTO reign FROM journal_epochs e;

  FOR entry IN
    SELECT p.* FROM unnest(staged) WITH ORDINALITY AS s (id, n) JOIN journal_payloads p ON p.id = s.id ORDER BY s.n
  LOOP
    last_position := last_position + 1;
    last_at := greatest(clock_timestamp(), last_at + interval '1 microsecond');
    last_hash := sha256(last_hash
      || int8send(last_position) || int4send(reign) || int8send((extract(epoch FROM last_at) * 1000000)::bigint)
      || int4send(entry.kind) || CASE WHEN entry.must_understand THEN '\x01'::bytea ELSE '\x00'::bytea END || int8send(entry.actor)
      || entry.public_digest || entry.private_digest);
    INSERT INTO journal (position, epoch, at, payload_id, hash) VALUES (last_position, reign, last_at, entry.id, last_hash);
  END LOOP;

  PERFORM pg_notify('journal', last_position::text);
  RETURN last_position;
END $$;

REVOKE ALL ON FUNCTION journal_stage, journal_append FROM PUBLIC;
GRANT EXECUTE ON FUNCTION journal_stage, journal_append TO registry_service;

-- The service changes state and never deletes; the journal it can only read and, through the functions above, append to.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO registry_service;
GRANT INSERT, UPDATE ON parties, actors, authorizations, tac_mandates, tacs, policies, batches, orders, node_positions TO registry_service;
GRANT INSERT ON devices, imeis, order_items, receipts TO registry_service;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO registry_service;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO registry_reader;
REVOKE SELECT ON journal_private FROM registry_reader;

INSERT INTO journal_epochs (epoch, reason) VALUES (1, 'first primary');

-- Reason codes with their GSMA mapping (DOMAIN 10; the GSMA codes are unverified). Data with dates: a new code is a row.
INSERT INTO order_reasons (code, order_class, valid_from, check_reason, gsma_code) VALUES
  ('COURT_ORDER', 1, '2018-12-01', 3, '0028'),
  ('BARRED',      2, '2018-12-01', 4, ''),
  ('SECURITY',    2, '2018-12-01', 4, ''),
  ('BARRED_TAC',  2, '2018-12-01', 5, ''),
  ('STOLEN',      3, '2018-12-01', 6, '0011'),
  ('LOST',        3, '2018-12-01', 7, '0011');

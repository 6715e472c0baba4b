-- The journal: a hash chain, the contents of its entries, and the only functions that write it.

-- An epoch: the time of one primary.
CREATE TABLE journal_epochs (
  epoch int NOT NULL,
  reason text NOT NULL,
  restored boolean NOT NULL DEFAULT false,
  CONSTRAINT "PK_journal_epochs" PRIMARY KEY (epoch)
);
GRANT SELECT ON journal_epochs TO registry_service, registry_reader;
INSERT INTO journal_epochs (epoch, reason) VALUES (1, 'first primary');

-- The contents of an entry, written before the lock is taken. The index finds entries that have no subject:
-- members (1, 2), statements about restores (17), checkpoints (9).
CREATE TABLE journal_payloads (
  id uuid NOT NULL,
  kind int NOT NULL,
  must_understand boolean NOT NULL,
  actor bigint NOT NULL,
  public_bytes bytea NOT NULL,
  public_digest bytea GENERATED ALWAYS AS (sha256(public_bytes)) STORED NOT NULL,
  private_digest bytea NOT NULL,
  CONSTRAINT "PK_journal_payloads" PRIMARY KEY (id)
);
CREATE INDEX "IX_journal_payloads_kind" ON journal_payloads (kind) WHERE kind IN (1, 2, 9, 17);
GRANT SELECT ON journal_payloads TO registry_service, registry_reader;

-- The private part of an entry. A row can be erased and the chain stays intact.
CREATE TABLE journal_private (
  payload_id uuid NOT NULL,
  salt bytea NOT NULL,
  private_bytes bytea NOT NULL,
  CONSTRAINT "PK_journal_private" PRIMARY KEY (payload_id),
  CONSTRAINT "FK_journal_private_journal_payloads_payload_id" FOREIGN KEY (payload_id)
    REFERENCES journal_payloads (id) ON DELETE RESTRICT
);
GRANT SELECT ON journal_private TO registry_service;

-- A link of the chain: small, because the lock is held while it is inserted.
CREATE TABLE journal (
  position bigint NOT NULL,
  epoch int NOT NULL,
  at timestamptz NOT NULL,
  payload_id uuid NOT NULL,
  hash bytea NOT NULL,
  CONSTRAINT "PK_journal" PRIMARY KEY ("position"),
  CONSTRAINT journal_from_one CHECK (position >= 1),
  CONSTRAINT "FK_journal_journal_epochs_epoch" FOREIGN KEY (epoch)
    REFERENCES journal_epochs (epoch) ON DELETE RESTRICT,
  CONSTRAINT "FK_journal_journal_payloads_payload_id" FOREIGN KEY (payload_id)
    REFERENCES journal_payloads (id) ON DELETE RESTRICT
);
CREATE INDEX "IX_journal_epoch" ON journal (epoch);
CREATE UNIQUE INDEX "IX_journal_payload_id" ON journal (payload_id);
GRANT SELECT ON journal TO registry_service, registry_reader;

-- What an entry is about, so that history can be read by subject.
CREATE TABLE journal_subjects (
  kind smallint NOT NULL,
  subject bigint NOT NULL,
  payload_id uuid NOT NULL,
  CONSTRAINT "PK_journal_subjects" PRIMARY KEY (kind, subject, payload_id)
);
GRANT SELECT ON journal_subjects TO registry_service, registry_reader;

-- The answer to a reference: the same call again gets the same answer.
CREATE TABLE receipts (
  party_id bigint NOT NULL,
  reference text NOT NULL,
  digest bytea NOT NULL,
  answer bytea NOT NULL,
  payload_id uuid,
  CONSTRAINT "PK_receipts" PRIMARY KEY (party_id, reference)
);
GRANT SELECT, INSERT ON receipts TO registry_service;
GRANT SELECT ON receipts TO registry_reader;

-- Writes the contents of an entry, before any lock. The database computes the digests from the bytes it stores.
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

-- Appends staged entries to the chain in commit order, without gaps. Holds the journal's lock until the commit, so
-- commit at once.
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
  SELECT j.position, j.at, j.hash INTO last_position, last_at, last_hash FROM journal j
    ORDER BY j.position DESC LIMIT 1;
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
      || int4send(entry.kind) || CASE WHEN entry.must_understand THEN '\x01'::bytea ELSE '\x00'::bytea END
      || int8send(entry.actor)
      || entry.public_digest || entry.private_digest);
    INSERT INTO journal (position, epoch, at, payload_id, hash)
      VALUES (last_position, reign, last_at, entry.id, last_hash);
  END LOOP;

  PERFORM pg_notify('journal', last_position::text);
  RETURN last_position;
END $$;

REVOKE ALL ON FUNCTION journal_stage, journal_append FROM PUBLIC;
GRANT EXECUTE ON FUNCTION journal_stage, journal_append TO registry_service;

-- The journal never returns to an earlier epoch. The first entry of an epoch that begins with a restore is the signed
-- statement about the restore (kind 17), and no other entry is: until then every write is refused.
CREATE FUNCTION journal_epoch_holds() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  before int;
  begins_restored boolean;
  states boolean;
BEGIN
  SELECT j.epoch INTO before FROM journal j WHERE j.position = NEW.position - 1;
  IF before > NEW.epoch THEN RAISE EXCEPTION 'epoch % is over', NEW.epoch; END IF;
  -- A later epoch does not replace the missing statement of an earlier restore.
  begins_restored := before IS DISTINCT FROM NEW.epoch
    AND EXISTS (SELECT FROM journal_epochs e
      WHERE e.epoch > coalesce(before, 0) AND e.epoch <= NEW.epoch AND e.restored);
  states := (SELECT p.kind FROM journal_payloads p WHERE p.id = NEW.payload_id) = 17;
  IF begins_restored AND NOT states THEN
    RAISE EXCEPTION 'the registry was restored and waits for the statement about it' USING ERRCODE = 'DR001';
  END IF;
  IF states AND NOT begins_restored THEN
    RAISE EXCEPTION 'a statement about a restore is the first entry of its epoch';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER journal_epoch_holds BEFORE INSERT ON journal FOR EACH ROW EXECUTE FUNCTION journal_epoch_holds();

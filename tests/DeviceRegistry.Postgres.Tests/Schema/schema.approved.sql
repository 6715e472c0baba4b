--
-- PostgreSQL database dump
--

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: appeal_as_it_was(); Type: FUNCTION; Schema: public; Owner: registry_owner
--

CREATE FUNCTION public.appeal_as_it_was() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
  IF NEW IS NOT DISTINCT FROM OLD THEN RETURN NEW; END IF;
  IF (NEW.number, NEW.order_number, NEW.order_drafted_by, NEW.order_approved_by, NEW.forum, NEW.after_appeal,
      NEW.appellant, NEW.grounds, NEW.reference, NEW.evidence, NEW.filed_on, NEW.file_by, NEW.recorded_by,
      NEW.recorded_at)
    IS DISTINCT FROM (OLD.number, OLD.order_number, OLD.order_drafted_by, OLD.order_approved_by, OLD.forum,
        OLD.after_appeal, OLD.appellant, OLD.grounds, OLD.reference, OLD.evidence, OLD.filed_on, OLD.file_by,
        OLD.recorded_by, OLD.recorded_at) THEN
    RAISE EXCEPTION 'appeal % was filed already', OLD.number
      USING ERRCODE = 'check_violation', CONSTRAINT = 'appeal_as_filed';
  END IF;
  IF NEW.state = OLD.state
    OR (NEW.state <> 2 AND (NEW.reviewed_by, NEW.reviewed_at) IS DISTINCT FROM (OLD.reviewed_by, OLD.reviewed_at))
    OR (NEW.state <> 5 AND (NEW.remitted_at, NEW.decide_by) IS DISTINCT FROM (OLD.remitted_at, OLD.decide_by))
    OR (NEW.state = 2 AND (NEW.decided_by, NEW.decided_at, NEW.findings, NEW.decision_evidence, NEW.measure)
      IS DISTINCT FROM (OLD.decided_by, OLD.decided_at, OLD.findings, OLD.decision_evidence, OLD.measure)) THEN
    RAISE EXCEPTION 'what was said of appeal % stays', OLD.number
      USING ERRCODE = 'check_violation', CONSTRAINT = 'appeal_as_it_was';
  END IF;
  RETURN NEW;
END $$;

ALTER FUNCTION public.appeal_as_it_was() OWNER TO registry_owner;

--
-- Name: appeal_steps(); Type: FUNCTION; Schema: public; Owner: registry_owner
--

CREATE FUNCTION public.appeal_steps() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.state <> 1 THEN
      RAISE EXCEPTION 'an appeal begins as one that was filed'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'appeal_transition';
    END IF;
    IF NOT EXISTS (SELECT FROM orders o WHERE o.number = NEW.order_number AND o.action = 1) THEN
      RAISE EXCEPTION 'appeals are against block orders'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'appeal_against_a_block';
    END IF;
  ELSE
    IF NEW.state <> OLD.state AND NOT EXISTS (
      SELECT FROM appeal_transitions t WHERE t.from_state = OLD.state AND t.to_state = NEW.state) THEN
      RAISE EXCEPTION 'appeal % does not go from state % to state %', OLD.number, OLD.state, NEW.state
        USING ERRCODE = 'check_violation', CONSTRAINT = 'appeal_transition';
    END IF;
    -- The order, the forum, the day of filing and the person who recorded an appeal never change.
    IF (NEW.order_number, NEW.forum, NEW.filed_on, NEW.recorded_by)
        <> (OLD.order_number, OLD.forum, OLD.filed_on, OLD.recorded_by) OR NEW.file_by IS DISTINCT FROM OLD.file_by THEN
      RAISE EXCEPTION 'appeal % was filed already', OLD.number
        USING ERRCODE = 'check_violation', CONSTRAINT = 'appeal_as_filed';
    END IF;
  END IF;
  -- A reversal needs an approved lift or annulment of the order, so that it cannot replace the two signatures of one.
  IF NEW.state = 4 AND NOT EXISTS (
    SELECT FROM orders m
    WHERE m.number = NEW.measure AND m.against = NEW.order_number AND m.state = 5 AND m.action IN (2, 5)) THEN
    RAISE EXCEPTION 'appeal % is reversed by no lift or annulment of its order', NEW.number
      USING ERRCODE = 'check_violation', CONSTRAINT = 'appeal_reversed_by_a_measure';
  END IF;
  RETURN NEW;
END $$;

ALTER FUNCTION public.appeal_steps() OWNER TO registry_owner;

--
-- Name: batch_discard(integer, timestamp with time zone); Type: FUNCTION; Schema: public; Owner: registry_owner
--

CREATE FUNCTION public.batch_discard(batch integer, expired_before timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
  PERFORM 1 FROM batches
    WHERE number = batch AND state IN (1, 3, 4) AND (expired_before IS NULL OR expires_at < expired_before) FOR UPDATE;
  IF NOT FOUND THEN RETURN false; END IF;
  IF EXISTS (SELECT FROM devices WHERE batch_number = batch) THEN RAISE EXCEPTION 'batch % has units', batch; END IF;
  DELETE FROM upload_chunks WHERE batch_number = batch;
  DELETE FROM fault_pages WHERE batch_number = batch;
  DELETE FROM quarantined_units WHERE batch_number = batch;
  DELETE FROM batches WHERE number = batch;
  RETURN true;
END $$;

ALTER FUNCTION public.batch_discard(batch integer, expired_before timestamp with time zone) OWNER TO registry_owner;

--
-- Name: batch_drop_file(integer); Type: FUNCTION; Schema: public; Owner: registry_owner
--

CREATE FUNCTION public.batch_drop_file(batch integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
  DELETE FROM upload_chunks c USING batches b
      WHERE c.batch_number = batch AND b.number = batch AND b.state NOT IN (1, 2);
END $$;

ALTER FUNCTION public.batch_drop_file(batch integer) OWNER TO registry_owner;

--
-- Name: batch_set_runs(integer, integer[], integer[], smallint[]); Type: FUNCTION; Schema: public; Owner: registry_owner
--

CREATE FUNCTION public.batch_set_runs(batch integer, firsts integer[], lasts integer[], states smallint[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
  subject record;
  covered int := 0;
  sinces timestamptz[];
  i int;
BEGIN
  SELECT units, imeis, imeis_per_unit INTO subject FROM batches WHERE number = batch AND state >= 5 FOR NO KEY UPDATE;
  IF NOT FOUND THEN RAISE EXCEPTION 'batch % is not registered', batch; END IF;
  FOR i IN 1 .. coalesce(array_length(firsts, 1), 0) LOOP
    IF firsts[i] <> covered + 1 OR lasts[i] < firsts[i] THEN
      RAISE EXCEPTION 'the runs of batch % have a gap at unit %', batch, firsts[i];
    END IF;
    covered := lasts[i];
  END LOOP;
  IF covered <> subject.units THEN
    RAISE EXCEPTION 'the runs of batch % cover % of % units', batch, covered, subject.units;
  END IF;

  -- 1. Time since when a run is in its state: the earliest time since when one of its units has this state without
  --    interruption.
  sinces := ARRAY(
    SELECT coalesce(least(outside.since, inside.since), now())
    FROM unnest(firsts, lasts, states) WITH ORDINALITY AS t (f, l, s, n)
    LEFT JOIN LATERAL (
      SELECT r.state, r.since FROM unit_runs r
      WHERE r.batch_number = batch AND r.first_unit <= t.f ORDER BY r.first_unit DESC LIMIT 1) outside
      ON outside.state = t.s
    LEFT JOIN (
      SELECT width_bucket(r.first_unit, firsts) AS n, r.state, min(r.since) AS since FROM unit_runs r
      WHERE r.batch_number = batch GROUP BY 1, 2) inside
      ON inside.n = t.n AND inside.state = t.s
    ORDER BY t.n);

  -- 2. An unchanged run keeps its number of IMEIs. If units differ in their number of IMEIs, the IMEIs of each new run
  --    are counted, except those of the largest run: it has the remaining ones.
  DELETE FROM unit_runs r WHERE r.batch_number = batch AND NOT EXISTS (
    SELECT FROM unnest(firsts, lasts, states) AS t (f, l, s)
    WHERE (t.f, t.l, t.s) = (r.first_unit, r.last_unit, r.state));
  WITH kept AS MATERIALIZED (
    SELECT r.first_unit, r.imeis FROM unit_runs r WHERE r.batch_number = batch),
  fresh AS MATERIALIZED (
    SELECT t.*, row_number() OVER (ORDER BY t.l - t.f DESC, t.f) = 1 AS is_largest
    FROM unnest(firsts, lasts, states, sinces) AS t (f, l, s, since) WHERE t.f NOT IN (SELECT first_unit FROM kept)),
  counted AS MATERIALIZED (
    SELECT f.*, CASE
      WHEN subject.imeis_per_unit IS NOT NULL THEN (f.l - f.f + 1) * subject.imeis_per_unit
      WHEN NOT f.is_largest THEN (SELECT sum(cardinality(d.imeis)) FROM devices d
          WHERE d.batch_number = batch AND d.unit BETWEEN f.f AND f.l) END AS imeis
    FROM fresh f)
  INSERT INTO unit_runs (batch_number, first_unit, last_unit, state, since, imeis)
  SELECT batch, c.f, c.l, c.s, c.since,
    coalesce(c.imeis, subject.imeis - (SELECT coalesce(sum(k.imeis), 0) FROM kept k)
      - (SELECT coalesce(sum(o.imeis), 0) FROM counted o))
  FROM counted c;
END $$;

ALTER FUNCTION public.batch_set_runs(batch integer, firsts integer[], lasts integer[], states smallint[]) OWNER TO registry_owner;

--
-- Name: batch_withdraw_imeis(integer, bigint[]); Type: FUNCTION; Schema: public; Owner: registry_owner
--

CREATE FUNCTION public.batch_withdraw_imeis(batch integer, numbers bigint[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
  PERFORM 1 FROM batches WHERE number = batch AND state = 2 FOR UPDATE;
  IF NOT FOUND THEN RAISE EXCEPTION 'batch % is not being validated', batch; END IF;
  DELETE FROM imeis WHERE imei = ANY (numbers) AND batch_number = batch;
END $$;

ALTER FUNCTION public.batch_withdraw_imeis(batch integer, numbers bigint[]) OWNER TO registry_owner;

--
-- Name: batch_withdraw_units(integer, integer, integer); Type: FUNCTION; Schema: public; Owner: registry_owner
--

CREATE FUNCTION public.batch_withdraw_units(batch integer, first integer, last integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
  PERFORM 1 FROM batches WHERE number = batch AND state = 2 FOR UPDATE;
  IF NOT FOUND THEN RAISE EXCEPTION 'batch % is not being validated', batch; END IF;
  DELETE FROM devices WHERE batch_number = batch AND unit BETWEEN first AND last;
  DELETE FROM batch_pieces WHERE batch_number = batch;
  DELETE FROM quarantined_units WHERE batch_number = batch;
  DELETE FROM fault_pages WHERE batch_number = batch;
END $$;

ALTER FUNCTION public.batch_withdraw_units(batch integer, first integer, last integer) OWNER TO registry_owner;

--
-- Name: journal_append(uuid[]); Type: FUNCTION; Schema: public; Owner: registry_owner
--

CREATE FUNCTION public.journal_append(staged uuid[]) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

ALTER FUNCTION public.journal_append(staged uuid[]) OWNER TO registry_owner;

--
-- Name: journal_epoch_holds(); Type: FUNCTION; Schema: public; Owner: registry_owner
--

CREATE FUNCTION public.journal_epoch_holds() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

ALTER FUNCTION public.journal_epoch_holds() OWNER TO registry_owner;

--
-- Name: journal_stage(uuid, integer, boolean, bigint, bytea, bytea, smallint[], bigint[]); Type: FUNCTION; Schema: public; Owner: registry_owner
--

CREATE FUNCTION public.journal_stage(entry_id uuid, entry_kind integer, binding boolean, entry_actor bigint, for_all bytea, kept_back bytea, subject_kinds smallint[], subjects bigint[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

ALTER FUNCTION public.journal_stage(entry_id uuid, entry_kind integer, binding boolean, entry_actor bigint, for_all bytea, kept_back bytea, subject_kinds smallint[], subjects bigint[]) OWNER TO registry_owner;

--
-- Name: order_changed_by_approved(); Type: FUNCTION; Schema: public; Owner: registry_owner
--

CREATE FUNCTION public.order_changed_by_approved() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
  changed orders;
  measure orders;
BEGIN
  SELECT * INTO changed FROM orders WHERE number = NEW.number;
  IF changed.changed_by IS NULL THEN RETURN NULL; END IF;
  SELECT * INTO measure FROM orders WHERE number = changed.changed_by;
  IF measure.approved_by IS NULL OR NOT (CASE changed.state
      WHEN 4 THEN measure.action IN (1, 2)
        OR (measure.action = 3 AND changed.ended_at IS NOT DISTINCT FROM changed.expires_at)
      WHEN 8 THEN measure.action = 3
      WHEN 9 THEN measure.action = 5
      ELSE true END) THEN
    RAISE EXCEPTION 'order % is changed by order %, which was not approved or does something else',
      changed.number, measure.number
      USING ERRCODE = 'check_violation', CONSTRAINT = 'order_changed_by_approved';
  END IF;
  RETURN NULL;
END $$;

ALTER FUNCTION public.order_changed_by_approved() OWNER TO registry_owner;

--
-- Name: order_steps(); Type: FUNCTION; Schema: public; Owner: registry_owner
--

CREATE FUNCTION public.order_steps() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.state <> 1 THEN
      RAISE EXCEPTION 'an order begins as a draft' USING ERRCODE = 'check_violation', CONSTRAINT = 'order_transition';
    END IF;
  ELSIF NEW.state <> OLD.state AND NOT EXISTS (
    SELECT FROM order_transitions t
    WHERE t.is_block = (OLD.action = 1) AND t.from_state = OLD.state AND t.to_state = NEW.state) THEN
    RAISE EXCEPTION 'order % does not go from state % to state %', OLD.number, OLD.state, NEW.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'order_transition';
  END IF;
  -- A measure has the class of the order it is against: the class decides how many people it needs. The class of an
  -- order never changes.
  IF (TG_OP = 'UPDATE' AND NEW.order_class <> OLD.order_class)
    OR (NEW.action > 1
      AND NEW.order_class IS DISTINCT FROM (SELECT t.order_class FROM orders t WHERE t.number = NEW.against)) THEN
    RAISE EXCEPTION 'order % cannot be of class %', NEW.number, NEW.order_class
      USING ERRCODE = 'check_violation', CONSTRAINT = 'order_class_of_measure';
  END IF;
  RETURN NEW;
END $$;

ALTER FUNCTION public.order_steps() OWNER TO registry_owner;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: __EFMigrationsHistory; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public."__EFMigrationsHistory" (
    "MigrationId" character varying(150) NOT NULL,
    "ProductVersion" character varying(32) NOT NULL
);

ALTER TABLE public."__EFMigrationsHistory" OWNER TO registry_owner;

--
-- Name: actors; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.actors (
    id bigint NOT NULL,
    name text NOT NULL,
    party_id bigint NOT NULL,
    kind smallint NOT NULL,
    active boolean NOT NULL,
    key text NOT NULL,
    revoked_keys text[] NOT NULL,
    key_set_by bigint[] NOT NULL
);

ALTER TABLE public.actors OWNER TO registry_owner;

--
-- Name: actors_id_seq; Type: SEQUENCE; Schema: public; Owner: registry_owner
--

ALTER TABLE public.actors ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.actors_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: alarms; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.alarms (
    number bigint NOT NULL,
    kind smallint NOT NULL,
    raised_at timestamp with time zone NOT NULL,
    batch_number integer,
    unit integer,
    imei bigint,
    operators bigint[] NOT NULL,
    actor_id bigint,
    clock_skew_ms bigint,
    ended_at timestamp with time zone,
    order_number bigint,
    orders bigint,
    party_id bigint,
    since timestamp with time zone,
    CONSTRAINT alarm_about CHECK ((((kind <= 3) = (batch_number IS NOT NULL)) AND ((kind <= 3) = (unit IS NOT NULL)) AND ((kind <= 3) = (imei IS NOT NULL)) AND ((kind > 3) = (party_id IS NOT NULL)) AND ((kind = 5) = (actor_id IS NOT NULL)))),
    CONSTRAINT alarm_ended CHECK (((kind > 3) OR (ended_at IS NULL)))
);

ALTER TABLE public.alarms OWNER TO registry_owner;

--
-- Name: alarms_number_seq; Type: SEQUENCE; Schema: public; Owner: registry_owner
--

ALTER TABLE public.alarms ALTER COLUMN number ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.alarms_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: appeal_transitions; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.appeal_transitions (
    from_state smallint NOT NULL,
    to_state smallint NOT NULL
);

ALTER TABLE public.appeal_transitions OWNER TO registry_owner;

--
-- Name: appeals; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.appeals (
    number bigint NOT NULL,
    order_number bigint NOT NULL,
    order_drafted_by bigint NOT NULL,
    order_approved_by bigint NOT NULL,
    forum smallint NOT NULL,
    state smallint NOT NULL,
    after_appeal bigint,
    appellant text NOT NULL,
    grounds text NOT NULL,
    reference text NOT NULL,
    evidence bytea[] NOT NULL,
    filed_on date NOT NULL,
    file_by date,
    decide_by date,
    recorded_by bigint NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    reviewed_by bigint,
    reviewed_at timestamp with time zone,
    remitted_at timestamp with time zone,
    decided_by bigint,
    decided_at timestamp with time zone,
    findings text NOT NULL,
    decision_evidence bytea[] NOT NULL,
    measure bigint,
    CONSTRAINT appeal_decided CHECK ((((decided_by IS NULL) = (decided_at IS NULL)) AND ((decided_by IS NULL) = (findings = ''::text)) AND ((state < 3) OR (decided_by IS NOT NULL)))),
    CONSTRAINT appeal_in_time CHECK ((filed_on <= file_by)),
    CONSTRAINT appeal_other_people CHECK (((((decided_by <> order_drafted_by) AND (decided_by <> order_approved_by)) AND (decided_by <> recorded_by)) AND ((reviewed_by <> order_drafted_by) AND (reviewed_by <> order_approved_by)))),
    CONSTRAINT appeal_remitted CHECK (((state <> 5) OR ((remitted_at IS NOT NULL) AND (decide_by IS NOT NULL)))),
    CONSTRAINT appeal_reversed CHECK (((state = 4) = (measure IS NOT NULL))),
    CONSTRAINT appeal_reviewed CHECK ((((reviewed_by IS NULL) = (reviewed_at IS NULL)) AND (((state < 2) OR (state > 5)) OR (reviewed_by IS NOT NULL)))),
    CONSTRAINT appeal_to_the_court_of_last_resort CHECK (((forum < 3) OR (after_appeal IS NOT NULL)))
);

ALTER TABLE public.appeals OWNER TO registry_owner;

--
-- Name: appeals_number_seq; Type: SEQUENCE; Schema: public; Owner: registry_owner
--

ALTER TABLE public.appeals ALTER COLUMN number ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.appeals_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: authorizations; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.authorizations (
    number text NOT NULL,
    party_id bigint NOT NULL,
    kind smallint NOT NULL,
    valid_from date NOT NULL,
    valid_until date NOT NULL,
    legal_basis text NOT NULL,
    state smallint NOT NULL,
    quota_units bigint DEFAULT 0 NOT NULL,
    CONSTRAINT authorization_dates CHECK ((valid_from <= valid_until)),
    CONSTRAINT authorization_quota CHECK ((quota_units >= 0))
);

ALTER TABLE public.authorizations OWNER TO registry_owner;

--
-- Name: batch_pieces; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.batch_pieces (
    batch_number integer NOT NULL,
    piece integer NOT NULL,
    salt bytea NOT NULL,
    bytes bytea NOT NULL,
    digest bytea GENERATED ALWAYS AS (sha256((salt || bytes))) STORED NOT NULL
);
ALTER TABLE ONLY public.batch_pieces ALTER COLUMN bytes SET STORAGE EXTERNAL;

ALTER TABLE public.batch_pieces OWNER TO registry_owner;

--
-- Name: batches; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.batches (
    number integer NOT NULL,
    party_id bigint NOT NULL,
    reference text NOT NULL,
    authorization_number text NOT NULL,
    produced_on date NOT NULL,
    origin smallint NOT NULL,
    model text NOT NULL,
    units integer NOT NULL,
    imeis integer NOT NULL,
    content_hash bytea NOT NULL,
    state smallint NOT NULL,
    registered_at timestamp with time zone,
    proposed_by bigint,
    certified_by bigint,
    certified_under bigint,
    chunk_bytes bigint DEFAULT 0 NOT NULL,
    chunks integer DEFAULT 0 NOT NULL,
    declared_units integer DEFAULT 0 NOT NULL,
    digest bytea DEFAULT '\x'::bytea NOT NULL,
    dry_run boolean DEFAULT false NOT NULL,
    expires_at timestamp with time zone,
    file_digest bytea DEFAULT '\x'::bytea NOT NULL,
    imeis_per_unit smallint,
    judged_at bigint,
    line_errors integer DEFAULT 0 NOT NULL,
    opened_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    opened_by bigint DEFAULT 0 NOT NULL,
    reject_expected text DEFAULT ''::text NOT NULL,
    reject_field text DEFAULT ''::text NOT NULL,
    reject_message text DEFAULT ''::text NOT NULL,
    reject_reason text DEFAULT ''::text NOT NULL,
    sealed_by bigint,
    stored_imeis integer DEFAULT 0 NOT NULL,
    stored_units integer DEFAULT 0 NOT NULL,
    withdrawing boolean DEFAULT false NOT NULL,
    CONSTRAINT batch_expires CHECK (((state = ANY (ARRAY[1, 3, 4])) = (expires_at IS NOT NULL))),
    CONSTRAINT batch_four_eyes CHECK (
CASE
    WHEN (state < 6) THEN ((proposed_by IS NULL) AND (certified_by IS NULL) AND (certified_under IS NULL))
    WHEN (state = 6) THEN ((proposed_by IS NOT NULL) AND (certified_by IS NULL) AND (certified_under IS NULL))
    WHEN (certified_under IS NOT NULL) THEN (certified_by IS NULL)
    ELSE ((proposed_by IS NOT NULL) AND (certified_by IS NOT NULL) AND (certified_by <> proposed_by))
END),
    CONSTRAINT batch_registered CHECK ((((state >= 5) = (registered_at IS NOT NULL)) AND ((state < 5) OR (NOT dry_run)))),
    CONSTRAINT batch_sealed CHECK (((state = 1) = (sealed_by IS NULL)))
);

ALTER TABLE public.batches OWNER TO registry_owner;

--
-- Name: batches_number_seq; Type: SEQUENCE; Schema: public; Owner: registry_owner
--

ALTER TABLE public.batches ALTER COLUMN number ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.batches_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: changes; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.changes (
    number bigint NOT NULL,
    kind smallint NOT NULL,
    body bytea NOT NULL,
    state smallint NOT NULL,
    proposed_by bigint NOT NULL,
    proposed_at timestamp with time zone NOT NULL,
    decided_by bigint,
    decided_at timestamp with time zone,
    CONSTRAINT change_four_eyes CHECK ((((decided_by IS NULL) = (state = 1)) AND ((state <> 2) OR (decided_by <> proposed_by))))
);

ALTER TABLE public.changes OWNER TO registry_owner;

--
-- Name: changes_number_seq; Type: SEQUENCE; Schema: public; Owner: registry_owner
--

ALTER TABLE public.changes ALTER COLUMN number ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.changes_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: devices; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.devices (
    batch_number integer NOT NULL,
    unit integer NOT NULL,
    party_id bigint NOT NULL,
    serial_number text NOT NULL COLLATE pg_catalog."C",
    imeis bigint[] NOT NULL
);

ALTER TABLE public.devices OWNER TO registry_owner;

--
-- Name: fault_pages; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.fault_pages (
    batch_number integer NOT NULL,
    first_line integer NOT NULL,
    last_line integer NOT NULL,
    bytes bytea NOT NULL
);
ALTER TABLE ONLY public.fault_pages ALTER COLUMN bytes SET STORAGE EXTERNAL;

ALTER TABLE public.fault_pages OWNER TO registry_owner;

--
-- Name: imeis; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.imeis (
    imei bigint NOT NULL,
    batch_number integer NOT NULL,
    unit integer NOT NULL,
    retired_at timestamp with time zone,
    CONSTRAINT imei_fourteen_digits CHECK (((imei >= 0) AND (imei <= '99999999999999'::bigint)))
);

ALTER TABLE public.imeis OWNER TO registry_owner;

--
-- Name: journal; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.journal (
    "position" bigint NOT NULL,
    epoch integer NOT NULL,
    at timestamp with time zone NOT NULL,
    payload_id uuid NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT journal_from_one CHECK (("position" >= 1))
);

ALTER TABLE public.journal OWNER TO registry_owner;

--
-- Name: journal_epochs; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.journal_epochs (
    epoch integer NOT NULL,
    reason text NOT NULL,
    restored boolean DEFAULT false NOT NULL
);

ALTER TABLE public.journal_epochs OWNER TO registry_owner;

--
-- Name: journal_payloads; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.journal_payloads (
    id uuid NOT NULL,
    kind integer NOT NULL,
    must_understand boolean NOT NULL,
    actor bigint NOT NULL,
    public_bytes bytea NOT NULL,
    public_digest bytea GENERATED ALWAYS AS (sha256(public_bytes)) STORED NOT NULL,
    private_digest bytea NOT NULL
);

ALTER TABLE public.journal_payloads OWNER TO registry_owner;

--
-- Name: journal_private; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.journal_private (
    payload_id uuid NOT NULL,
    salt bytea NOT NULL,
    private_bytes bytea NOT NULL
);

ALTER TABLE public.journal_private OWNER TO registry_owner;

--
-- Name: journal_subjects; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.journal_subjects (
    kind smallint NOT NULL,
    subject bigint NOT NULL,
    payload_id uuid NOT NULL
);

ALTER TABLE public.journal_subjects OWNER TO registry_owner;

--
-- Name: malformed_identities; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.malformed_identities (
    id bigint NOT NULL,
    text text NOT NULL COLLATE pg_catalog."C",
    CONSTRAINT malformed_identity_is_no_imei CHECK ((id < 0))
);

ALTER TABLE public.malformed_identities OWNER TO registry_owner;

--
-- Name: malformed_identities_id_seq; Type: SEQUENCE; Schema: public; Owner: registry_owner
--

ALTER TABLE public.malformed_identities ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.malformed_identities_id_seq
    START WITH -1
    INCREMENT BY -1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: node_positions; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.node_positions (
    actor_id bigint NOT NULL,
    "position" bigint NOT NULL,
    hash bytea NOT NULL,
    reported_at timestamp with time zone NOT NULL,
    clock_skew_ms bigint,
    clock_uncertainty_ms bigint
);

ALTER TABLE public.node_positions OWNER TO registry_owner;

--
-- Name: order_applied; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.order_applied (
    order_number bigint NOT NULL,
    party_id bigint NOT NULL,
    applied_at timestamp with time zone NOT NULL
);

ALTER TABLE public.order_applied OWNER TO registry_owner;

--
-- Name: order_items; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.order_items (
    order_number bigint NOT NULL,
    kind smallint NOT NULL,
    value bigint NOT NULL,
    detail bigint DEFAULT 0 NOT NULL,
    party_id bigint,
    CONSTRAINT order_item_pair CHECK ((((kind = 6) = (party_id IS NOT NULL)) AND ((kind <> 6) OR (detail <> 0)))),
    CONSTRAINT order_item_range CHECK (((kind <> 4) OR ((value <= detail) AND ((value / 1000000) = (detail / 1000000)))))
);

ALTER TABLE public.order_items OWNER TO registry_owner;

--
-- Name: order_reasons; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.order_reasons (
    code text NOT NULL,
    order_class smallint NOT NULL,
    valid_from date NOT NULL,
    valid_until date,
    check_reason smallint NOT NULL,
    gsma_code text NOT NULL
);

ALTER TABLE public.order_reasons OWNER TO registry_owner;

--
-- Name: order_refused; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.order_refused (
    order_number bigint NOT NULL,
    party_id bigint NOT NULL,
    first_denied_at timestamp with time zone NOT NULL
);

ALTER TABLE public.order_refused OWNER TO registry_owner;

--
-- Name: order_transitions; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.order_transitions (
    is_block boolean NOT NULL,
    from_state smallint NOT NULL,
    to_state smallint NOT NULL
);

ALTER TABLE public.order_transitions OWNER TO registry_owner;

--
-- Name: orders; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.orders (
    number bigint NOT NULL,
    action smallint NOT NULL,
    order_class smallint NOT NULL,
    state smallint NOT NULL,
    reason text NOT NULL,
    check_reason smallint NOT NULL,
    basis text NOT NULL,
    reference text NOT NULL,
    drafted_by bigint NOT NULL,
    drafted_at timestamp with time zone NOT NULL,
    approved_by bigint,
    approved_at timestamp with time zone,
    effective_at timestamp with time zone,
    expires_at timestamp with time zone,
    against bigint,
    against_drafted_by bigint,
    against_approved_by bigint,
    changed_by bigint,
    noticed_by bigint,
    ended_by bigint,
    end_reason text DEFAULT ''::text NOT NULL,
    ended_at timestamp with time zone,
    enforced_at timestamp with time zone,
    evidence bytea[] DEFAULT '{}'::bytea[] NOT NULL,
    in_force_at timestamp with time zone,
    notice_at timestamp with time zone,
    notice_channel text DEFAULT ''::text NOT NULL,
    notice_evidence bytea DEFAULT '\x'::bytea NOT NULL,
    notice_reference text DEFAULT ''::text NOT NULL,
    notice_waiver text DEFAULT ''::text NOT NULL,
    armed_position bigint,
    appeal bigint,
    draft_digest bytea DEFAULT '\x'::bytea NOT NULL,
    CONSTRAINT order_dates CHECK ((effective_at < expires_at)),
    CONSTRAINT order_ended CHECK ((((ended_at IS NULL) = (state <> ALL (ARRAY[4, 6, 7, 9]))) AND ((state <> 4) OR (changed_by IS NOT NULL) OR COALESCE((ended_at = expires_at), false)))),
    CONSTRAINT order_enforced CHECK (((state = 11) <= (enforced_at IS NOT NULL))),
    CONSTRAINT order_for_an_appeal CHECK (((appeal IS NULL) OR (action > 1))),
    CONSTRAINT order_four_eyes CHECK ((((approved_by IS NULL) = ((state = ANY (ARRAY[1, 6, 7])) AND (approved_at IS NULL))) AND (approved_by <> drafted_by))),
    CONSTRAINT order_in_force CHECK ((((state <> ALL (ARRAY[10, 11])) OR (in_force_at IS NOT NULL)) AND COALESCE((in_force_at < expires_at), true))),
    CONSTRAINT order_lifted_by_something CHECK (((state <> ALL (ARRAY[8, 9])) OR (changed_by IS NOT NULL))),
    CONSTRAINT order_names_its_order CHECK ((((action > 1) <= (against IS NOT NULL)) AND ((against IS NULL) = (against_drafted_by IS NULL)) AND ((against IS NULL) = (against_approved_by IS NULL)))),
    CONSTRAINT order_notice CHECK (((action > 1) OR (order_class < 4) OR (state <> ALL (ARRAY[3, 8, 10, 11])) OR (notice_at IS NOT NULL))),
    CONSTRAINT order_noticed CHECK ((((notice_at IS NULL) = (noticed_by IS NULL)) AND ((notice_at IS NULL) = (notice_reference = ''::text)))),
    CONSTRAINT order_rejected CHECK ((((ended_by IS NULL) = (state <> ALL (ARRAY[6, 7]))) AND ((state <> 6) OR (ended_by <> drafted_by)))),
    CONSTRAINT order_six_eyes CHECK ((((action > 1) AND (order_class = 5)) OR ((approved_by <> against_drafted_by) AND (approved_by <> against_approved_by))))
);

ALTER TABLE public.orders OWNER TO registry_owner;

--
-- Name: orders_number_seq; Type: SEQUENCE; Schema: public; Owner: registry_owner
--

ALTER TABLE public.orders ALTER COLUMN number ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.orders_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: parties; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.parties (
    id bigint NOT NULL,
    name text NOT NULL,
    kind smallint NOT NULL,
    active boolean NOT NULL,
    plmns text[] NOT NULL
);

ALTER TABLE public.parties OWNER TO registry_owner;

--
-- Name: parties_id_seq; Type: SEQUENCE; Schema: public; Owner: registry_owner
--

ALTER TABLE public.parties ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.parties_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: policies; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.policies (
    version bigint NOT NULL,
    state smallint NOT NULL,
    body bytea NOT NULL,
    proposed_by bigint NOT NULL,
    approved_by bigint,
    in_force_at timestamp with time zone,
    CONSTRAINT policy_four_eyes CHECK ((((approved_by IS NULL) = (state = 1)) AND (approved_by <> proposed_by)))
);

ALTER TABLE public.policies OWNER TO registry_owner;

--
-- Name: quarantined_units; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.quarantined_units (
    batch_number integer NOT NULL,
    unit integer NOT NULL,
    imei bigint NOT NULL
);

ALTER TABLE public.quarantined_units OWNER TO registry_owner;

--
-- Name: receipts; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.receipts (
    party_id bigint NOT NULL,
    reference text NOT NULL,
    digest bytea NOT NULL,
    answer bytea NOT NULL,
    payload_id uuid
);

ALTER TABLE public.receipts OWNER TO registry_owner;

--
-- Name: sighting_segments; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.sighting_segments (
    actor_id bigint NOT NULL,
    number bigint NOT NULL,
    checksum bytea NOT NULL,
    new_identities integer NOT NULL,
    alarms integer NOT NULL
);

ALTER TABLE public.sighting_segments OWNER TO registry_owner;

--
-- Name: sightings; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.sightings (
    identity bigint NOT NULL,
    first_seen timestamp with time zone NOT NULL,
    last_seen timestamp with time zone NOT NULL,
    operators bigint[] NOT NULL,
    CONSTRAINT sighting_times CHECK ((first_seen <= last_seen))
);

ALTER TABLE public.sightings OWNER TO registry_owner;

--
-- Name: tac_mandates; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.tac_mandates (
    tac integer NOT NULL,
    party_id bigint NOT NULL,
    brand_owner text NOT NULL,
    valid_from date NOT NULL,
    valid_until date NOT NULL,
    document_hash bytea NOT NULL,
    tac_holder text DEFAULT ''::text NOT NULL,
    CONSTRAINT tac_mandate_dates CHECK ((valid_from <= valid_until))
);

ALTER TABLE public.tac_mandates OWNER TO registry_owner;

--
-- Name: tacs; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.tacs (
    tac integer NOT NULL,
    manufacturer text NOT NULL,
    brand text NOT NULL,
    model text NOT NULL,
    device_type text NOT NULL,
    bands text NOT NULL,
    allocated_on date,
    sim_slots smallint NOT NULL,
    CONSTRAINT tac_eight_digits CHECK (((tac >= 0) AND (tac <= 99999999)))
);

ALTER TABLE public.tacs OWNER TO registry_owner;

--
-- Name: unit_runs; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.unit_runs (
    batch_number integer NOT NULL,
    first_unit integer NOT NULL,
    last_unit integer NOT NULL,
    state smallint NOT NULL,
    imeis integer NOT NULL,
    since timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.unit_runs OWNER TO registry_owner;

--
-- Name: upload_chunks; Type: TABLE; Schema: public; Owner: registry_owner
--

CREATE TABLE public.upload_chunks (
    batch_number integer NOT NULL,
    sequence integer NOT NULL,
    bytes bytea NOT NULL,
    digest bytea NOT NULL
);
ALTER TABLE ONLY public.upload_chunks ALTER COLUMN bytes SET STORAGE EXTERNAL;

ALTER TABLE public.upload_chunks OWNER TO registry_owner;

--
-- Name: __EFMigrationsHistory PK___EFMigrationsHistory; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public."__EFMigrationsHistory"
    ADD CONSTRAINT "PK___EFMigrationsHistory" PRIMARY KEY ("MigrationId");

--
-- Name: actors PK_actors; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.actors
    ADD CONSTRAINT "PK_actors" PRIMARY KEY (id);

--
-- Name: alarms PK_alarms; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.alarms
    ADD CONSTRAINT "PK_alarms" PRIMARY KEY (number);

--
-- Name: appeals PK_appeals; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.appeals
    ADD CONSTRAINT "PK_appeals" PRIMARY KEY (number);

--
-- Name: authorizations PK_authorizations; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.authorizations
    ADD CONSTRAINT "PK_authorizations" PRIMARY KEY (number);

--
-- Name: batch_pieces PK_batch_pieces; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.batch_pieces
    ADD CONSTRAINT "PK_batch_pieces" PRIMARY KEY (batch_number, piece);

--
-- Name: batches PK_batches; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.batches
    ADD CONSTRAINT "PK_batches" PRIMARY KEY (number);

--
-- Name: changes PK_changes; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.changes
    ADD CONSTRAINT "PK_changes" PRIMARY KEY (number);

--
-- Name: devices PK_devices; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.devices
    ADD CONSTRAINT "PK_devices" PRIMARY KEY (batch_number, unit);

--
-- Name: fault_pages PK_fault_pages; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.fault_pages
    ADD CONSTRAINT "PK_fault_pages" PRIMARY KEY (batch_number, first_line);

--
-- Name: imeis PK_imeis; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.imeis
    ADD CONSTRAINT "PK_imeis" PRIMARY KEY (imei);

--
-- Name: journal PK_journal; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.journal
    ADD CONSTRAINT "PK_journal" PRIMARY KEY ("position");

--
-- Name: journal_epochs PK_journal_epochs; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.journal_epochs
    ADD CONSTRAINT "PK_journal_epochs" PRIMARY KEY (epoch);

--
-- Name: journal_payloads PK_journal_payloads; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.journal_payloads
    ADD CONSTRAINT "PK_journal_payloads" PRIMARY KEY (id);

--
-- Name: journal_private PK_journal_private; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.journal_private
    ADD CONSTRAINT "PK_journal_private" PRIMARY KEY (payload_id);

--
-- Name: journal_subjects PK_journal_subjects; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.journal_subjects
    ADD CONSTRAINT "PK_journal_subjects" PRIMARY KEY (kind, subject, payload_id);

--
-- Name: malformed_identities PK_malformed_identities; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.malformed_identities
    ADD CONSTRAINT "PK_malformed_identities" PRIMARY KEY (id);

--
-- Name: node_positions PK_node_positions; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.node_positions
    ADD CONSTRAINT "PK_node_positions" PRIMARY KEY (actor_id);

--
-- Name: order_applied PK_order_applied; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.order_applied
    ADD CONSTRAINT "PK_order_applied" PRIMARY KEY (order_number, party_id);

--
-- Name: order_items PK_order_items; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.order_items
    ADD CONSTRAINT "PK_order_items" PRIMARY KEY (order_number, kind, value, detail);

--
-- Name: order_reasons PK_order_reasons; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.order_reasons
    ADD CONSTRAINT "PK_order_reasons" PRIMARY KEY (code, order_class, valid_from);

--
-- Name: order_refused PK_order_refused; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.order_refused
    ADD CONSTRAINT "PK_order_refused" PRIMARY KEY (order_number, party_id);

--
-- Name: orders PK_orders; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT "PK_orders" PRIMARY KEY (number);

--
-- Name: parties PK_parties; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.parties
    ADD CONSTRAINT "PK_parties" PRIMARY KEY (id);

--
-- Name: policies PK_policies; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.policies
    ADD CONSTRAINT "PK_policies" PRIMARY KEY (version);

--
-- Name: quarantined_units PK_quarantined_units; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.quarantined_units
    ADD CONSTRAINT "PK_quarantined_units" PRIMARY KEY (batch_number, unit);

--
-- Name: receipts PK_receipts; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.receipts
    ADD CONSTRAINT "PK_receipts" PRIMARY KEY (party_id, reference);

--
-- Name: sighting_segments PK_sighting_segments; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.sighting_segments
    ADD CONSTRAINT "PK_sighting_segments" PRIMARY KEY (actor_id);

--
-- Name: sightings PK_sightings; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.sightings
    ADD CONSTRAINT "PK_sightings" PRIMARY KEY (identity);

--
-- Name: tac_mandates PK_tac_mandates; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.tac_mandates
    ADD CONSTRAINT "PK_tac_mandates" PRIMARY KEY (tac, party_id);

--
-- Name: tacs PK_tacs; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.tacs
    ADD CONSTRAINT "PK_tacs" PRIMARY KEY (tac);

--
-- Name: unit_runs PK_unit_runs; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.unit_runs
    ADD CONSTRAINT "PK_unit_runs" PRIMARY KEY (batch_number, first_unit);

--
-- Name: upload_chunks PK_upload_chunks; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.upload_chunks
    ADD CONSTRAINT "PK_upload_chunks" PRIMARY KEY (batch_number, sequence);

--
-- Name: appeals appeal_and_its_order; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.appeals
    ADD CONSTRAINT appeal_and_its_order UNIQUE (number, order_number);

--
-- Name: appeal_transitions appeal_transitions_pkey; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.appeal_transitions
    ADD CONSTRAINT appeal_transitions_pkey PRIMARY KEY (from_state, to_state);

--
-- Name: orders order_and_approver; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT order_and_approver UNIQUE (number, approved_by);

--
-- Name: orders order_and_drafter; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT order_and_drafter UNIQUE (number, drafted_by);

--
-- Name: orders order_and_what_it_lifts; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT order_and_what_it_lifts UNIQUE (number, against);

--
-- Name: order_transitions order_transitions_pkey; Type: CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.order_transitions
    ADD CONSTRAINT order_transitions_pkey PRIMARY KEY (is_block, from_state, to_state);

--
-- Name: IX_actors_key; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE UNIQUE INDEX "IX_actors_key" ON public.actors USING btree (key) WHERE (key <> ''::text);

--
-- Name: IX_actors_name; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE UNIQUE INDEX "IX_actors_name" ON public.actors USING btree (name);

--
-- Name: IX_actors_party_id; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_actors_party_id" ON public.actors USING btree (party_id);

--
-- Name: IX_alarms_actor_id; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_alarms_actor_id" ON public.alarms USING btree (actor_id);

--
-- Name: IX_alarms_batch_number; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_alarms_batch_number" ON public.alarms USING btree (batch_number);

--
-- Name: IX_alarms_party_id; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_alarms_party_id" ON public.alarms USING btree (party_id);

--
-- Name: IX_appeals_after_appeal_order_number; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_appeals_after_appeal_order_number" ON public.appeals USING btree (after_appeal, order_number);

--
-- Name: IX_appeals_decided_by; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_appeals_decided_by" ON public.appeals USING btree (decided_by);

--
-- Name: IX_appeals_measure; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_appeals_measure" ON public.appeals USING btree (measure);

--
-- Name: IX_appeals_order_number_order_drafted_by; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_appeals_order_number_order_drafted_by" ON public.appeals USING btree (order_number, order_drafted_by);

--
-- Name: IX_appeals_recorded_by; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_appeals_recorded_by" ON public.appeals USING btree (recorded_by);

--
-- Name: IX_appeals_reviewed_by; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_appeals_reviewed_by" ON public.appeals USING btree (reviewed_by);

--
-- Name: IX_authorizations_party_id; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_authorizations_party_id" ON public.authorizations USING btree (party_id);

--
-- Name: IX_batches_authorization_number; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_batches_authorization_number" ON public.batches USING btree (authorization_number);

--
-- Name: IX_batches_certified_by; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_batches_certified_by" ON public.batches USING btree (certified_by);

--
-- Name: IX_batches_certified_under; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_batches_certified_under" ON public.batches USING btree (certified_under);

--
-- Name: IX_batches_opened_by; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_batches_opened_by" ON public.batches USING btree (opened_by);

--
-- Name: IX_batches_proposed_by; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_batches_proposed_by" ON public.batches USING btree (proposed_by);

--
-- Name: IX_batches_sealed_by; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_batches_sealed_by" ON public.batches USING btree (sealed_by);

--
-- Name: IX_changes_decided_by; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_changes_decided_by" ON public.changes USING btree (decided_by);

--
-- Name: IX_changes_proposed_by; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_changes_proposed_by" ON public.changes USING btree (proposed_by);

--
-- Name: IX_journal_epoch; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_journal_epoch" ON public.journal USING btree (epoch);

--
-- Name: IX_journal_payload_id; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE UNIQUE INDEX "IX_journal_payload_id" ON public.journal USING btree (payload_id);

--
-- Name: IX_journal_payloads_kind; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_journal_payloads_kind" ON public.journal_payloads USING btree (kind) WHERE (kind = ANY (ARRAY[1, 2, 9, 17]));

--
-- Name: IX_malformed_identities_text; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE UNIQUE INDEX "IX_malformed_identities_text" ON public.malformed_identities USING btree (text);

--
-- Name: IX_order_applied_party_id; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_order_applied_party_id" ON public.order_applied USING btree (party_id);

--
-- Name: IX_order_items_kind_value; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_order_items_kind_value" ON public.order_items USING btree (kind, value);

--
-- Name: IX_order_items_party_id; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_order_items_party_id" ON public.order_items USING btree (party_id) WHERE (party_id IS NOT NULL);

--
-- Name: IX_order_refused_party_id; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_order_refused_party_id" ON public.order_refused USING btree (party_id);

--
-- Name: IX_orders_against; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_orders_against" ON public.orders USING btree (against);

--
-- Name: IX_orders_against_against_drafted_by; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_orders_against_against_drafted_by" ON public.orders USING btree (against, against_drafted_by);

--
-- Name: IX_orders_appeal_against; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_orders_appeal_against" ON public.orders USING btree (appeal, against);

--
-- Name: IX_orders_approved_by; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_orders_approved_by" ON public.orders USING btree (approved_by);

--
-- Name: IX_orders_drafted_by; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_orders_drafted_by" ON public.orders USING btree (drafted_by);

--
-- Name: IX_orders_ended_by; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_orders_ended_by" ON public.orders USING btree (ended_by);

--
-- Name: IX_orders_noticed_by; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_orders_noticed_by" ON public.orders USING btree (noticed_by);

--
-- Name: IX_parties_name; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE UNIQUE INDEX "IX_parties_name" ON public.parties USING btree (name);

--
-- Name: IX_policies_approved_by; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_policies_approved_by" ON public.policies USING btree (approved_by);

--
-- Name: IX_policies_proposed_by; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_policies_proposed_by" ON public.policies USING btree (proposed_by);

--
-- Name: IX_tac_mandates_party_id; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX "IX_tac_mandates_party_id" ON public.tac_mandates USING btree (party_id);

--
-- Name: alarm_once; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE UNIQUE INDEX alarm_once ON public.alarms USING btree (kind, batch_number, unit);

--
-- Name: alarm_open_once; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE UNIQUE INDEX alarm_open_once ON public.alarms USING btree (kind, party_id, actor_id) NULLS NOT DISTINCT WHERE ((kind > 3) AND (ended_at IS NULL));

--
-- Name: appeal_followed_once; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE UNIQUE INDEX appeal_followed_once ON public.appeals USING btree (after_appeal) WHERE (state <> 6);

--
-- Name: appeals_open; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX appeals_open ON public.appeals USING btree (decide_by) WHERE (state = ANY (ARRAY[1, 2, 5]));

--
-- Name: batch_reference; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE UNIQUE INDEX batch_reference ON public.batches USING btree (party_id, reference, dry_run) WHERE (state <> 3);

--
-- Name: batches_not_registered; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX batches_not_registered ON public.batches USING btree (state) WHERE (state < 5);

--
-- Name: changes_proposed; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX changes_proposed ON public.changes USING btree (number) WHERE (state = 1);

--
-- Name: device_serial_number; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE UNIQUE INDEX device_serial_number ON public.devices USING btree (party_id, serial_number);

--
-- Name: imei_retired_of_unit; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX imei_retired_of_unit ON public.imeis USING btree (batch_number, unit) WHERE (retired_at IS NOT NULL);

--
-- Name: order_lifted_once; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE UNIQUE INDEX order_lifted_once ON public.orders USING btree (against) WHERE ((state = 5) AND (action = 2));

--
-- Name: orders_alive; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX orders_alive ON public.orders USING btree (state) WHERE (state = ANY (ARRAY[3, 8, 10, 11]));

--
-- Name: orders_ending; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX orders_ending ON public.orders USING btree (expires_at) WHERE ((state = ANY (ARRAY[8, 10, 11])) AND (expires_at IS NOT NULL));

--
-- Name: orders_starting; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX orders_starting ON public.orders USING btree (effective_at) WHERE (state = 3);

--
-- Name: orders_unplaced; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX orders_unplaced ON public.orders USING btree (number) WHERE ((state = ANY (ARRAY[3, 10])) AND (armed_position IS NULL));

--
-- Name: orders_waiting; Type: INDEX; Schema: public; Owner: registry_owner
--

CREATE INDEX orders_waiting ON public.orders USING btree (armed_position, in_force_at) WHERE (state = 10);

--
-- Name: appeals appeal_steps; Type: TRIGGER; Schema: public; Owner: registry_owner
--

CREATE TRIGGER appeal_steps BEFORE INSERT OR UPDATE ON public.appeals FOR EACH ROW EXECUTE FUNCTION public.appeal_steps();

--
-- Name: appeals appeal_unchanged; Type: TRIGGER; Schema: public; Owner: registry_owner
--

CREATE TRIGGER appeal_unchanged BEFORE UPDATE ON public.appeals FOR EACH ROW EXECUTE FUNCTION public.appeal_as_it_was();

--
-- Name: journal journal_epoch_holds; Type: TRIGGER; Schema: public; Owner: registry_owner
--

CREATE TRIGGER journal_epoch_holds BEFORE INSERT ON public.journal FOR EACH ROW EXECUTE FUNCTION public.journal_epoch_holds();

--
-- Name: orders order_changed_by_approved; Type: TRIGGER; Schema: public; Owner: registry_owner
--

CREATE CONSTRAINT TRIGGER order_changed_by_approved AFTER INSERT OR UPDATE OF state, changed_by ON public.orders DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((new.changed_by IS NOT NULL)) EXECUTE FUNCTION public.order_changed_by_approved();

--
-- Name: orders order_steps; Type: TRIGGER; Schema: public; Owner: registry_owner
--

CREATE TRIGGER order_steps BEFORE INSERT OR UPDATE ON public.orders FOR EACH ROW EXECUTE FUNCTION public.order_steps();

--
-- Name: actors FK_actors_parties_party_id; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.actors
    ADD CONSTRAINT "FK_actors_parties_party_id" FOREIGN KEY (party_id) REFERENCES public.parties(id) ON DELETE RESTRICT;

--
-- Name: alarms FK_alarms_actors_actor_id; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.alarms
    ADD CONSTRAINT "FK_alarms_actors_actor_id" FOREIGN KEY (actor_id) REFERENCES public.actors(id) ON DELETE RESTRICT;

--
-- Name: alarms FK_alarms_batches_batch_number; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.alarms
    ADD CONSTRAINT "FK_alarms_batches_batch_number" FOREIGN KEY (batch_number) REFERENCES public.batches(number) ON DELETE RESTRICT;

--
-- Name: alarms FK_alarms_parties_party_id; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.alarms
    ADD CONSTRAINT "FK_alarms_parties_party_id" FOREIGN KEY (party_id) REFERENCES public.parties(id) ON DELETE RESTRICT;

--
-- Name: appeals FK_appeals_actors_decided_by; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.appeals
    ADD CONSTRAINT "FK_appeals_actors_decided_by" FOREIGN KEY (decided_by) REFERENCES public.actors(id) ON DELETE RESTRICT;

--
-- Name: appeals FK_appeals_actors_recorded_by; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.appeals
    ADD CONSTRAINT "FK_appeals_actors_recorded_by" FOREIGN KEY (recorded_by) REFERENCES public.actors(id) ON DELETE RESTRICT;

--
-- Name: appeals FK_appeals_actors_reviewed_by; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.appeals
    ADD CONSTRAINT "FK_appeals_actors_reviewed_by" FOREIGN KEY (reviewed_by) REFERENCES public.actors(id) ON DELETE RESTRICT;

--
-- Name: appeals FK_appeals_appeals_after_appeal_order_number; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.appeals
    ADD CONSTRAINT "FK_appeals_appeals_after_appeal_order_number" FOREIGN KEY (after_appeal, order_number) REFERENCES public.appeals(number, order_number) ON DELETE RESTRICT;

--
-- Name: appeals FK_appeals_orders_measure; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.appeals
    ADD CONSTRAINT "FK_appeals_orders_measure" FOREIGN KEY (measure) REFERENCES public.orders(number) ON DELETE RESTRICT;

--
-- Name: appeals FK_appeals_orders_order_number_order_drafted_by; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.appeals
    ADD CONSTRAINT "FK_appeals_orders_order_number_order_drafted_by" FOREIGN KEY (order_number, order_drafted_by) REFERENCES public.orders(number, drafted_by) ON DELETE RESTRICT;

--
-- Name: authorizations FK_authorizations_parties_party_id; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.authorizations
    ADD CONSTRAINT "FK_authorizations_parties_party_id" FOREIGN KEY (party_id) REFERENCES public.parties(id) ON DELETE RESTRICT;

--
-- Name: batch_pieces FK_batch_pieces_batches_batch_number; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.batch_pieces
    ADD CONSTRAINT "FK_batch_pieces_batches_batch_number" FOREIGN KEY (batch_number) REFERENCES public.batches(number) ON DELETE RESTRICT;

--
-- Name: batches FK_batches_actors_certified_by; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.batches
    ADD CONSTRAINT "FK_batches_actors_certified_by" FOREIGN KEY (certified_by) REFERENCES public.actors(id) ON DELETE RESTRICT;

--
-- Name: batches FK_batches_actors_opened_by; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.batches
    ADD CONSTRAINT "FK_batches_actors_opened_by" FOREIGN KEY (opened_by) REFERENCES public.actors(id) ON DELETE RESTRICT;

--
-- Name: batches FK_batches_actors_proposed_by; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.batches
    ADD CONSTRAINT "FK_batches_actors_proposed_by" FOREIGN KEY (proposed_by) REFERENCES public.actors(id) ON DELETE RESTRICT;

--
-- Name: batches FK_batches_actors_sealed_by; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.batches
    ADD CONSTRAINT "FK_batches_actors_sealed_by" FOREIGN KEY (sealed_by) REFERENCES public.actors(id) ON DELETE RESTRICT;

--
-- Name: batches FK_batches_authorizations_authorization_number; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.batches
    ADD CONSTRAINT "FK_batches_authorizations_authorization_number" FOREIGN KEY (authorization_number) REFERENCES public.authorizations(number) ON DELETE RESTRICT;

--
-- Name: batches FK_batches_parties_party_id; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.batches
    ADD CONSTRAINT "FK_batches_parties_party_id" FOREIGN KEY (party_id) REFERENCES public.parties(id) ON DELETE RESTRICT;

--
-- Name: batches FK_batches_policies_certified_under; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.batches
    ADD CONSTRAINT "FK_batches_policies_certified_under" FOREIGN KEY (certified_under) REFERENCES public.policies(version) ON DELETE RESTRICT;

--
-- Name: changes FK_changes_actors_decided_by; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.changes
    ADD CONSTRAINT "FK_changes_actors_decided_by" FOREIGN KEY (decided_by) REFERENCES public.actors(id) ON DELETE RESTRICT;

--
-- Name: changes FK_changes_actors_proposed_by; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.changes
    ADD CONSTRAINT "FK_changes_actors_proposed_by" FOREIGN KEY (proposed_by) REFERENCES public.actors(id) ON DELETE RESTRICT;

--
-- Name: fault_pages FK_fault_pages_batches_batch_number; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.fault_pages
    ADD CONSTRAINT "FK_fault_pages_batches_batch_number" FOREIGN KEY (batch_number) REFERENCES public.batches(number) ON DELETE RESTRICT;

--
-- Name: journal FK_journal_journal_epochs_epoch; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.journal
    ADD CONSTRAINT "FK_journal_journal_epochs_epoch" FOREIGN KEY (epoch) REFERENCES public.journal_epochs(epoch) ON DELETE RESTRICT;

--
-- Name: journal FK_journal_journal_payloads_payload_id; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.journal
    ADD CONSTRAINT "FK_journal_journal_payloads_payload_id" FOREIGN KEY (payload_id) REFERENCES public.journal_payloads(id) ON DELETE RESTRICT;

--
-- Name: journal_private FK_journal_private_journal_payloads_payload_id; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.journal_private
    ADD CONSTRAINT "FK_journal_private_journal_payloads_payload_id" FOREIGN KEY (payload_id) REFERENCES public.journal_payloads(id) ON DELETE RESTRICT;

--
-- Name: order_applied FK_order_applied_orders_order_number; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.order_applied
    ADD CONSTRAINT "FK_order_applied_orders_order_number" FOREIGN KEY (order_number) REFERENCES public.orders(number) ON DELETE RESTRICT;

--
-- Name: order_applied FK_order_applied_parties_party_id; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.order_applied
    ADD CONSTRAINT "FK_order_applied_parties_party_id" FOREIGN KEY (party_id) REFERENCES public.parties(id) ON DELETE RESTRICT;

--
-- Name: order_items FK_order_items_orders_order_number; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.order_items
    ADD CONSTRAINT "FK_order_items_orders_order_number" FOREIGN KEY (order_number) REFERENCES public.orders(number) ON DELETE RESTRICT;

--
-- Name: order_items FK_order_items_parties_party_id; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.order_items
    ADD CONSTRAINT "FK_order_items_parties_party_id" FOREIGN KEY (party_id) REFERENCES public.parties(id) ON DELETE RESTRICT;

--
-- Name: order_refused FK_order_refused_orders_order_number; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.order_refused
    ADD CONSTRAINT "FK_order_refused_orders_order_number" FOREIGN KEY (order_number) REFERENCES public.orders(number) ON DELETE RESTRICT;

--
-- Name: order_refused FK_order_refused_parties_party_id; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.order_refused
    ADD CONSTRAINT "FK_order_refused_parties_party_id" FOREIGN KEY (party_id) REFERENCES public.parties(id) ON DELETE RESTRICT;

--
-- Name: orders FK_orders_actors_approved_by; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT "FK_orders_actors_approved_by" FOREIGN KEY (approved_by) REFERENCES public.actors(id) ON DELETE RESTRICT;

--
-- Name: orders FK_orders_actors_drafted_by; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT "FK_orders_actors_drafted_by" FOREIGN KEY (drafted_by) REFERENCES public.actors(id) ON DELETE RESTRICT;

--
-- Name: orders FK_orders_actors_ended_by; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT "FK_orders_actors_ended_by" FOREIGN KEY (ended_by) REFERENCES public.actors(id) ON DELETE RESTRICT;

--
-- Name: orders FK_orders_actors_noticed_by; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT "FK_orders_actors_noticed_by" FOREIGN KEY (noticed_by) REFERENCES public.actors(id) ON DELETE RESTRICT;

--
-- Name: orders FK_orders_appeals_appeal_against; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT "FK_orders_appeals_appeal_against" FOREIGN KEY (appeal, against) REFERENCES public.appeals(number, order_number) ON DELETE RESTRICT;

--
-- Name: orders FK_orders_orders_against_against_drafted_by; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT "FK_orders_orders_against_against_drafted_by" FOREIGN KEY (against, against_drafted_by) REFERENCES public.orders(number, drafted_by) ON DELETE RESTRICT;

--
-- Name: policies FK_policies_actors_approved_by; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.policies
    ADD CONSTRAINT "FK_policies_actors_approved_by" FOREIGN KEY (approved_by) REFERENCES public.actors(id) ON DELETE RESTRICT;

--
-- Name: policies FK_policies_actors_proposed_by; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.policies
    ADD CONSTRAINT "FK_policies_actors_proposed_by" FOREIGN KEY (proposed_by) REFERENCES public.actors(id) ON DELETE RESTRICT;

--
-- Name: quarantined_units FK_quarantined_units_batches_batch_number; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.quarantined_units
    ADD CONSTRAINT "FK_quarantined_units_batches_batch_number" FOREIGN KEY (batch_number) REFERENCES public.batches(number) ON DELETE RESTRICT;

--
-- Name: tac_mandates FK_tac_mandates_parties_party_id; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.tac_mandates
    ADD CONSTRAINT "FK_tac_mandates_parties_party_id" FOREIGN KEY (party_id) REFERENCES public.parties(id) ON DELETE RESTRICT;

--
-- Name: unit_runs FK_unit_runs_batches_batch_number; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.unit_runs
    ADD CONSTRAINT "FK_unit_runs_batches_batch_number" FOREIGN KEY (batch_number) REFERENCES public.batches(number) ON DELETE RESTRICT;

--
-- Name: upload_chunks FK_upload_chunks_batches_batch_number; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.upload_chunks
    ADD CONSTRAINT "FK_upload_chunks_batches_batch_number" FOREIGN KEY (batch_number) REFERENCES public.batches(number) ON DELETE RESTRICT;

--
-- Name: appeals appeal_of_approved_order; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.appeals
    ADD CONSTRAINT appeal_of_approved_order FOREIGN KEY (order_number, order_approved_by) REFERENCES public.orders(number, approved_by);

--
-- Name: orders order_lifted_by_its_lift; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT order_lifted_by_its_lift FOREIGN KEY (changed_by, number) REFERENCES public.orders(number, against);

--
-- Name: orders order_lifts_approved_order; Type: FK CONSTRAINT; Schema: public; Owner: registry_owner
--

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT order_lifts_approved_order FOREIGN KEY (against, against_approved_by) REFERENCES public.orders(number, approved_by);

--
-- Name: FUNCTION batch_discard(batch integer, expired_before timestamp with time zone); Type: ACL; Schema: public; Owner: registry_owner
--

REVOKE ALL ON FUNCTION public.batch_discard(batch integer, expired_before timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.batch_discard(batch integer, expired_before timestamp with time zone) TO registry_service;

--
-- Name: FUNCTION batch_drop_file(batch integer); Type: ACL; Schema: public; Owner: registry_owner
--

REVOKE ALL ON FUNCTION public.batch_drop_file(batch integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.batch_drop_file(batch integer) TO registry_service;

--
-- Name: FUNCTION batch_set_runs(batch integer, firsts integer[], lasts integer[], states smallint[]); Type: ACL; Schema: public; Owner: registry_owner
--

REVOKE ALL ON FUNCTION public.batch_set_runs(batch integer, firsts integer[], lasts integer[], states smallint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.batch_set_runs(batch integer, firsts integer[], lasts integer[], states smallint[]) TO registry_service;

--
-- Name: FUNCTION batch_withdraw_imeis(batch integer, numbers bigint[]); Type: ACL; Schema: public; Owner: registry_owner
--

REVOKE ALL ON FUNCTION public.batch_withdraw_imeis(batch integer, numbers bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.batch_withdraw_imeis(batch integer, numbers bigint[]) TO registry_service;

--
-- Name: FUNCTION batch_withdraw_units(batch integer, first integer, last integer); Type: ACL; Schema: public; Owner: registry_owner
--

REVOKE ALL ON FUNCTION public.batch_withdraw_units(batch integer, first integer, last integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.batch_withdraw_units(batch integer, first integer, last integer) TO registry_service;

--
-- Name: FUNCTION journal_append(staged uuid[]); Type: ACL; Schema: public; Owner: registry_owner
--

REVOKE ALL ON FUNCTION public.journal_append(staged uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.journal_append(staged uuid[]) TO registry_service;

--
-- Name: FUNCTION journal_stage(entry_id uuid, entry_kind integer, binding boolean, entry_actor bigint, for_all bytea, kept_back bytea, subject_kinds smallint[], subjects bigint[]); Type: ACL; Schema: public; Owner: registry_owner
--

REVOKE ALL ON FUNCTION public.journal_stage(entry_id uuid, entry_kind integer, binding boolean, entry_actor bigint, for_all bytea, kept_back bytea, subject_kinds smallint[], subjects bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.journal_stage(entry_id uuid, entry_kind integer, binding boolean, entry_actor bigint, for_all bytea, kept_back bytea, subject_kinds smallint[], subjects bigint[]) TO registry_service;

--
-- Name: TABLE actors; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT,INSERT,UPDATE ON TABLE public.actors TO registry_service;
GRANT SELECT ON TABLE public.actors TO registry_reader;

--
-- Name: SEQUENCE actors_id_seq; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT USAGE ON SEQUENCE public.actors_id_seq TO registry_service;

--
-- Name: TABLE alarms; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT,INSERT ON TABLE public.alarms TO registry_service;
GRANT SELECT ON TABLE public.alarms TO registry_reader;

--
-- Name: COLUMN alarms.ended_at; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT UPDATE(ended_at) ON TABLE public.alarms TO registry_service;

--
-- Name: SEQUENCE alarms_number_seq; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT USAGE ON SEQUENCE public.alarms_number_seq TO registry_service;

--
-- Name: TABLE appeal_transitions; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT ON TABLE public.appeal_transitions TO registry_service;
GRANT SELECT ON TABLE public.appeal_transitions TO registry_reader;

--
-- Name: TABLE appeals; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT,INSERT,UPDATE ON TABLE public.appeals TO registry_service;
GRANT SELECT ON TABLE public.appeals TO registry_reader;

--
-- Name: SEQUENCE appeals_number_seq; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT USAGE ON SEQUENCE public.appeals_number_seq TO registry_service;

--
-- Name: TABLE authorizations; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT,INSERT,UPDATE ON TABLE public.authorizations TO registry_service;
GRANT SELECT ON TABLE public.authorizations TO registry_reader;

--
-- Name: TABLE batch_pieces; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT,INSERT ON TABLE public.batch_pieces TO registry_service;

--
-- Name: TABLE batches; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT,INSERT,UPDATE ON TABLE public.batches TO registry_service;
GRANT SELECT ON TABLE public.batches TO registry_reader;

--
-- Name: SEQUENCE batches_number_seq; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT USAGE ON SEQUENCE public.batches_number_seq TO registry_service;

--
-- Name: TABLE changes; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT,INSERT,UPDATE ON TABLE public.changes TO registry_service;
GRANT SELECT ON TABLE public.changes TO registry_reader;

--
-- Name: SEQUENCE changes_number_seq; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT USAGE ON SEQUENCE public.changes_number_seq TO registry_service;

--
-- Name: TABLE devices; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT,INSERT ON TABLE public.devices TO registry_service;
GRANT SELECT ON TABLE public.devices TO registry_reader;

--
-- Name: COLUMN devices.imeis; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT UPDATE(imeis) ON TABLE public.devices TO registry_service;

--
-- Name: TABLE fault_pages; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT,INSERT ON TABLE public.fault_pages TO registry_service;
GRANT SELECT ON TABLE public.fault_pages TO registry_reader;

--
-- Name: TABLE imeis; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT,INSERT ON TABLE public.imeis TO registry_service;
GRANT SELECT ON TABLE public.imeis TO registry_reader;

--
-- Name: COLUMN imeis.retired_at; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT UPDATE(retired_at) ON TABLE public.imeis TO registry_service;

--
-- Name: TABLE journal; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT ON TABLE public.journal TO registry_service;
GRANT SELECT ON TABLE public.journal TO registry_reader;

--
-- Name: TABLE journal_epochs; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT ON TABLE public.journal_epochs TO registry_service;
GRANT SELECT ON TABLE public.journal_epochs TO registry_reader;

--
-- Name: TABLE journal_payloads; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT ON TABLE public.journal_payloads TO registry_service;
GRANT SELECT ON TABLE public.journal_payloads TO registry_reader;

--
-- Name: TABLE journal_private; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT ON TABLE public.journal_private TO registry_service;

--
-- Name: TABLE journal_subjects; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT ON TABLE public.journal_subjects TO registry_service;
GRANT SELECT ON TABLE public.journal_subjects TO registry_reader;

--
-- Name: TABLE malformed_identities; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT,INSERT ON TABLE public.malformed_identities TO registry_service;
GRANT SELECT ON TABLE public.malformed_identities TO registry_reader;

--
-- Name: SEQUENCE malformed_identities_id_seq; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT USAGE ON SEQUENCE public.malformed_identities_id_seq TO registry_service;

--
-- Name: TABLE node_positions; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT,INSERT,UPDATE ON TABLE public.node_positions TO registry_service;
GRANT SELECT ON TABLE public.node_positions TO registry_reader;

--
-- Name: TABLE order_applied; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT,INSERT,UPDATE ON TABLE public.order_applied TO registry_service;
GRANT SELECT ON TABLE public.order_applied TO registry_reader;

--
-- Name: TABLE order_items; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT,INSERT ON TABLE public.order_items TO registry_service;
GRANT SELECT ON TABLE public.order_items TO registry_reader;

--
-- Name: TABLE order_reasons; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT ON TABLE public.order_reasons TO registry_service;
GRANT SELECT ON TABLE public.order_reasons TO registry_reader;

--
-- Name: TABLE order_refused; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT,INSERT,UPDATE ON TABLE public.order_refused TO registry_service;
GRANT SELECT ON TABLE public.order_refused TO registry_reader;

--
-- Name: TABLE order_transitions; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT ON TABLE public.order_transitions TO registry_service;
GRANT SELECT ON TABLE public.order_transitions TO registry_reader;

--
-- Name: TABLE orders; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT,INSERT,UPDATE ON TABLE public.orders TO registry_service;
GRANT SELECT ON TABLE public.orders TO registry_reader;

--
-- Name: SEQUENCE orders_number_seq; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT USAGE ON SEQUENCE public.orders_number_seq TO registry_service;

--
-- Name: TABLE parties; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT,INSERT,UPDATE ON TABLE public.parties TO registry_service;
GRANT SELECT ON TABLE public.parties TO registry_reader;

--
-- Name: SEQUENCE parties_id_seq; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT USAGE ON SEQUENCE public.parties_id_seq TO registry_service;

--
-- Name: TABLE policies; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT,INSERT,UPDATE ON TABLE public.policies TO registry_service;
GRANT SELECT ON TABLE public.policies TO registry_reader;

--
-- Name: TABLE quarantined_units; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT,INSERT ON TABLE public.quarantined_units TO registry_service;
GRANT SELECT ON TABLE public.quarantined_units TO registry_reader;

--
-- Name: TABLE receipts; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT,INSERT ON TABLE public.receipts TO registry_service;
GRANT SELECT ON TABLE public.receipts TO registry_reader;

--
-- Name: TABLE sighting_segments; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT,INSERT,UPDATE ON TABLE public.sighting_segments TO registry_service;
GRANT SELECT ON TABLE public.sighting_segments TO registry_reader;

--
-- Name: TABLE sightings; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT,INSERT,UPDATE ON TABLE public.sightings TO registry_service;
GRANT SELECT ON TABLE public.sightings TO registry_reader;

--
-- Name: TABLE tac_mandates; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT,INSERT,UPDATE ON TABLE public.tac_mandates TO registry_service;
GRANT SELECT ON TABLE public.tac_mandates TO registry_reader;

--
-- Name: TABLE tacs; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT,INSERT,UPDATE ON TABLE public.tacs TO registry_service;
GRANT SELECT ON TABLE public.tacs TO registry_reader;

--
-- Name: TABLE unit_runs; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT ON TABLE public.unit_runs TO registry_service;
GRANT SELECT ON TABLE public.unit_runs TO registry_reader;

--
-- Name: TABLE upload_chunks; Type: ACL; Schema: public; Owner: registry_owner
--

GRANT SELECT,INSERT ON TABLE public.upload_chunks TO registry_service;

--
-- PostgreSQL database dump complete
--

-- The life of appeals, held by the database too. Applied by the migration that brought them, after its tables.

-- Every step there is, as AppealLifeCycle has them (a test compares the two).
CREATE TABLE appeal_transitions (
  from_state smallint NOT NULL,
  to_state smallint NOT NULL,
  PRIMARY KEY (from_state, to_state));
INSERT INTO appeal_transitions (from_state, to_state) VALUES (1, 2), (1, 6), (2, 3), (2, 4), (2, 5), (2, 6), (5, 2), (5, 6);

CREATE FUNCTION appeal_steps() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.state <> 1 THEN
      RAISE EXCEPTION 'an appeal begins as one that was filed' USING ERRCODE = 'check_violation', CONSTRAINT = 'appeal_transition';
    END IF;
    IF NOT EXISTS (SELECT FROM orders o WHERE o.number = NEW.order_number AND o.action = 1) THEN
      RAISE EXCEPTION 'appeals are against block orders' USING ERRCODE = 'check_violation', CONSTRAINT = 'appeal_against_a_block';
    END IF;
  ELSE
    IF NEW.state <> OLD.state AND NOT EXISTS (SELECT FROM appeal_transitions t WHERE t.from_state = OLD.state AND t.to_state = NEW.state) THEN
      RAISE EXCEPTION 'appeal % does not go from state % to state %', OLD.number, OLD.state, NEW.state USING ERRCODE = 'check_violation', CONSTRAINT = 'appeal_transition';
    END IF;
    -- What was filed, when, against what, and who recorded it, is history.
    IF (NEW.order_number, NEW.forum, NEW.filed_on, NEW.recorded_by) <> (OLD.order_number, OLD.forum, OLD.filed_on, OLD.recorded_by) OR NEW.file_by IS DISTINCT FROM OLD.file_by THEN
      RAISE EXCEPTION 'appeal % was filed already', OLD.number USING ERRCODE = 'check_violation', CONSTRAINT = 'appeal_as_filed';
    END IF;
  END IF;
  -- A reversal is no way around two signatures: a lift or annulment of the order itself was approved before.
  IF NEW.state = 4 AND NOT EXISTS (
    SELECT FROM orders m WHERE m.number = NEW.measure AND m.against = NEW.order_number AND m.state = 5 AND m.action IN (2, 5)) THEN
    RAISE EXCEPTION 'appeal % is reversed by no lift or annulment of its order', NEW.number USING ERRCODE = 'check_violation', CONSTRAINT = 'appeal_reversed_by_a_measure';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER appeal_steps BEFORE INSERT OR UPDATE ON appeals FOR EACH ROW EXECUTE FUNCTION appeal_steps();

-- The copied people are the order's. (A key over a column that may be null is beyond the model, so it stands here.)
ALTER TABLE appeals ADD CONSTRAINT appeal_of_approved_order FOREIGN KEY (order_number, order_approved_by) REFERENCES orders (number, approved_by);

GRANT SELECT ON appeal_transitions TO registry_service, registry_reader;
GRANT SELECT, INSERT, UPDATE ON appeals TO registry_service;
GRANT SELECT ON appeals TO registry_reader;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO registry_service;

-- What was said of an appeal stays as it was said. Applied by the migration of that name; the steps themselves are held by appeals.sql.

-- A step says what belongs to it and nothing else, and between steps nothing is said at all: a decision, once made, is history.
CREATE FUNCTION appeal_as_it_was() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW IS NOT DISTINCT FROM OLD THEN RETURN NEW; END IF;
  IF (NEW.number, NEW.order_number, NEW.order_drafted_by, NEW.order_approved_by, NEW.forum, NEW.after_appeal, NEW.appellant, NEW.grounds, NEW.reference, NEW.evidence, NEW.filed_on, NEW.file_by, NEW.recorded_by, NEW.recorded_at)
    IS DISTINCT FROM (OLD.number, OLD.order_number, OLD.order_drafted_by, OLD.order_approved_by, OLD.forum, OLD.after_appeal, OLD.appellant, OLD.grounds, OLD.reference, OLD.evidence, OLD.filed_on, OLD.file_by, OLD.recorded_by, OLD.recorded_at) THEN
    RAISE EXCEPTION 'appeal % was filed already', OLD.number USING ERRCODE = 'check_violation', CONSTRAINT = 'appeal_as_filed';
  END IF;
  IF NEW.state = OLD.state
    OR (NEW.state <> 2 AND (NEW.reviewed_by, NEW.reviewed_at) IS DISTINCT FROM (OLD.reviewed_by, OLD.reviewed_at))
    OR (NEW.state <> 5 AND (NEW.remitted_at, NEW.decide_by) IS DISTINCT FROM (OLD.remitted_at, OLD.decide_by))
    OR (NEW.state = 2 AND (NEW.decided_by, NEW.decided_at, NEW.findings, NEW.decision_evidence, NEW.measure) IS DISTINCT FROM (OLD.decided_by, OLD.decided_at, OLD.findings, OLD.decision_evidence, OLD.measure)) THEN
    RAISE EXCEPTION 'what was said of appeal % stays', OLD.number USING ERRCODE = 'check_violation', CONSTRAINT = 'appeal_as_it_was';
  END IF;
  RETURN NEW;
END $$;

-- After appeal_steps, whose refusals say more: triggers fire in the order of their names.
CREATE TRIGGER appeal_unchanged BEFORE UPDATE ON appeals FOR EACH ROW EXECUTE FUNCTION appeal_as_it_was();

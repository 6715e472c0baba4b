-- Enforcement as it is observed, and what holds its record together. Applied by the migration that brought first refusals and alarms about operators.

-- Alarms about operators and nodes end; nothing else of an alarm changes.
GRANT UPDATE (ended_at) ON alarms TO registry_service;
GRANT SELECT, INSERT, UPDATE ON order_refused TO registry_service;
GRANT SELECT ON order_refused TO registry_reader;

-- Where nodes learnt of the orders there are.
UPDATE orders o SET armed_position = (
  SELECT max(j.position) FROM journal_subjects s JOIN journal_payloads p ON p.id = s.payload_id AND p.kind = 15 JOIN journal j ON j.payload_id = p.id
  WHERE s.kind = 2 AND s.subject = o.number)
WHERE o.state IN (3, 10, 11);

-- An order is changed only by what was approved, and by a measure of the kind that does it. Judged at the commit, since the two rows are written in one transaction.
-- One that was stayed may also have ended at its own instant.
CREATE FUNCTION order_changed_by_approved() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  changed orders;
  measure orders;
BEGIN
  SELECT * INTO changed FROM orders WHERE number = NEW.number;
  IF changed.changed_by IS NULL THEN RETURN NULL; END IF;
  SELECT * INTO measure FROM orders WHERE number = changed.changed_by;
  IF measure.approved_by IS NULL OR NOT (CASE changed.state
      WHEN 4 THEN measure.action IN (1, 2) OR (measure.action = 3 AND changed.ended_at IS NOT DISTINCT FROM changed.expires_at)
      WHEN 8 THEN measure.action = 3
      WHEN 9 THEN measure.action = 5
      ELSE true END) THEN
    RAISE EXCEPTION 'order % is changed by order %, which was not approved or does something else', changed.number, measure.number
      USING ERRCODE = 'check_violation', CONSTRAINT = 'order_changed_by_approved';
  END IF;
  RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER order_changed_by_approved AFTER INSERT OR UPDATE OF state, changed_by ON orders
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.changed_by IS NOT NULL) EXECUTE FUNCTION order_changed_by_approved();

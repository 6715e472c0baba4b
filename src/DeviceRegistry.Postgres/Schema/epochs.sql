-- Epochs of the journal. Applied by the migration that added restored epochs.

-- The journal never goes back to an epoch that is over, and an epoch that began with a restore begins with the signed statement about it
-- (kind 17), which stands nowhere else: until then every write is refused, so that nothing new is built on a past that nobody has vouched for.
CREATE FUNCTION journal_epoch_holds() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  before int;
  begins_restored boolean;
  states boolean;
BEGIN
  SELECT j.epoch INTO before FROM journal j WHERE j.position = NEW.position - 1;
  IF before > NEW.epoch THEN RAISE EXCEPTION 'epoch % is over', NEW.epoch; END IF;
  begins_restored := before IS DISTINCT FROM NEW.epoch AND (SELECT e.restored FROM journal_epochs e WHERE e.epoch = NEW.epoch);
  states := (SELECT p.kind FROM journal_payloads p WHERE p.id = NEW.payload_id) = 17;
  IF begins_restored AND NOT states THEN
    RAISE EXCEPTION 'the registry was restored and waits for the statement about it' USING ERRCODE = 'DR001';
  END IF;
  IF states AND NOT begins_restored THEN RAISE EXCEPTION 'a statement about a restore is the first entry of its epoch'; END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER journal_epoch_holds BEFORE INSERT ON journal FOR EACH ROW EXECUTE FUNCTION journal_epoch_holds();

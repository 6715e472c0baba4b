-- The life of orders, held by the database too. Applied by the migration that brought stays, annulments and notices.

-- Every step there is, as OrderLifeCycle has them (a test compares the two): of block orders (is_block) and of measures against them.
CREATE TABLE order_transitions (
  is_block boolean NOT NULL,
  from_state smallint NOT NULL,
  to_state smallint NOT NULL,
  PRIMARY KEY (is_block, from_state, to_state));
INSERT INTO order_transitions (is_block, from_state, to_state) VALUES
  (true, 1, 6), (true, 1, 7), (true, 1, 2), (true, 1, 3), (true, 1, 10),
  (true, 2, 7), (true, 2, 9), (true, 2, 3), (true, 2, 10),
  (true, 3, 7), (true, 3, 10), (true, 3, 4), (true, 3, 8), (true, 3, 9),
  (true, 10, 11), (true, 10, 4), (true, 10, 8), (true, 10, 9),
  (true, 11, 4), (true, 11, 8), (true, 11, 9),
  (true, 8, 3), (true, 8, 10), (true, 8, 4), (true, 8, 9),
  (true, 4, 9),
  (false, 1, 6), (false, 1, 7), (false, 1, 5);

CREATE FUNCTION order_steps() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.state <> 1 THEN
      RAISE EXCEPTION 'an order begins as a draft' USING ERRCODE = 'check_violation', CONSTRAINT = 'order_transition';
    END IF;
  ELSIF NEW.state <> OLD.state AND NOT EXISTS (
    SELECT FROM order_transitions t WHERE t.is_block = (OLD.action = 1) AND t.from_state = OLD.state AND t.to_state = NEW.state) THEN
    RAISE EXCEPTION 'order % does not go from state % to state %', OLD.number, OLD.state, NEW.state USING ERRCODE = 'check_violation', CONSTRAINT = 'order_transition';
  END IF;
  -- A measure is of the class of the order it is against, which decides how many people it needs; and no order changes its class.
  IF (TG_OP = 'UPDATE' AND NEW.order_class <> OLD.order_class)
    OR (NEW.action > 1 AND NEW.order_class IS DISTINCT FROM (SELECT t.order_class FROM orders t WHERE t.number = NEW.against)) THEN
    RAISE EXCEPTION 'order % cannot be of class %', NEW.number, NEW.order_class USING ERRCODE = 'check_violation', CONSTRAINT = 'order_class_of_measure';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER order_steps BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION order_steps();

-- One lift of an order takes effect; stays may follow each other.
DROP INDEX order_lifted_once;
CREATE UNIQUE INDEX order_lifted_once ON orders (against) WHERE state = 5 AND action = 2;

GRANT SELECT ON order_transitions TO registry_service, registry_reader;
GRANT SELECT, INSERT, UPDATE ON order_applied TO registry_service;
GRANT SELECT ON order_applied TO registry_reader;

-- Reasons of classes D and E (DOMAIN 6.3 rows 6a, 12b, 19d; the GSMA code is unverified).
INSERT INTO order_reasons (code, order_class, valid_from, check_reason, gsma_code) VALUES
  ('FINANCE_DEFAULT', 4, '2018-12-01', 19, ''),
  ('NOT_REGISTERED',  5, '2018-12-01', 20, ''),
  ('DUPLICATE',       5, '2018-12-01', 21, '0016');

-- The other half of "the approver of a lift neither drafted nor approved the order it lifts": the copied approver is the real one.
-- (A key over a column that may be null is beyond the model, so it stands here.)
ALTER TABLE orders ADD CONSTRAINT order_and_approver UNIQUE (number, approved_by);
ALTER TABLE orders ADD CONSTRAINT order_lifts_approved_order
  FOREIGN KEY (lifts, lifts_approved_by) REFERENCES orders (number, approved_by);
-- An order is lifted by a lift of itself, and by nothing else.
ALTER TABLE orders ADD CONSTRAINT order_and_what_it_lifts UNIQUE (number, lifts);
ALTER TABLE orders ADD CONSTRAINT order_lifted_by_its_lift FOREIGN KEY (lifted_by, number) REFERENCES orders (number, lifts);
-- One lift of an order takes effect.
CREATE UNIQUE INDEX order_lifted_once ON orders (lifts) WHERE state = 5;

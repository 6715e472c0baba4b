-- The other half of "the approver of a lift neither drafted nor approved the order it lifts": the copied approver is the real one.
-- (A key over a column that may be null is beyond the model, so it stands here.)
ALTER TABLE orders ADD CONSTRAINT order_and_approver UNIQUE (number, approved_by);
ALTER TABLE orders ADD CONSTRAINT order_lifts_approved_order
  FOREIGN KEY (lifts, lifts_approved_by) REFERENCES orders (number, approved_by);
-- One lift of an order takes effect.
CREATE UNIQUE INDEX order_lifted_once ON orders (lifts) WHERE state = 5;

-- Clicks by viewer, so that a purchase finds the promotion that led to it. Few rows: only clicks to a product. Frozen.
CREATE INDEX delivery_event_click ON delivery_event (viewer, order_id, at) WHERE type = 6 AND valid;

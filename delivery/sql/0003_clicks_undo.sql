DROP INDEX delivery_event_click;

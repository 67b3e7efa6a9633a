-- The next delivery of a place is found without looking at the thousands behind it.
CREATE INDEX deliveries_order ON deliveries (platform, address, op, id) WHERE parked = 0;

-- No two tax rates of a market share a day. Checked at the commit, so that one row may make room for another. Frozen.
--
-- A market and a day are one number here (ten million days a market), since a range of numbers needs no extension, and
-- equality of text in a GiST index does.

UPDATE markets_taxrate t
   SET valid_to = (SELECT min(n.valid_from) - 1 FROM markets_taxrate n
                    WHERE n.market_id = t.market_id AND n.valid_from > t.valid_from);

ALTER TABLE markets_taxrate ADD CONSTRAINT tax_rates_follow_each_other EXCLUDE USING gist (
    int8range(
        (ascii(market_id) * 128 + ascii(substr(market_id, 2)))::bigint * 10000000 + (valid_from - date '1970-01-01'),
        (ascii(market_id) * 128 + ascii(substr(market_id, 2)))::bigint * 10000000
            + coalesce(valid_to - date '1970-01-01', 5000000),
        '[]'
    ) WITH &&
) DEFERRABLE INITIALLY DEFERRED;

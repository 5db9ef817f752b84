-- Orders of one second, by their numbers: see backlog.py. One transaction.

CREATE TEMP TABLE who ON COMMIT DROP AS
SELECT n, uuidv7() AS account, uuidv7() AS video
  FROM generate_series(%(first)s / %(each)s, %(last)s / %(each)s) n;

INSERT INTO accounts_account (id, external_id, username, type, country, birth_date, restricted, language, timezone,
                              source_updated_at, created_at)
SELECT account, 'backlog-' || n, 'seller' || n, 'business', 'US', '1990-05-17', false, '', '', %(at)s::timestamptz, %(at)s::timestamptz
  FROM who;

INSERT INTO catalogue_video (id, external_id, account_id, caption, music_title, music_licence, music_own_sound,
                             visibility, status, duration_s, cover_url, source_updated_at, created_at, revision,
                             former_account_ids)
SELECT video, 'backlog-' || n, account, 'Hand-drawn batik, from wax to dye, number ' || n, '', '', false, 'public',
       'active', 21, '', %(at)s::timestamptz, %(at)s::timestamptz, 1, '{}'
  FROM who;

INSERT INTO payments_ledgeraccount (ledger, kind, code, owner, guard, hot)
SELECT 0, 'debt', 'debt:' || replace(account::text, '-', ''), account, 'D', false FROM who;

INSERT INTO payments_ledgeraccount (ledger, kind, owner, guard, hot)
SELECT 0, 'lot', account, 'C', false FROM who, generate_series(1, 2) ORDER BY n;

CREATE TEMP TABLE lots ON COMMIT DROP AS
SELECT who.n, who.account, min(a.id) AS early, max(a.id) AS late
  FROM who JOIN payments_ledgeraccount a ON a.owner = who.account AND a.kind = 'lot' AND NOT a.closed
 GROUP BY who.n, who.account;

CREATE UNIQUE INDEX ON lots (n);

INSERT INTO payments_journal (kind, key, request_hash, ref, created_at)
SELECT 'grant', 'backlog:grant:' || n || ':' || part, sha256('backlog'), '', %(at)s::timestamptz
  FROM lots, unnest(ARRAY['early', 'late']) part;

CREATE TEMP TABLE grants ON COMMIT DROP AS
SELECT j.id AS journal, lots.account, CASE part WHEN 'early' THEN early ELSE late END AS lot, part
  FROM lots CROSS JOIN unnest(ARRAY['early', 'late']) part
  JOIN payments_journal j ON j.key = 'backlog:grant:' || n || ':' || part;

INSERT INTO payments_transfer (journal_id, seq, ledger, debit_id, credit_id, amount, created_at)
SELECT journal, 1, 0, 1, lot, 10000000000, %(at)s::timestamptz FROM grants;

INSERT INTO payments_lot (id, ledger_account_id, opening_id, account_id, origin, coins, paid_minor, currency,
                          reason, expires_at, withdrawable, opened_at)
SELECT uuidv7(), lot, journal, account, 'grant', 10000, 0, '', '',
       CASE part WHEN 'early' THEN %(at)s::timestamptz + interval '30 days' END, false, %(at)s::timestamptz
  FROM grants;

CREATE TEMP TABLE what ON COMMIT DROP AS
SELECT numbers.n, uuidv7() AS id, account, video, early, late,
       CASE WHEN mod(n, 10) = 0 THEN 200 ELSE 0 END AS coupon,
       CASE WHEN mod(n, 10) = 0 THEN uuidv7() END AS offer,
       CASE WHEN mod(n, 5) = 0 THEN 300 ELSE 1000 END AS from_early,
       CASE WHEN mod(n, 7) = 0 THEN 0 WHEN mod(n, 11) = 0 THEN 1000000000
            ELSE mod(n * 7919, 999) * 1000000 + mod(n, 999983) + 1 END AS charged
  FROM (SELECT n::bigint, n / %(each)s AS whose FROM generate_series(%(first)s, %(last)s) n) numbers
  JOIN (SELECT n AS whose, who.account, video, early, late FROM who JOIN lots USING (n)) theirs USING (whose);

INSERT INTO payments_ledgeraccount (ledger, kind, code, owner, guard, hot)
SELECT 0, 'escrow', 'order:ord_' || replace(id::text, '-', ''), account, 'C', false FROM what ORDER BY n;

INSERT INTO payments_journal (kind, key, request_hash, ref, created_at)
SELECT 'order_pay', 'order:ord_' || replace(id::text, '-', '') || ':pay', sha256('backlog'),
       'ord_' || replace(id::text, '-', ''), %(at)s::timestamptz
  FROM what ORDER BY n;

CREATE TEMP TABLE paid ON COMMIT DROP AS
SELECT what.*, e.id AS escrow, j.id AS journal FROM what
  JOIN payments_ledgeraccount e ON e.ledger = 0 AND e.code = 'order:ord_' || replace(what.id::text, '-', '')
  JOIN payments_journal j ON j.key = 'order:ord_' || replace(what.id::text, '-', '') || ':pay';

INSERT INTO coupons_offer (id, kind, coins, campaign_id, account_id, by_code, status, order_ref, granted_at)
SELECT offer, 'voucher', 200, c.id, account, false, 'in_use', 'ord_' || replace(paid.id::text, '-', ''), %(at)s::timestamptz
  FROM paid JOIN coupons_campaign c ON c.name = 'Backlog ' || mod(paid.n / 10, %(campaigns)s)
 WHERE coupon > 0;

INSERT INTO payments_transfer (journal_id, seq, ledger, debit_id, credit_id, amount, created_at)
SELECT journal, seq, 0, debit, escrow, coins * 1000000, %(at)s::timestamptz
  FROM (SELECT journal, 1 AS seq, c.ledger_account_id AS debit, escrow, coupon AS coins
          FROM paid JOIN coupons_offer o ON o.id = offer JOIN coupons_campaign c ON c.id = o.campaign_id
        UNION ALL
        SELECT journal, 2 - (coupon = 0)::int, early, escrow, least(from_early, 1000 - coupon) FROM paid
        UNION ALL
        SELECT journal, 3 - (coupon = 0)::int, late, escrow, 1000 - coupon - from_early FROM paid
         WHERE from_early < 1000 - coupon) moves
 ORDER BY journal, seq;

INSERT INTO payments_journal (kind, key, request_hash, ref, created_at)
VALUES ('charge', 'backlog:charge:' || %(first)s, sha256('backlog'), '', %(at)s::timestamptz);

INSERT INTO payments_transfer (journal_id, seq, ledger, debit_id, credit_id, amount, created_at)
SELECT j.id, row_number() OVER (ORDER BY n), 0, escrow, 2, charged, %(at)s::timestamptz
  FROM paid JOIN payments_journal j ON j.key = 'backlog:charge:' || %(first)s WHERE charged > 0;

INSERT INTO orders_order (id, account_id, market_id, key, quote_id, function, objective, video_id, revision_seen,
                          audience, website_url, call_to_action, duration_s, app_platform, amendments, cost_coins,
                          coupon_coins, pay_coins, offer_id, escrow_id, status, shard, placed_at, starts_at,
                          ends_at, end_reason, ended_at, ending_at, closed_at, drained_at, refund_due_at,
                          set_aside_reason)
SELECT id, account, 'US', 'backlog-' || n, uuidv7(), 'video', 'video_views', video, 1, '{"automatic": true}', '',
       '', 86400, 'web', 0, 1000, coupon, 1000 - coupon, offer, escrow, 'ending', mod(n, 4),
       %(at)s::timestamptz - interval '1 day', %(at)s::timestamptz - interval '1 day', %(at)s::timestamptz, 'time', %(at)s::timestamptz, %(at)s::timestamptz, %(at)s::timestamptz, %(at)s::timestamptz,
       %(at)s::timestamptz + interval '15 minutes', ''
  FROM paid ORDER BY n;

INSERT INTO orders_ordertransition (order_id, from_status, to_status, why, by_owner, at, detail)
SELECT id, 'delivering', 'ending', 'time', false, %(at)s::timestamptz, '{}' FROM paid ORDER BY n;

SET CONSTRAINTS ALL IMMEDIATE;

-- Checkpoints are made by the database alone: a hot account's balance is its last checkpoint and what came since, so who
-- writes one writes a balance. Frozen. Its twin, which reads them, is payments/checkpoints.py.
--
-- With the owner's rights: the application asks for checkpoints, and can't write one. Each covers the transactions below
-- the oldest one still running, so that a late commit with a low id is never missed.
CREATE FUNCTION payments_take_checkpoints(p_at timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE taken integer;
BEGIN
    INSERT INTO public.payments_checkpoint (account_id, up_to, debits, credits, taken_at)
    SELECT a.id, cut.xid, coalesce(last.debits, 0) + since.debits, coalesce(last.credits, 0) + since.credits, p_at
      FROM pg_snapshot_xmin(pg_current_snapshot()) AS cut (xid)
      CROSS JOIN public.payments_ledgeraccount a
      LEFT JOIN LATERAL (
            SELECT c.up_to, c.debits, c.credits FROM public.payments_checkpoint c
             WHERE c.account_id = a.id ORDER BY c.up_to DESC LIMIT 1) last ON true
      CROSS JOIN LATERAL (
            SELECT coalesce(sum(side.debits), 0) AS debits, coalesce(sum(side.credits), 0) AS credits
              FROM (SELECT t.amount AS debits, 0 AS credits FROM public.payments_transfer t
                     WHERE t.debit_id = a.id AND t.xid >= coalesce(last.up_to, '0'::xid8) AND t.xid < cut.xid
                    UNION ALL
                    SELECT 0, t.amount FROM public.payments_transfer t
                     WHERE t.credit_id = a.id AND t.xid >= coalesce(last.up_to, '0'::xid8) AND t.xid < cut.xid) side
           ) since
     WHERE a.hot AND (since.debits > 0 OR since.credits > 0)
    ON CONFLICT (account_id, up_to) DO NOTHING;
    GET DIAGNOSTICS taken = ROW_COUNT;
    RETURN taken;
END $$;
REVOKE ALL ON FUNCTION payments_take_checkpoints(timestamptz) FROM PUBLIC;

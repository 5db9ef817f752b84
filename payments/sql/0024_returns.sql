-- What went back of a payment is summed on it from its returns, and nothing else writes it. Frozen.

INSERT INTO payments_ledgeraccount (id, ledger, kind, code, guard, hot) OVERRIDING SYSTEM VALUE VALUES
    (6, 0, 'platform', 'returned', 'N', true),
    (7, 0, 'platform', 'withdrawn', 'N', true),
    (8, 0, 'platform', 'goodwill', 'N', true),
    (9, 0, 'platform', 'correction', 'N', true),
    (10, 0, 'platform', 'write_off', 'N', true);

CREATE FUNCTION payments_sum_returns() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE public.payments_topup t
       SET refunded_minor = coalesce(stands.refunded, 0),
           disputed_minor = coalesce(stands.disputed, 0),
           withdrawn_minor = coalesce(stands.withdrawn, 0)
      FROM (SELECT sum(r.amount_minor) FILTER (WHERE r.kind = 'refund') AS refunded,
                   sum(r.amount_minor) FILTER (WHERE r.kind = 'dispute') AS disputed,
                   sum(r.amount_minor) FILTER (WHERE r.kind = 'withdrawal') AS withdrawn
              FROM public.payments_paymentreturn r
             WHERE r.top_up_id = NEW.top_up_id AND r.state <> 'undone') stands
     WHERE t.id = NEW.top_up_id;
    RETURN NULL;
END $$;
CREATE TRIGGER return_is_summed AFTER INSERT OR UPDATE ON payments_paymentreturn
    FOR EACH ROW EXECUTE FUNCTION payments_sum_returns();

-- The sums on a top-up move by that trigger alone: pg_trigger_depth() is 0 for a statement of ours.
CREATE FUNCTION payments_sums_by_returns() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF pg_trigger_depth() < 2
       AND (NEW.refunded_minor, NEW.disputed_minor, NEW.withdrawn_minor)
           IS DISTINCT FROM (OLD.refunded_minor, OLD.disputed_minor, OLD.withdrawn_minor) THEN
        RAISE EXCEPTION 'what went back of top-up % is the sum of its returns', OLD.id
            USING ERRCODE = '55000', CONSTRAINT = 'top_up_sums_by_returns';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER top_up_sums_by_returns BEFORE UPDATE OF refunded_minor, disputed_minor, withdrawn_minor ON payments_topup
    FOR EACH ROW EXECUTE FUNCTION payments_sums_by_returns();

CREATE FUNCTION payments_return_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (NEW.id, NEW.top_up_id, NEW.kind, NEW.gateway, NEW.amount_minor, NEW.currency, NEW.coins, NEW.noticed_at)
       IS DISTINCT FROM
       (OLD.id, OLD.top_up_id, OLD.kind, OLD.gateway, OLD.amount_minor, OLD.currency, OLD.coins, OLD.noticed_at)
       OR OLD.state = 'undone' OR (OLD.state = 'done' AND NEW.state = 'under_way')
       OR (OLD.provider_ref <> '' AND NEW.provider_ref <> OLD.provider_ref) THEN
        RAISE EXCEPTION 'return % stays as it was', OLD.id
            USING ERRCODE = '55000', CONSTRAINT = 'return_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER return_stays BEFORE UPDATE ON payments_paymentreturn
    FOR EACH ROW EXECUTE FUNCTION payments_return_stays();
CREATE TRIGGER return_is_kept BEFORE DELETE OR TRUNCATE ON payments_paymentreturn
    FOR EACH STATEMENT EXECUTE FUNCTION payments_row_stays();

"""What the application's database role can't do to the ledger, whatever code it runs."""

import re

import pytest
from django.db import DatabaseError, connection, transaction

from payments import ledger
from payments.models import LedgerAccount
from promote.money import MICROS
from tests.payments.ledgers import ISSUANCE, a_purse, moved

pytestmark = pytest.mark.django_db


def sql(statement: str, *values) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


def test_the_application_owns_nothing():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole")
        assert cursor.fetchone()[0] == 0
        cursor.execute("SELECT rolsuper, rolcreaterole, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False, False, False)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE payments_ledgeraccount SET credits = credits + 1",
        "UPDATE payments_ledgeraccount SET guard = 'N'",
        "UPDATE payments_ledgeraccount SET owner = NULL",
        "INSERT INTO payments_ledgeraccount (ledger, kind, guard, credits) VALUES (0, 'lot', 'C', 1000000)",
        """INSERT INTO payments_ledgeraccount (id, ledger, kind, guard) OVERRIDING SYSTEM VALUE
           VALUES (7, 0, 'lot', 'C')""",
        "DELETE FROM payments_ledgeraccount",
        "UPDATE payments_transfer SET amount = 1",
        "DELETE FROM payments_transfer",
        "TRUNCATE payments_transfer",
        "UPDATE payments_journal SET key = 'another'",
        "DELETE FROM payments_journal",
        "TRUNCATE payments_journal CASCADE",
        """INSERT INTO payments_checkpoint (account_id, up_to, debits, credits, taken_at)
           VALUES (2, '1', 0, 1000000, now())""",
        "UPDATE payments_checkpoint SET credits = 0",
        "DELETE FROM payments_checkpoint",
        "UPDATE payments_lot SET withdrawable = true",
        "DELETE FROM payments_lot",
        "DELETE FROM payments_gift",
        "ALTER TABLE payments_transfer DISABLE TRIGGER USER",
        "ALTER TABLE payments_transfer DISABLE TRIGGER transfer_moves_balances",
        "ALTER TABLE payments_ledgeraccount DROP CONSTRAINT ledgeraccount_no_overdraft",
        "DROP TRIGGER transfer_append_only ON payments_transfer",
        """CREATE OR REPLACE FUNCTION payments_apply_transfers() RETURNS trigger LANGUAGE plpgsql
           AS 'BEGIN RETURN NULL; END'""",
        "ALTER FUNCTION payments_apply_transfers() SECURITY INVOKER",
        "SET session_replication_role = replica",
        "CREATE TABLE mine (id int)",
        "CREATE TRIGGER mine BEFORE INSERT ON payments_transfer EXECUTE FUNCTION payments_refuse_change()",
        "SET ROLE promote_owner",
        "SELECT setval(pg_get_serial_sequence('payments_transfer', 'id'), 1)",
    ],
)
def test_the_application_is_refused(statement):
    moved(ISSUANCE, a_purse(), MICROS)
    with pytest.raises(DatabaseError, match=r"permission denied|must be owner|must be able to"):
        sql(statement)


def test_the_application_can_not_say_which_transaction_wrote_a_row():
    posted = moved(ISSUANCE, a_purse(), 5)
    with pytest.raises(DatabaseError, match="permission denied"):
        sql(
            """INSERT INTO payments_transfer (journal_id, seq, ledger, debit_id, credit_id, amount, created_at, xid)
               VALUES (%s, 2, 0, 1, %s, 5, now(), '1')""",
            posted.journal_id,
            a_purse(),
        )


def test_the_balances_trigger_can_not_be_hung_on_another_table():
    """Its function writes balances with the owner's rights: on a table of the attacker's it would write any."""
    purse = a_purse()
    sql("CREATE TEMPORARY TABLE forged (debit_id bigint, credit_id bigint, amount bigint)")
    with pytest.raises(DatabaseError, match="permission denied for function payments_apply_transfers"):
        sql(
            """CREATE TRIGGER forge AFTER INSERT ON forged REFERENCING NEW TABLE AS new_rows
               FOR EACH STATEMENT EXECUTE FUNCTION payments_apply_transfers()"""
        )
    assert ledger.balances([purse]) == {purse: 0}


@pytest.mark.django_db(databases=["default", "owner"])
def test_the_balances_trigger_works_for_its_own_table_alone():
    with transaction.atomic("owner"), transaction.get_connection("owner").cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE forged (debit_id bigint, credit_id bigint, amount bigint)")
        cursor.execute(
            """CREATE TRIGGER forge AFTER INSERT ON forged REFERENCING NEW TABLE AS new_rows
               FOR EACH STATEMENT EXECUTE FUNCTION payments_apply_transfers()"""
        )
        with pytest.raises(DatabaseError, match="belongs to payments_transfer"):
            cursor.execute("INSERT INTO forged VALUES (1, 2, 5)")
        transaction.set_rollback(True, "owner")


def test_what_runs_with_the_owners_rights_has_a_fixed_search_path():
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT proname, proconfig FROM pg_proc
                WHERE prosecdef AND pronamespace = 'public'::regnamespace ORDER BY proname"""
        )
        found = dict(cursor.fetchall())
    assert "payments_apply_transfers" in found
    fixed = {
        name for name, config in found.items() if any(re.fullmatch("search_path=.*, pg_temp", s) for s in config or [])
    }
    assert found.keys() == fixed, "pg_temp must come last"


def test_a_temporary_table_of_the_same_name_does_not_divert_a_transfer():
    giver, taker = a_purse(5), a_purse()
    sql(
        """CREATE TEMPORARY TABLE payments_ledgeraccount
           (id bigint, hot boolean, closed boolean, debits bigint, credits bigint)"""
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM public.payments_journal LIMIT 1")
        journal_id = cursor.fetchone()[0]
        cursor.execute(
            """INSERT INTO public.payments_transfer (journal_id, seq, ledger, debit_id, credit_id, amount, created_at)
               VALUES (%s, 9, 0, %s, %s, 5, now())""",
            [journal_id, giver, taker],
        )
        cursor.execute("SELECT credits FROM public.payments_ledgeraccount WHERE id = %s", [taker])
        assert cursor.fetchone()[0] == 5


def test_the_application_may_do_what_it_needs():
    purse = a_purse(1)
    moved(purse, ISSUANCE, MICROS)
    ledger.close([purse])
    assert LedgerAccount.objects.get(id=purse).closed

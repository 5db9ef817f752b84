"""Transfers to a bank account of ours: statements, what their lines are for, and what we send back."""

import django.db.models.deletion
from django.db import migrations, models

import promote.ids
from promote.sqlfile import SqlFile


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("markets", "0006_transfers"),
        ("payments", "0012_limits"),
    ]

    operations = [
        migrations.CreateModel(
            name="BankAccount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("bank", models.CharField(max_length=100)),
                (
                    "number",
                    models.CharField(help_text="As payers type it; an IBAN where the bank has one.", max_length=34),
                ),
                ("holder", models.CharField(help_text="The name that the account is kept under.", max_length=100)),
                ("enabled", models.BooleanField(default=True)),
                ("csv_encoding", models.CharField(default="utf-8-sig", max_length=16)),
                (
                    "csv_delimiter",
                    models.CharField(
                        choices=[(",", ","), (";", ";"), ("\t", "tab"), ("|", "|")], default=",", max_length=1
                    ),
                ),
                (
                    "csv_skip_lines",
                    models.PositiveSmallIntegerField(default=0, help_text="Lines before the one with the names."),
                ),
                ("csv_date", models.CharField(default="Date", max_length=64)),
                (
                    "csv_date_format",
                    models.CharField(default="%Y-%m-%d", help_text="%d/%m/%Y, %Y-%m-%d, …", max_length=32),
                ),
                (
                    "csv_amount",
                    models.CharField(
                        default="Amount", help_text="What came in; below 0, what went out.", max_length=64
                    ),
                ),
                (
                    "csv_amount_out",
                    models.CharField(
                        blank=True, help_text="Where what went out has a column of its own.", max_length=64
                    ),
                ),
                ("csv_decimal_mark", models.CharField(choices=[(".", "."), (",", ",")], default=".", max_length=1)),
                (
                    "csv_currency",
                    models.CharField(blank=True, help_text="Empty: all in the market's currency.", max_length=64),
                ),
                (
                    "csv_texts",
                    models.CharField(
                        default="Description",
                        help_text="Columns that may hold the reference, with commas between.",
                        max_length=200,
                    ),
                ),
                ("csv_payer", models.CharField(blank=True, max_length=64)),
                ("csv_payer_account", models.CharField(blank=True, max_length=64)),
                (
                    "csv_ref",
                    models.CharField(
                        blank=True,
                        help_text="The bank's own id of a line. Empty: made of what the line says.",
                        max_length=64,
                    ),
                ),
                (
                    "market",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="bank_account", to="markets.market"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="BankStatement",
            fields=[
                ("id", models.UUIDField(default=promote.ids.new, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=200)),
                ("sha256", models.CharField(max_length=64)),
                ("new_lines", models.PositiveIntegerField()),
                ("known_lines", models.PositiveIntegerField(help_text="Lines that an earlier statement had.")),
                ("imported_at", models.DateTimeField()),
                (
                    "bank_account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="statements",
                        to="payments.bankaccount",
                    ),
                ),
                (
                    "imported_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.user"
                    ),
                ),
            ],
            options={
                "permissions": [("import_bankstatement", "Can import a bank's statement")],
            },
        ),
        migrations.CreateModel(
            name="BankLine",
            fields=[
                ("id", models.UUIDField(default=promote.ids.new, editable=False, primary_key=True, serialize=False)),
                (
                    "ref",
                    models.CharField(
                        help_text="The bank's id of the line, or one made of what it says.", max_length=128
                    ),
                ),
                ("booked_on", models.DateField()),
                ("amount_minor", models.BigIntegerField(help_text="Below 0 for what left the account.")),
                ("currency", models.CharField(max_length=3)),
                ("text", models.TextField(blank=True)),
                ("payer", models.CharField(blank=True, max_length=200)),
                ("payer_account", models.CharField(blank=True, max_length=64)),
                ("used_minor", models.PositiveBigIntegerField(default=0)),
                ("aside_at", models.DateTimeField(null=True)),
                (
                    "aside_why",
                    models.CharField(blank=True, help_text="Why it is no payment: interest, our own…", max_length=300),
                ),
                (
                    "aside_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.user"
                    ),
                ),
                (
                    "bank_account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="payments.bankaccount"
                    ),
                ),
                (
                    "statement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="payments.bankstatement"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="BankMatch",
            fields=[
                ("id", models.UUIDField(default=promote.ids.new, editable=False, primary_key=True, serialize=False)),
                (
                    "use",
                    models.CharField(
                        choices=[
                            ("pays", "Pays a top-up"),
                            ("buys", "Buys coins at the price of the smallest pack"),
                            ("returns", "Was sent back by the bank"),
                        ],
                        max_length=8,
                    ),
                ),
                ("amount_minor", models.PositiveBigIntegerField()),
                ("by_reference", models.BooleanField(help_text="Found by its reference; else matched by hand.")),
                ("reason", models.CharField(blank=True, max_length=300)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("proposed", "Waits for a second person"),
                            ("approved", "Approved"),
                            ("refused", "Refused"),
                        ],
                        default="proposed",
                        max_length=8,
                    ),
                ),
                ("proposed_at", models.DateTimeField()),
                ("decided_at", models.DateTimeField(null=True)),
                ("decision", models.CharField(blank=True, help_text="Why it was refused.", max_length=300)),
                (
                    "account",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bank_matches",
                        to="accounts.account",
                    ),
                ),
                (
                    "checker",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.user"
                    ),
                ),
                (
                    "line",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="matches", to="payments.bankline"
                    ),
                ),
                (
                    "maker",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.user"
                    ),
                ),
                (
                    "top_up",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bank_matches",
                        to="payments.topup",
                    ),
                ),
            ],
            options={
                "verbose_name": "use of a bank line",
                "verbose_name_plural": "uses of bank lines",
                "permissions": [
                    ("propose_bankmatch", "Can say what a bank line is for"),
                    ("decide_bankmatch", "Can approve or refuse what another says a bank line is for"),
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "proposed")), fields=["proposed_at"], name="bank_match_to_decide"
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("checker", models.F("maker")), _negated=True), name="bank_match_by_two"
                    ),
                    models.CheckConstraint(condition=models.Q(("amount_minor__gt", 0)), name="bank_match_positive"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("by_reference", True), models.Q(("reason", ""), _negated=True), _connector="OR"
                        ),
                        name="bank_match_by_hand_says_why",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("account", None), ("top_up__isnull", False), ("use", "pays")),
                            models.Q(("account__isnull", False), ("use", "buys")),
                            models.Q(("account", None), ("top_up", None), ("use", "returns")),
                            _connector="OR",
                        ),
                        name="bank_match_of_its_use",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("checker", None), ("decided_at", None), ("state", "proposed")),
                            models.Q(("checker__isnull", False), ("decided_at__isnull", False), ("state", "approved")),
                            models.Q(
                                ("checker__isnull", False),
                                ("decided_at__isnull", False),
                                ("state", "refused"),
                                models.Q(("decision", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="bank_match_decided_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BankPayout",
            fields=[
                ("id", models.UUIDField(default=promote.ids.new, editable=False, primary_key=True, serialize=False)),
                (
                    "reference",
                    models.CharField(help_text="Whose it is: the withdrawal's part.", max_length=64, unique=True),
                ),
                ("amount_minor", models.PositiveBigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("payee", models.CharField(blank=True, max_length=200)),
                ("payee_account", models.CharField(blank=True, max_length=64)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "To be sent"),
                            ("told", "Said to be done; waits for a second person"),
                            ("sent", "Sent"),
                            ("failed", "Can't be sent"),
                        ],
                        default="waiting",
                        max_length=8,
                    ),
                ),
                ("asked_at", models.DateTimeField()),
                ("is_sent", models.BooleanField(help_text="What the first person says became of it.", null=True)),
                (
                    "told",
                    models.CharField(
                        blank=True, help_text="The bank's id of the transfer, or why it failed.", max_length=300
                    ),
                ),
                ("told_at", models.DateTimeField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
                (
                    "checker",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.user"
                    ),
                ),
                (
                    "maker",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.user"
                    ),
                ),
                (
                    "top_up",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="bank_payouts", to="payments.topup"
                    ),
                ),
            ],
            options={
                "permissions": [
                    ("tell_bankpayout", "Can say that money was sent back by the bank"),
                    ("confirm_bankpayout", "Can confirm that another sent money back"),
                ],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("amount_minor__gt", 0)), name="bank_payout_positive"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("checker", None), models.Q(("checker", models.F("maker")), _negated=True), _connector="OR"
                        ),
                        name="bank_payout_by_two",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("checker", None),
                                ("is_sent", None),
                                ("maker", None),
                                ("state", "waiting"),
                                ("told_at", None),
                            ),
                            models.Q(
                                ("is_sent__isnull", False),
                                ("maker__isnull", False),
                                ("told_at__isnull", False),
                                models.Q(("told", ""), _negated=True),
                                models.Q(
                                    models.Q(("checker", None), ("state", "told")),
                                    models.Q(
                                        ("checker__isnull", False),
                                        ("decided_at__isnull", False),
                                        ("is_sent", True),
                                        ("state", "sent"),
                                    ),
                                    models.Q(
                                        ("checker__isnull", False),
                                        ("decided_at__isnull", False),
                                        ("is_sent", False),
                                        ("state", "failed"),
                                    ),
                                    _connector="OR",
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="bank_payout_told_then_confirmed",
                    ),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="bankstatement",
            constraint=models.UniqueConstraint(fields=("bank_account", "sha256"), name="bank_statement_once"),
        ),
        migrations.AddIndex(
            model_name="bankline",
            index=models.Index(
                condition=models.Q(("amount_minor__gt", models.F("used_minor")), ("aside_at", None)),
                fields=["booked_on"],
                name="bank_line_to_match",
            ),
        ),
        migrations.AddConstraint(
            model_name="bankline",
            constraint=models.UniqueConstraint(fields=("bank_account", "ref"), name="bank_line_once"),
        ),
        migrations.AddConstraint(
            model_name="bankline",
            constraint=models.CheckConstraint(
                condition=models.Q(("used_minor", 0), ("used_minor__lte", models.F("amount_minor")), _connector="OR"),
                name="bank_line_used_within",
            ),
        ),
        migrations.AddConstraint(
            model_name="bankline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("aside_at", None), ("aside_by", None), ("aside_why", "")),
                    models.Q(
                        ("aside_at__isnull", False),
                        ("aside_by__isnull", False),
                        models.Q(("aside_why", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="bank_line_aside_by_one",
            ),
        ),
        SqlFile("payments/sql/0034_bank.sql", undo="payments/sql/0034_bank_undo.sql"),
    ]

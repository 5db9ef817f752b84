"""Bank transfers in the admin: accounts, statements to import, the lines that wait, their uses, what goes back."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from payments import payout_accounts
from payments.admin import asking
from payments.admin.ledger import LookOnly
from payments.bank import matching, payouts, references, statements
from payments.models import (
    BankAccount,
    BankLine,
    BankMatch,
    BankPayout,
    BankStatement,
    MatchState,
    MatchUse,
    PayoutState,
)
from promote.accounts.models import Account
from promote.look_only import Waiting, money
from promote.refusals import Refusal


@admin.register(BankAccount)
class BankAccountAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("market", "bank", "number", "holder", "enabled")
    fieldsets = (
        (None, {"fields": ("market", ("bank", "number", "holder"), "enabled")}),
        (
            _("How its CSV is read"),
            {
                "description": _("Names of columns, as the file's head has them. CAMT.053 needs none of this."),
                "fields": (
                    ("csv_encoding", "csv_delimiter", "csv_skip_lines"),
                    ("csv_date", "csv_date_format"),
                    ("csv_amount", "csv_amount_out", "csv_decimal_mark", "csv_currency"),
                    ("csv_texts", "csv_ref"),
                    ("csv_payer", "csv_payer_account"),
                ),
            },
        ),
    )

    def has_delete_permission(self, request: HttpRequest, obj: BankAccount | None = None) -> bool:
        """Payers may have its number: it is switched off, not deleted."""
        return False


class ImportForm(forms.Form):
    bank_account = forms.ModelChoiceField(BankAccount.objects.all())
    file = forms.FileField(
        help_text=_("CAMT.053 (XML), or the bank's CSV. A line that was imported before is let pass.")
    )


@admin.register(BankStatement)
class BankStatementAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("imported_at", "bank_account", "name", "new_lines", "known_lines", "imported_by")
    list_select_related = ("bank_account", "imported_by")
    ordering = ("-imported_at",)
    change_list_template = "admin/payments/tools.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.take)
        return [path("import/", view, name="payments_bankstatement_import"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        tools = [(_("Lines that wait"), reverse("admin:payments_bankline_changelist") + "?waits=yes")]
        if request.user.has_perm("payments.import_bankstatement"):
            tools.insert(0, (_("Import a statement"), reverse("admin:payments_bankstatement_import")))
        return super().changelist_view(request, {**(extra_context or {}), "tools": tools})

    def take(self, request: HttpRequest) -> HttpResponse:
        asking.allowed(request, "import_bankstatement")
        form = ImportForm(asking.sent(request), request.FILES if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            file, made = form.cleaned_data["file"], []
            asked = {"name": file.name, "raw": file.read(statements.MOST_BYTES + 1), "now": timezone.now()}
            account, by = form.cleaned_data["bank_account"], asking.staff(request)
            if asking.done(form, lambda: made.append(statements.import_file(bank_account=account, by=by, **asked))):
                (statement,) = made
                matched = BankMatch.objects.filter(line__statement=statement).count()
                told = ngettext("%d new line", "%d new lines", statement.new_lines) % statement.new_lines
                matched_told = ngettext("%d matched by reference", "%d matched by reference", matched) % matched
                messages.success(request, f"{told}, {matched_told}.")
                return redirect(reverse("admin:payments_bankline_changelist") + "?waits=yes")
        said = _("Lines with a reference of ours are matched to their top-up. A second person approves them.")
        back = reverse("admin:payments_bankstatement_changelist")
        words = {"title": _("Import a statement"), "button": _("Import"), "has_file": True}
        return asking.ask(self, request, form, back=back, said=said, **words)


class Waits(admin.SimpleListFilter):
    title, parameter_name = _("to be matched"), "waits"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Something of it has no purpose yet"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        waits = queryset.filter(amount_minor__gt=F("used_minor"), aside_at=None)
        return waits if self.value() == "yes" else queryset


class MatchForm(forms.Form):
    use = forms.ChoiceField(choices=MatchUse.choices, initial=MatchUse.PAYS)
    named = forms.CharField(required=False, label=_("Top-up"), help_text=_("Its reference (RF…) or id (top_…)."))
    account = forms.CharField(required=False, help_text=_("To buy coins: the platform's id of the account."))
    reason = forms.CharField(
        max_length=300, help_text=_("How you know: the payer's mail, the bank's id of the return…")
    )

    def clean_account(self) -> Account | None:
        text = self.cleaned_data["account"].strip()
        found = Account.objects.filter(external_id=text).first() if text else None
        if text and found is None:
            raise forms.ValidationError(_("There is no such account. Use the platform's id."))
        return found


class AsideForm(forms.Form):
    reason = forms.CharField(max_length=300, help_text=_("What it is: interest, a transfer of our own…"))


@admin.register(BankLine)
class BankLineAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    to_do = Waiting(
        _("bank lines to match"),
        "?waits=yes",
        lambda: BankLine.objects.filter(amount_minor__gt=F("used_minor"), aside_at=None).count(),
    )
    list_display = ("booked_on", "bank_account", "amount", "left", "payer", "text", "aside_why")
    list_filter = (Waits, "bank_account")
    list_select_related = ("bank_account",)
    search_fields = ("=ref", "text", "payer")
    search_help_text = _("The bank's id of a line, a reference, or the payer's name.")
    ordering = ("-booked_on", "-id")
    date_hierarchy = "booked_on"
    change_form_template = "admin/payments/row.html"

    @admin.display(description=_("amount"))
    def amount(self, line: BankLine) -> str:
        return money(line.amount_minor, line.currency)

    @admin.display(description=_("left"))
    def left(self, line: BankLine) -> str:
        return money(line.left_minor, line.currency) if line.left_minor and not line.aside_at else "–"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<uuid:pk>/match/", view(self.match), name="payments_bankline_match"),
            path("<uuid:pk>/aside/", view(self.aside), name="payments_bankline_aside"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        line = self.get_object(request, object_id)
        tools = []
        waits = line is not None and line.left_minor and not line.aside_at
        if line is not None and waits and request.user.has_perm("payments.propose_bankmatch"):
            tools = [(_("Say what it is for"), reverse("admin:payments_bankline_match", args=[line.pk]))]
            if not line.used_minor:
                tools.append((_("Set aside"), reverse("admin:payments_bankline_aside", args=[line.pk])))
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "tools": tools})

    def match(self, request: HttpRequest, pk: Any) -> HttpResponse:
        asking.allowed(request, "propose_bankmatch")
        line = get_object_or_404(BankLine.objects.select_related("bank_account"), pk=pk)
        back = reverse("admin:payments_bankline_change", args=[line.pk])
        form = MatchForm(asking.sent(request))
        if request.method == "POST" and form.is_valid():
            asked = {**form.cleaned_data, "use": MatchUse(form.cleaned_data["use"])}
            by, now = asking.staff(request), timezone.now()
            if asking.done(form, lambda: matching.propose(line_id=line.id, by=by, now=now, **asked)):
                messages.success(request, _("Proposed; another person of finance approves it."))
                return redirect(back)
        facts = [(_("Left"), self.left(line)), (_("Payer"), line.payer or "–"), (_("Text"), line.text or "–")]
        facts += [
            (
                _("Of this amount"),
                f"{references.grouped(one.provider_ref)} · {one.account} · {one.get_status_display()}",
            )
            for one in matching.might_be_for(line)
        ]
        words = {"title": _("What is this money for?"), "button": _("Propose")}
        return asking.ask(self, request, form, back=back, facts=facts, **words)

    def aside(self, request: HttpRequest, pk: Any) -> HttpResponse:
        asking.allowed(request, "propose_bankmatch")
        line = get_object_or_404(BankLine, pk=pk)
        back = reverse("admin:payments_bankline_change", args=[line.pk])
        form = AsideForm(asking.sent(request))
        if request.method == "POST" and form.is_valid():
            asked = {"reason": form.cleaned_data["reason"], "by": asking.staff(request), "now": timezone.now()}
            if asking.done(form, lambda: matching.set_aside(line_id=line.id, **asked)):
                messages.success(request, _("Set aside, with your reason."))
                return redirect(back)
        facts = [(_("Amount"), self.amount(line)), (_("Text"), line.text or "–")]
        words = {"title": _("Set this line aside?"), "button": _("Set aside")}
        return asking.ask(self, request, form, back=back, facts=facts, **words)


@admin.register(BankMatch)
class BankMatchAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    to_do = Waiting(
        _("bank matches to approve"),
        f"?state__exact={MatchState.PROPOSED}",
        lambda: BankMatch.objects.filter(state=MatchState.PROPOSED).count(),
    )
    list_display = (
        "proposed_at",
        "use",
        "amount",
        "of",
        "wanted",
        "payer",
        "by_reference",
        "maker",
        "state",
        "checker",
    )
    tones = {"state": {"proposed": "warn", "approved": "good", "refused": "bad"}}
    list_filter = ("state", "use", "by_reference")
    list_select_related = ("line", "top_up__account", "account", "maker", "checker")
    search_fields = ("=top_up__provider_ref", "=line__ref", "=account__external_id")
    search_help_text = _("A reference (RF… without spaces), the bank's id of a line, or an account's external id.")
    ordering = ("-proposed_at",)
    actions = ("approve_all",)
    change_form_template = "admin/payments/row.html"

    @admin.display(description=_("amount"))
    def amount(self, match: BankMatch) -> str:
        return money(match.amount_minor, match.line.currency)

    @admin.display(description=_("for"))
    def of(self, match: BankMatch) -> str:
        return str((match.top_up and match.top_up.account) or match.account or "–")

    @admin.display(description=_("price"))
    def wanted(self, match: BankMatch) -> str:
        return money(match.top_up.amount_minor, match.top_up.currency) if match.top_up else "–"

    @admin.display(description=_("payer"))
    def payer(self, match: BankMatch) -> str:
        return match.line.payer or "–"

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("payments.decide_bankmatch")

    @admin.action(description=_("Approve what others proposed"), permissions=["approve"])
    def approve_all(self, request: HttpRequest, chosen: QuerySet[BankMatch]) -> None:
        done = 0
        for match in chosen.filter(state=MatchState.PROPOSED).order_by("proposed_at")[:500]:
            match.refresh_from_db()
            if match.state != MatchState.PROPOSED:  # approved with another line of its top-up
                continue
            try:
                matching.approve(match_id=match.id, by=asking.staff(request), now=timezone.now())
                done += 1
            except Refusal as refusal:
                messages.error(request, f"{match}: {refusal.detail}")
        messages.success(request, ngettext("%d approved.", "%d approved.", done) % done)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<uuid:pk>/approve/", view(self.approve), name="payments_bankmatch_approve"),
            path("<uuid:pk>/refuse/", view(self.refuse), name="payments_bankmatch_refuse"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        match = self.get_object(request, object_id)
        tools = []
        if match and match.state == MatchState.PROPOSED and self.has_approve_permission(request):
            tools = [
                (_("Approve"), reverse("admin:payments_bankmatch_approve", args=[match.pk])),
                (_("Refuse"), reverse("admin:payments_bankmatch_refuse", args=[match.pk])),
            ]
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "tools": tools})

    def approve(self, request: HttpRequest, pk: Any) -> HttpResponse:
        words = {"title": _("Approve?"), "button": _("Approve")}
        return self._decide(request, pk, forms.Form(asking.sent(request)), matching.approve, **words)

    def refuse(self, request: HttpRequest, pk: Any) -> HttpResponse:
        words = {"title": _("Refuse?"), "button": _("Refuse"), "is_no": True}
        return self._decide(request, pk, asking.ReasonForm(asking.sent(request)), matching.refuse, **words)

    def _decide(self, request: HttpRequest, pk: Any, form: forms.Form, work: Any, **words: Any) -> HttpResponse:
        asking.allowed(request, "decide_bankmatch")
        match = get_object_or_404(
            BankMatch.objects.select_related("line", "top_up__account", "account", "maker"), pk=pk
        )
        back = reverse("admin:payments_bankmatch_change", args=[match.pk])
        if request.method == "POST" and form.is_valid():
            asked = {**form.cleaned_data, "by": asking.staff(request), "now": timezone.now()}
            if asking.done(form, lambda: work(match_id=match.id, **asked)):
                messages.success(request, _("Done."))
                return redirect(back)
        line = match.line
        facts = [
            (_("Use"), match.get_use_display()),
            (_("Amount"), self.amount(match)),
            (_("Of a line of"), money(line.amount_minor, line.currency)),
            (_("Price"), self.wanted(match)),
            (_("For"), self.of(match)),
            (_("Payer"), line.payer or "–"),
            (_("Text"), line.text or "–"),
            (_("Proposed by"), match.maker),
            (_("Why"), match.reason or _("by its reference")),
        ]
        return asking.ask(self, request, form, back=back, facts=facts, **words)


class ToldForm(forms.Form):
    is_sent = forms.TypedChoiceField(
        label=_("What became of it?"),
        choices=[("yes", _("It was sent")), ("no", _("It can't be sent"))],
        coerce=lambda text: text == "yes",
    )
    told = forms.CharField(max_length=300, label=_("The bank's id of the transfer, or why it can't be sent"))


@admin.register(BankPayout)
class BankPayoutAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    to_do = Waiting(
        _("transfers to send by hand"),
        f"?state__exact={PayoutState.WAITING}",
        lambda: BankPayout.objects.filter(state=PayoutState.WAITING).count(),
    )
    list_display = ("asked_at", "amount", "to", "state", "told", "maker", "checker", "brought", "reference")
    tones = {"state": {"waiting": "warn", "told": "accent", "sent": "good", "failed": "bad"}}
    list_filter = ("state",)
    list_select_related = ("match__line", "payout_account", "top_up", "maker", "checker")
    fields = (
        "amount", "to", "brought", "reference", "state", "asked_at",
        "told", ("maker", "told_at"), ("checker", "decided_at"),
    )  # fmt: skip
    search_fields = ("=reference", "=payee_account", "payee")
    search_help_text = _("A reference, which all parts of a refund share, or the payee's account or name.")
    ordering = ("-asked_at",)
    change_form_template = "admin/payments/row.html"

    @admin.display(description=_("amount"))
    def amount(self, payout: BankPayout) -> str:
        return money(payout.amount_minor, payout.currency)

    @admin.display(description=_("to"))
    def to(self, payout: BankPayout) -> str:
        """A named account by its last digits: whoever sends money there sees the whole of it on its page."""
        return str(payout.payout_account or f"{payout.payee or '–'} {payout.payee_account}".strip())

    @admin.display(description=_("of what came by"))
    def brought(self, payout: BankPayout) -> str:
        if payout.match is None:
            return f"{payout.top_up} ({payout.top_up.method})"
        return f"{payout.match.line.booked_on}, {money(payout.match.amount_minor, payout.currency)}"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<uuid:pk>/tell/", view(self.tell), name="payments_bankpayout_tell"),
            path("<uuid:pk>/confirm/", view(self.confirm), name="payments_bankpayout_confirm"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row, tools = self.get_object(request, object_id), []
        if row and row.state in (PayoutState.WAITING, PayoutState.TOLD):
            if request.user.has_perm("payments.tell_bankpayout"):
                tools.append((_("Say what became of it"), reverse("admin:payments_bankpayout_tell", args=[row.pk])))
            if row.state == PayoutState.TOLD and request.user.has_perm("payments.confirm_bankpayout"):
                tools.append((_("Confirm"), reverse("admin:payments_bankpayout_confirm", args=[row.pk])))
        sends = any(request.user.has_perm(f"payments.{may}_bankpayout") for may in ("tell", "confirm"))
        facts = _whole(row) if row and row.payout_account and sends else []
        shown = {**(extra_context or {}), "tools": tools, "facts": facts}
        return super().change_view(request, object_id, form_url, shown)

    def _beside(self, payout: BankPayout) -> str:
        return f"{self.amount(payout)} · {self.to(payout)} · {payout.get_state_display()}"

    def tell(self, request: HttpRequest, pk: Any) -> HttpResponse:
        asking.allowed(request, "tell_bankpayout")
        words = {"title": _("What became of this payout?"), "button": _("Write it down")}
        return self._decide(request, pk, ToldForm(asking.sent(request)), payouts.tell, **words)

    def confirm(self, request: HttpRequest, pk: Any) -> HttpResponse:
        asking.allowed(request, "confirm_bankpayout")
        words = {"title": _("Confirm what became of this payout?"), "button": _("Confirm")}
        return self._decide(request, pk, forms.Form(asking.sent(request)), payouts.confirm, **words)

    def _decide(self, request: HttpRequest, pk: Any, form: forms.Form, work: Any, **words: Any) -> HttpResponse:
        rows = BankPayout.objects.select_related("match__line", "payout_account", "top_up", "maker")
        row = get_object_or_404(rows, pk=pk)
        back = reverse("admin:payments_bankpayout_change", args=[row.pk])
        if request.method == "POST" and form.is_valid():
            asked = {**form.cleaned_data, "by": asking.staff(request), "now": timezone.now()}
            if asking.done(form, lambda: work(payout_id=row.id, **asked)):
                messages.success(request, _("Done."))
                return redirect(back)
        facts = [
            (_("Amount"), self.amount(row)),
            *_whole(row),
            (_("Of what came by"), self.brought(row)),
            (_("Reference"), row.reference),
            *[(_("Beside it"), self._beside(one)) for one in payouts.beside(row)],
            (_("Said by"), f"{row.maker or '–'}: {row.told or '–'}"),
        ]
        return asking.ask(self, request, form, back=back, facts=facts, **words)


def _whole(payout: BankPayout) -> list[tuple[Any, Any]]:
    """The account for whoever sends money there, or has seen it sent."""
    named = payout.payout_account
    if named is None:
        return [(_("To"), f"{payout.payee or '–'} {payout.payee_account}")]
    account = payout_accounts.opened(named)
    return [
        (_("To the bank"), f"{named.bank_code} {named.bank_name}"),
        (_("Account number"), account.number),
        (_("Account holder"), account.holder),
    ]

from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "payments"

    def ready(self) -> None:
        from payments.audit import ledger_checks, wallet_checks  # noqa: F401  (each registers its checks)

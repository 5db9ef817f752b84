"""The name of who paid, where their provider told it: our staff compares it with the account that money is to go to."""

from payments import gateways, sealed_rows
from payments.gateways.base import TellsPayer
from payments.models import Notice, Payer, TopUp

_MOST = 200


def keep(notice: Notice, top_up: TopUp) -> None:
    """Seals the name that a notice has of this payment's payer, the first that was told; nothing where it has none."""
    gateway = gateways.named(notice.gateway)
    if not isinstance(gateway, TellsPayer):
        return
    if name := gateway.payer_in(bytes(notice.raw)):
        sealed = sealed_rows.seal(name[:_MOST], row_id=top_up.id)
        Payer.objects.get_or_create(top_up=top_up, defaults={"name": sealed})


def name_of(top_up: TopUp) -> str:
    """Empty where its provider did not tell. Raises SealBroken."""
    told = Payer.objects.filter(top_up=top_up).first()
    return sealed_rows.opened(told.name, row_id=top_up.id) if told else ""

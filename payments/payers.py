"""The name of who paid, where their provider told it: our staff compares it with the account that money is to go to."""

from payments import gateways
from payments.gateways.base import TellsPayer
from payments.models import Notice, TopUp
from promote.keys import keyring

_PURPOSE, _MOST = "fields", 200


def keep(notice: Notice, top_up: TopUp) -> None:
    """Seals the name that a notice has of this payment's payer, the first that was told; nothing where it has none."""
    gateway = gateways.named(notice.gateway)
    if top_up.payer or not isinstance(gateway, TellsPayer):
        return
    if name := gateway.payer_in(bytes(notice.raw)):
        sealed = keyring.seal(_PURPOSE, name[:_MOST].encode())
        TopUp.objects.filter(id=top_up.id, payer="").update(payer=sealed)


def name_of(top_up: TopUp) -> str:
    """Empty where its provider did not tell. Raises SealBroken."""
    return keyring.unseal(_PURPOSE, top_up.payer).decode() if top_up.payer else ""

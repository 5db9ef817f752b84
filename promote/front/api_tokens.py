"""How users come in: app tokens and sign-in links by the platform's word, and the renewal of tokens."""

from dataclasses import asdict

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from promote.accounts.models import Account
from promote.front.api_catalogue import EXTERNAL_ID
from promote.keys import jwt, links
from promote.refusals import NotFound
from promote.rest import Open, scopes
from promote.rest.callers import PLATFORMS
from promote.rest.fields import EXTERNAL_ID as EXTERNAL_ID_FORM
from promote.rest.fields import Shape, StrictCharField, StrictChoiceField
from promote.rest.views import Door


class TokensIn(Shape):
    app_platform = StrictChoiceField(choices=PLATFORMS, required=False, allow_null=True)


class RefreshIn(Shape):
    refresh = StrictCharField(max_length=4000)


class TokensOut(serializers.Serializer[jwt.Tokens]):
    access = serializers.CharField()
    refresh = serializers.CharField()
    expires_at = serializers.DateTimeField(help_text="When the access token ends.")


class LinkOut(serializers.Serializer[links.Link]):
    url = serializers.URLField()
    expires_at = serializers.DateTimeField()


class Tokens(Door):
    permission_classes = [scopes("tokens")]

    @extend_schema(operation_id="make_tokens", parameters=[EXTERNAL_ID], request=TokensIn, responses={200: TokensOut})
    def post(self, request: Request, external_id: str) -> Response:
        asked = TokensIn.read(request)
        account = _account(external_id)
        tokens = jwt.issue(account=account, app_platform=asked.get("app_platform"), now=timezone.now())
        return Response(asdict(tokens))


class Refresh(Door):
    authentication_classes = []
    permission_classes = [Open]

    @extend_schema(operation_id="refresh_tokens", request=RefreshIn, responses={200: TokensOut}, auth=[])
    def post(self, request: Request) -> Response:
        return Response(asdict(jwt.refresh(RefreshIn.read(request)["refresh"], now=timezone.now())))


class SignInLinks(Door):
    permission_classes = [scopes("tokens")]

    @extend_schema(operation_id="make_sign_in_link", parameters=[EXTERNAL_ID], request=None, responses={200: LinkOut})
    def post(self, request: Request, external_id: str) -> Response:
        return Response(asdict(links.make(account=_account(external_id), now=timezone.now())))


def _account(external_id: str) -> Account:
    """What can't be an id is nobody's: PostgreSQL would not even take a NUL. Raises NotFound."""
    if not EXTERNAL_ID_FORM.fullmatch(external_id):
        raise NotFound
    account = Account.objects.filter(external_id=external_id).first()
    if account is None:
        raise NotFound
    return account

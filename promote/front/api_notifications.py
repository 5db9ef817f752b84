"""What an account was told."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from promote.notifications.models import Notification
from promote.notifications.sentences import sentence
from promote.rest import account_of, page, page_of
from promote.rest.pagination import PAGING
from promote.rest.views import Door


class NotificationOut(serializers.Serializer[Notification]):
    id = serializers.CharField(source="public_id")
    kind = serializers.CharField()
    text = serializers.SerializerMethodField(help_text=_("The sentence, in the reader's language."))
    payload = serializers.JSONField()
    created_at = serializers.DateTimeField()
    read_at = serializers.DateTimeField(allow_null=True)

    def get_text(self, notification: Notification) -> str:
        return sentence(notification)


class Notifications(Door):
    @extend_schema(operation_id="list_notifications", parameters=PAGING, responses={200: page_of(NotificationOut)})
    def get(self, request: Request) -> Response:
        rows = Notification.objects.filter(account=account_of(request))
        return page(request, rows, render=_render)


def _render(rows: list[Notification]) -> Any:
    return [NotificationOut(row).data for row in rows]

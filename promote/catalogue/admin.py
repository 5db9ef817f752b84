from django.contrib import admin

from promote.catalogue.models import LiveRoom, Product, Video
from promote.look_only import LookOnly


class AsThePlatformSaid(LookOnly, admin.ModelAdmin):
    """The catalogue is the platform's: staff reads it."""


@admin.register(Video)
class VideoAdmin(AsThePlatformSaid):
    list_display = ("caption", "account", "external_id", "visibility", "status", "music_licence", "revision")
    list_select_related = ("account",)
    list_filter = ("status", "visibility", "music_licence")
    search_fields = ("caption", "external_id", "account__username")


@admin.register(LiveRoom)
class LiveRoomAdmin(AsThePlatformSaid):
    list_display = ("title", "account", "external_id", "state", "starts_at")
    list_select_related = ("account",)
    list_filter = ("state",)
    search_fields = ("title", "external_id", "account__username")


@admin.register(Product)
class ProductAdmin(AsThePlatformSaid):
    list_display = ("title", "external_id", "price_minor", "in_stock")
    search_fields = ("title", "external_id")

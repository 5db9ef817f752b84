"""Every address of the web process."""

from django.contrib import admin
from django.urls import include, path
from django.utils.translation import gettext_lazy as _

admin.site.site_header = admin.site.site_title = _("Promote operations")
admin.site.index_title = _("What needs doing")

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/", include("promote.front.urls_api")),
    path("webhooks/", include("payments.urls_webhooks")),
    path("health/", include("promote.front.urls_health")),
    path("", include("promote.front.urls_pages")),
]
handler404 = "promote.front.errors.not_found"
handler403 = "promote.front.errors.not_allowed"
handler500 = "promote.front.errors.server_error"

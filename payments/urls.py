"""Under /api/v1/."""

from django.urls import path

from payments import wallet_api

urlpatterns = [
    path("wallet", wallet_api.Wallet.as_view()),
    path("wallet/statement", wallet_api.Statement.as_view()),
    path("platform/gifts", wallet_api.Gifts.as_view()),
]

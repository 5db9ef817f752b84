"""Under /api/v1/."""

from django.urls import path

from payments import billing_api, invoices_api, saved_methods_api, top_ups_api, wallet_api, withdrawals_api

urlpatterns = [
    path("wallet", wallet_api.Wallet.as_view()),
    path("wallet/statement", wallet_api.Statement.as_view()),
    path("platform/gifts", wallet_api.Gifts.as_view()),
    path("top-ups/methods", top_ups_api.Methods.as_view()),
    path("top-ups", top_ups_api.TopUps.as_view()),
    path("top-ups/<str:public_id>/cancel", top_ups_api.CancelTopUp.as_view()),
    path("top-ups/<str:public_id>", top_ups_api.OneTopUp.as_view()),
    path("withdrawals/quote", withdrawals_api.QuoteOf.as_view()),
    path("withdrawals", withdrawals_api.Withdrawals.as_view()),
    path("withdrawals/<str:public_id>", withdrawals_api.OneWithdrawal.as_view()),
    path("saved-methods", saved_methods_api.SavedMethods.as_view()),
    path("saved-methods/<str:public_id>", saved_methods_api.OneSavedMethod.as_view()),
    path("billing-details", billing_api.Details.as_view()),
    path("invoices", invoices_api.Invoices.as_view()),
    path("invoices/<int:year>.zip", invoices_api.Year.as_view()),
    path("invoices/<str:public_id>.pdf", invoices_api.Pdf.as_view()),
    path("invoices/<str:public_id>", invoices_api.OneInvoice.as_view()),
]

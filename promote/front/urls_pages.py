"""The addresses of the pages."""

from django.urls import path

from promote.front import (
    page_central,
    page_change,
    page_charges,
    page_look,
    page_offers,
    page_orders,
    page_papers,
    page_promote,
    page_sign_in,
    page_wallet,
    page_withdraw,
)

app_name = "pages"
urlpatterns = [
    path("", page_central.home, name="home"),
    path("login/", page_sign_in.login, name="login"),
    path("logout/", page_sign_in.logout, name="logout"),
    path("sign-in/<str:token>/", page_sign_in.sign_in, name="sign_in"),
    path("promote/", page_central.page, name="central"),
    path("promote/<str:target_id>/", page_promote.page, name="promote"),
    path("promote/<str:target_id>/quote/", page_promote.panel, name="quote"),
    path("orders/", page_orders.orders, name="orders"),
    path("orders/<str:order_id>/", page_orders.order, name="order"),
    path("orders/<str:order_id>/live/", page_orders.live, name="order_live"),
    path("orders/<str:order_id>/change/", page_change.page, name="order_change"),
    path("orders/<str:order_id>/change/estimate/", page_change.panel, name="order_change_panel"),
    path("orders/<str:order_id>/end/", page_orders.end, name="order_end"),
    path("orders/<str:order_id>/appeal/", page_orders.appeal, name="order_appeal"),
    path("orders/<str:order_id>/again/", page_orders.again, name="order_again"),
    path("orders/<str:order_id>/charges/", page_charges.page, name="order_charges"),
    path("orders/<str:order_id>/charges.csv", page_charges.file, name="order_charges_file"),
    path("offers/", page_offers.page, name="offers"),
    path("wallet/", page_wallet.purse, name="wallet"),
    path("wallet/statement.csv", page_wallet.statement_file, name="statement_file"),
    path("wallet/withdraw/", page_withdraw.ask, name="withdraw"),
    path("wallet/withdrawals/<str:withdrawal_id>/", page_withdraw.withdrawal, name="withdrawal"),
    path("wallet/top-up/", page_wallet.top_up, name="top_up"),
    path("wallet/top-ups/<str:top_up_id>/", page_wallet.top_up_return, name="top_up_return"),
    path("wallet/top-ups/<str:top_up_id>/cancel/", page_wallet.cancel_top_up, name="cancel_top_up"),
    path("wallet/saved/<str:saved_id>/forget/", page_wallet.forget_saved, name="forget_saved"),
    path("invoices/", page_papers.invoices, name="invoices"),
    path("invoices/<int:year>.zip", page_papers.invoices_of_year, name="invoices_of_year"),
    path("invoices/<str:invoice_id>.pdf", page_papers.invoice_pdf, name="invoice_pdf"),
    path("notifications/", page_papers.notifications, name="notifications"),
    path("notifications/seen/", page_papers.seen, name="seen"),
    path("theme/", page_look.theme, name="theme"),
    path("styleguide/", page_look.guide, name="styleguide"),
]

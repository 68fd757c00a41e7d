"""Addresses under /accounts/; allauth asks for them by these names."""

from django.urls import path

from testkase.entrypoints.web.sign_in.sso import views

urlpatterns = [
    path("oidc/<slug:provider_id>/login/", views.login, name="openid_connect_login"),
    path("oidc/<slug:provider_id>/login/callback/", views.callback, name="openid_connect_callback"),
]

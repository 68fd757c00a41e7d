"""Addresses of the chat assistant."""

from django.urls import path

from testkase.entrypoints.web.chat import asking, views

_CHATS = "projects/<slug:project_key>/chat"
_CHAT = f"{_CHATS}/<int:thread_id>"
_TURN = f"{_CHAT}/turns/<int:turn_id>"

CHAT = [
    path(_CHATS, views.index, name="chats"),
    path(f"{_CHATS}/questions", asking.begin, name="chat_begin"),
    path(_CHAT, views.show, name="chat"),
    path(f"{_CHAT}/questions", asking.go_on, name="chat_question"),
    path(f"{_CHAT}/title", views.rename, name="chat_title"),
    path(f"{_CHAT}/removal", views.remove, name="chat_removal"),
    path(_TURN, views.answer, name="chat_answer"),
    path(f"{_TURN}/stop", views.stop, name="chat_stop"),
]

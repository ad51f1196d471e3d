"""Shared pieces of the pages, one file each. Import what you need::

from pages.components.tag import tag, box, text          # plain HTML elements
from pages.components.icon import icon                   # icon("play")
from pages.components.state import session_chip, task_state, life_mark
from pages.components.words import money, tokens, duration, plural, percent
from pages.components.when import when, since            # "4 min ago", a running clock
from pages.components.bar import task_bar
from pages.components.buttons import button, link_button, icon_button
from pages.components.action import perform              # run a command: busy, done, calm failure
from pages.components.dialogs import confirm
from pages.components.placeholders import empty, calm, error_state, notice, skeleton
from pages.components.section import section, facts
from pages.components.code import code, copy_button
from pages.components.fields import field
from pages.questions.card import gate
"""

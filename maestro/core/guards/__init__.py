"""Limits of money, machine and account, and what is done about workers that go round in circles."""

"""Criticism: does a fitted model describe the data it was fitted to, and what did they teach it?"""

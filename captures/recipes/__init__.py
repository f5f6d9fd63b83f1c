# SPDX-License-Identifier: GPL-2.0-or-later
"""The recipes: one function a capture. What it holds is its docstring, which goes into the
MANIFEST."""

RECIPES = {}


def capture(file_name, made_from=None):
    """Marks a recipe. One that is made from another capture names it and is given its path."""

    def register(function):
        RECIPES[file_name] = function
        function.made_from = made_from
        return function

    return register

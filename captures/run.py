# SPDX-License-Identifier: GPL-2.0-or-later
"""run.py --list | run.py NAME: makes one capture, in the network namespace that `make` gave it, and
prints its MANIFEST paragraph without the checksum."""

import importlib
import inspect
import os
import pkgutil
import shutil
import sys

import recipes
import stage as stages

HERE = os.path.dirname(os.path.abspath(__file__))


def wrapped(field, text, width=110):
    """A field of the MANIFEST; what goes on in the next line starts with a blank."""
    lines, line = [], field + ":"
    for word in text.split():
        if len(line) + 1 + len(word) > width:
            lines.append(line)
            line = ""
        line += " " + word
    return "\n".join(lines + [line])


def main():
    for module in pkgutil.iter_modules(recipes.__path__):
        importlib.import_module("recipes." + module.name)
    order = sorted(recipes.RECIPES, key=lambda name: (bool(recipes.RECIPES[name].made_from), name))
    if sys.argv[1:] == ["--list"]:
        print("\n".join(order))
        return 0
    name = sys.argv[1]
    recipe = recipes.RECIPES[name]
    stage = stages.Stage(os.path.join(HERE, name))
    try:
        if recipe.made_from:
            recipe(stage, os.path.join(HERE, recipe.made_from))
        else:
            recipe(stage)
            stage.finish()
    except BaseException:
        stage.abandon()
        raise
    shutil.rmtree(stage.scratch)
    made_by = ", ".join(stage.used)
    if recipe.made_from:
        made_by = "%s, from %s" % (made_by, recipe.made_from)
    print(wrapped("Made-By", made_by))
    print(wrapped("Holds", inspect.getdoc(recipe)))
    print("\n".join(wrapped("Find", line) for line in stage.find))
    return 0


sys.exit(main())

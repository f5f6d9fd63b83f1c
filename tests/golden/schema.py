#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every golden JSON report is as docs/report.schema.json says."""

import json
import pathlib
import sys

import jsonschema

FOLDER = pathlib.Path(__file__).resolve().parent


def main():
    """Validates."""
    schema = json.loads((FOLDER.parent.parent / "docs" / "report.schema.json").read_text())
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    validator = kind(schema)
    wrong = 0
    reports = sorted(FOLDER.glob("*.json"))
    for path in reports:
        for error in validator.iter_errors(json.loads(path.read_text())):
            print(f"tests/golden/{path.name}: {error.json_path}: {error.message}")
            wrong += 1
    print(f"{len(reports)} reports, {wrong} problems")
    sys.exit(1 if wrong or not reports else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What deny.toml says of licences and sources, checked from `cargo metadata` where cargo-deny is not installed. Advisories need cargo-deny."""

import json
import pathlib
import re
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
allowed = set(tomllib.loads((ROOT / "deny.toml").read_text())["licenses"]["allow"])
metadata = json.loads(subprocess.check_output(["cargo", "metadata", "--format-version", "1", "--filter-platform", "x86_64-unknown-linux-gnu"], cwd=ROOT))
used = {node["id"] for node in metadata["resolve"]["nodes"]}
faults, packages = [], [package for package in metadata["packages"] if package["id"] in used]


def fits(expression):
    """SPDX: some alternative of which every part is allowed ("/" is an old "OR")."""
    expression = re.sub(r"[()]", " ", expression.replace("/", " OR "))
    return any(all(part.strip() in allowed for part in choice.split(" AND ")) for choice in expression.split(" OR "))


for package in packages:
    name = f"{package['name']} {package['version']}"
    if not fits(package["license"] or "none"):
        faults.append(f"{name}: licence {package['license']} is not in deny.toml")
    if package["source"] and not package["source"].startswith("registry+"):
        faults.append(f"{name}: source {package['source']} is no registry")
print("\n".join(faults) or f"{len(packages)} packages, all with licences and sources that deny.toml allows")
sys.exit(1 if faults else 0)

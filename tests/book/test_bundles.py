"""The libraries of the book's pages: the files are what the list says, carry their licenses, and can be built again."""

import hashlib
import json
import shutil
import subprocess

import pytest

from minigen.course.book import build

FOLDER = build.HERE / "web" / "bundles"
LISTED = json.loads((FOLDER / "bundles.json").read_text(encoding="utf-8"))


def test_the_files_are_those_of_the_list_and_carry_their_licenses():
    assert {path.name for path in FOLDER.iterdir()} == {*LISTED, "bundles.json"}
    for name, about in LISTED.items():
        data = (FOLDER / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == about["sha256"], name
        head = data.decode("utf-8").partition("*/")[0]
        assert all(package in head and package.endswith("(MIT)") for package in about["packages"])
        assert "Permission is hereby granted" in head and "Copyright" in head
    assert sum((FOLDER / name).stat().st_size for name in LISTED) < 400_000


def test_the_versions_are_those_of_the_lock_file(root):
    lock = json.loads((root / ".ci" / "bundles" / "package-lock.json").read_text(encoding="utf-8"))
    locked = {name.removeprefix("node_modules/"): entry for name, entry in lock["packages"].items()}
    for package in [package for about in LISTED.values() for package in about["packages"]]:
        name, version, _ = package.split(" ")
        assert locked[name]["version"] == version and locked[name]["integrity"].startswith("sha512-")
        assert "resolved" not in locked[name], "it is fetched from whichever registry npm is set to"


@pytest.mark.book
def test_the_same_packages_give_the_same_bytes(root, tmp_path):
    if shutil.which("npm") is None:
        pytest.skip("needs npm")
    shutil.copytree(root / ".ci" / "bundles", tmp_path / "bundles", ignore=shutil.ignore_patterns("node_modules"))
    got = subprocess.run(["npm", "ci", "--ignore-scripts"], cwd=tmp_path / "bundles", capture_output=True, text=True)
    if got.returncode:
        pytest.skip(f"npm could not get the packages: {got.stderr[-200:]}")
    command = ["node", "build.mjs", str(tmp_path / "made")]
    subprocess.run(command, cwd=tmp_path / "bundles", check=True, capture_output=True)
    for name in [*LISTED, "bundles.json"]:
        assert (tmp_path / "made" / name).read_bytes() == (FOLDER / name).read_bytes(), name

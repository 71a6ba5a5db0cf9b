"""The repository's name comes from the remote of the checkout; where there is none, nothing that needs it is shown."""

import subprocess

import pytest

from minigen.course import repository as where


@pytest.fixture
def checkout(tmp_path):
    """checkout(remote): a folder of git whose origin is this address, "" for none."""

    def make(remote):
        subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
        if remote:
            subprocess.run(["git", "-C", str(tmp_path), "remote", "add", "origin", remote], check=True)
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("remote", "name"),
    [
        ("https://github.com/ada/book", "ada/book"),
        ("https://github.com/ada/book.git", "ada/book"),
        ("https://x-access-token:secret@github.com/ada/my.book.git", "ada/my.book"),
        ("git@github.com:ada/my-book.git", "ada/my-book"),
        ("ssh://git@github.com/ada/book/", "ada/book"),
        ("https://gitlab.com/ada/book.git", ""),
        ("https://github.com.evil.org/ada/book", ""),
        ("https://notgithub.com/ada/book", ""),
        ("", ""),
    ],
)
def test_the_name_is_that_of_the_remote_on_github(checkout, remote, name):
    assert where.repository(checkout(remote)) == name


def test_a_folder_inside_another_checkout_has_no_name(checkout):
    """An installed package may lie in somebody's own repository."""
    inside = checkout("https://github.com/ada/thesis") / "venv" / "site-packages"
    inside.mkdir(parents=True)
    assert where.repository(inside) == ""


@pytest.mark.parametrize(
    ("name", "source", "book"),
    [
        ("Ada/book", "https://github.com/Ada/book", "https://ada.github.io/book/"),
        ("ada/ada.github.io", "https://github.com/ada/ada.github.io", "https://ada.github.io/"),
        ("", "", ""),
    ],
)
def test_what_is_reached_by_the_name(monkeypatch, name, source, book):
    monkeypatch.setattr(where, "repository", lambda: name)
    assert (where.repository_address(), where.book_address()) == (source, book)
    colab = where.colab_address("gan/02_gan")
    assert colab == (f"https://colab.research.google.com/github/{name}/blob/notebooks/gan-02-gan.ipynb" if name else "")
    assert where.install_command() == f'pip install "minigen-course{f" @ git+{source}" if name else ""}"'


def test_no_file_names_the_repository(root):
    """Or a fork would have to change it."""
    listed = subprocess.run(["git", "grep", "-lE", "OWNER/REPOSITORY|github.com/OWNER"], cwd=root, capture_output=True)
    if listed.returncode == 128:
        pytest.skip("no checkout")
    assert set(listed.stdout.decode().split()) <= {"tests/course/test_repository.py"}

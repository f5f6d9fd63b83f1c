#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What `cmake --install` puts where, and the Debian packages that cpack makes.

    packages.py CHECK --build BUILD-FOLDER --wireshark MAJOR.MINOR --version VERSION
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
TREE = pathlib.Path(__file__).resolve().parents[2]
NAMES = {"analyzer": "mqttscope", "plugin": "wireshark-mqttscope"}

# The plugin asks for the library of one minor version; the analyzer has nothing to do with Wireshark.
LIBRARIES = {
    "analyzer": {"libc6", "libglib2.0-0", "libgnutls30", "liblz4-1", "liblzma5", "libpcap0.8", "libprotobuf-c1", "libsqlite3-0",
                 "libzstd1", "zlib1g"},
    "plugin": {"libc6", "libglib2.0-0", "libprotobuf-c1", "libsqlite3-0", "libwireshark", "libwsutil"},
}
# The plugin may come to need more, which the analyzer needs already.
MAY = {"analyzer": set(), "plugin": {"libwiretap", "zlib1g", "libzstd1"}}

# What shells complete.
COMPLETIONS = {
    "share/bash-completion/completions/mqttscope",
    "share/fish/vendor_completions.d/mqttscope.fish",
    "share/zsh/vendor-completions/_mqttscope",
}

# What lintian says of our packages, with the reason why that stays.
TAGS = {
    "hardening-no-fortify-functions": "a build for debugging has no fortified functions",
    "initial-upload-closes-no-bugs": "they are not uploaded to Debian",
    "bogus-mail-host": "who packages it says who answers for it: MQTTSCOPE_MAINTAINER",
}


def run(*command, **more):
    """What a command prints; it has to succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def files_below(folder):
    """Names of all files in it, from there."""
    return {str(p.relative_to(folder)) for p in pathlib.Path(folder).rglob("*") if p.is_file()}


def plugin_path(given, files):
    """Where the plugin is among the files: the one place where Wireshark of that version looks."""
    found = [f for f in files if f.endswith("mqttscope.so")]
    wanted = rf"lib/.*wireshark/plugins/{re.escape(given.wireshark)}/epan/mqttscope\.so"
    if len(found) != 1 or not re.search(wanted, found[0]):
        yield None, f"the plugin is at {found}, not at {wanted}"
    else:
        yield found[0], None


def loads(given, folder, plugin):
    """Whether tshark takes the plugin from there, and it works."""
    stage = (pathlib.Path(folder) / plugin).parents[2]
    env = {**os.environ, "MQTTSCOPE_PLUGINS": str(stage)}
    capture = TREE / "captures" / "fleet.pcapng"
    command = [given.build / "run-tshark", "-r", capture, "-Y", "mqttscope.rule"]
    if not run(*command, env=env):
        yield f"the plugin in {folder} finds nothing"


def works(folder, program):
    """Whether the analyzer runs from there."""
    text = run(pathlib.Path(folder) / program, TREE / "captures" / "fleet.pcapng")
    if "two-devices-one-id" not in text:
        yield f"the analyzer in {folder} finds nothing: {text}"


def check_installed(given):
    """Each component alone, under another prefix: its files, and no others."""
    for component in NAMES:
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            run("cmake", "--install", given.build, "--prefix", folder, "--component", component)
            files = files_below(folder)
            if component == "analyzer":
                if files != {"bin/mqttscope", "share/man/man1/mqttscope.1", *COMPLETIONS}:
                    yield f"{component}: {sorted(files)}"
                yield from works(folder, "bin/mqttscope")
                continue
            strange = {f for f in files if not f.endswith("mqttscope.so") and "share/wireshark/" not in f}
            if strange:
                yield f"{component}: {sorted(strange)}"
            for path, problem in plugin_path(given, files):
                yield from [problem] if problem else loads(given, folder, path)


def soname_dropped(name):
    """libwireshark18 and libglib2.0-0t64 as libwireshark and libglib2.0-0."""
    return re.sub(r"^(libwireshark|libwsutil|libwiretap)\d+$", r"\1", name.removesuffix("t64"))


def depends(given, component, package):
    """What it depends on: libraries that it uses, and the plugin on one minor version."""
    clauses = [c.strip() for c in run("dpkg-deb", "--field", package, "Depends").split(",")]
    names = {soname_dropped(clause.split()[0]) for clause in clauses}
    if not LIBRARIES[component] <= names <= LIBRARIES[component] | MAY[component]:
        yield f"{component} depends on {sorted(names)}"
    if component == "plugin":
        major, minor = given.wireshark.split(".")
        for bound in (f">= {major}.{minor}", f"<< {major}.{int(minor) + 1}"):
            if not any(re.fullmatch(rf"libwireshark\d+(t64)? \({re.escape(bound)}\)", c) for c in clauses):
                yield f"{component} does not ask for libwireshark ({bound}): {clauses}"


def content(given, component, package, folder):
    """What is in it, and that it runs from there."""
    name = NAMES[component]
    run("dpkg-deb", "--extract", package, folder)
    files = files_below(folder)
    wanted = {f"usr/share/doc/{name}/{f}" for f in ("changelog.gz", "changelog.Debian.gz", "copyright")}
    if component == "analyzer":
        wanted |= {"usr/bin/mqttscope", "usr/share/man/man1/mqttscope.1.gz"} | {f"usr/{f}" for f in COMPLETIONS}
        yield from works(folder, "usr/bin/mqttscope")
    else:
        for path, problem in plugin_path(given, files):
            yield from [problem] if problem else loads(given, folder, path)
            wanted.add(path)
        wanted |= {f for f in files if f.startswith("usr/share/wireshark/")}
    if files != wanted:
        yield f"{component}: {sorted(files ^ wanted)} is too much or too little"
    for file in files:
        mode = (pathlib.Path(folder) / file).stat().st_mode & 0o7777
        if mode != (0o755 if "/bin/" in file else 0o644):
            yield f"{component}: {file} has mode {mode:o}"


def lintian(packages):
    """Nothing but what is named."""
    if shutil.which("lintian") is None:
        return
    done = subprocess.run(
        ["lintian", "--no-cfg", "--allow-root", "--display-info", *packages],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    for line in done.stdout.splitlines():
        match = re.match(r"[EWI]: \S+: (\S+)", line)
        if match and match.group(1) not in TAGS:
            yield f"lintian: {line}"
    if done.stderr:
        yield f"lintian: {done.stderr}"


def check_packages(given):
    """The Debian packages."""
    if not all(map(shutil.which, ("dpkg-shlibdeps", "dpkg-deb"))):
        print("dpkg-dev is not installed")
        sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory() as made:
        run("cpack", "-G", "DEB", "-B", made, cwd=given.build)
        found = sorted(pathlib.Path(made).glob("*.deb"))
        if len(found) != len(NAMES):
            yield f"the packages are {found}"
        for component, name in NAMES.items():
            packages = [p for p in found if re.match(rf"{name}_{re.escape(given.version)}-1[^_]*_", p.name)]
            if len(packages) != 1:
                yield f"no package of {component}: {found}"
                continue
            yield from depends(given, component, packages[0])
            with tempfile.TemporaryDirectory() as folder:
                os.chmod(folder, 0o755)
                yield from content(given, component, packages[0], folder)
        yield from lintian(found)


def main():
    """Runs one check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("check", choices=("installed", "packages"))
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--wireshark", required=True)
    parser.add_argument("--version", required=True)
    given = parser.parse_args()
    problems = list(globals()[f"check_{given.check}"](given))
    for problem in problems:
        print(problem)
    print(f"{len(problems)} problems")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()

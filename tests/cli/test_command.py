#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What makes a command pleasant: help, the manual page, what shells complete, and that no file comes to harm.

    test_command.py MQTTSCOPE SOURCE-FOLDER [-v] [TestClass[.test]]
"""
import os
import re
import shutil
import stat
import subprocess
import sys
import unittest

from test_cli import FLEET, MQTTSCOPE, SOURCE, Case, run


def options():
    """Names of all options that the table has, as --help lists them: (letter or None, name, argument or None)."""
    return re.findall(r"(?m)^  (?:-(\w), |    )--([a-z-]+)(?: (\S+))?  ", run("--help").stdout.decode())


def read(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as file:
        return file.read()


def shell(command, folder, program="sh"):
    """Runs a line of a shell in a folder, with this mqttscope in reach."""
    path = os.path.dirname(MQTTSCOPE) + ":" + os.environ["PATH"]
    return subprocess.run([program, "-c", command], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env={**os.environ, "PATH": path}, timeout=120)


class Help(Case):
    def test_one_screen(self):
        for option in ("-h", "--help"):
            text = self.good(option)
            self.assertTrue(text.startswith("Usage: mqttscope "))
            self.assertLessEqual(len(text.splitlines()), 55)
            for line in text.splitlines():
                self.assertLessEqual(len(line), 80, line)

    def test_names_every_option(self):
        names = [name for _, name, _ in options()]
        rows = re.findall(r"(?m)^OPTION\(\w+, (?:0|'.'), \"([a-z-]+)\"", read("analyzer", "options.def"))
        self.assertGreater(len(rows), 20)
        self.assertEqual(set(rows) - set(names), set())
        self.assertIn("json", names)
        self.assertEqual(len(names), len(set(names)))

    def test_every_option_is_taken(self):
        """What --help lists, the parser knows, with an argument or without one."""
        for letter, name, argument in options():
            for word in ["--" + name] + (["-" + letter] if letter else []):
                if argument:
                    self.bad(word, says="option '%s' needs an argument" % word)
                    self.bad(word, "", says="option '--%s' needs an argument that is not empty" % name)
                else:
                    self.assertNotIn(b"unknown option", run(word, self.path("missing")).stderr)

    def test_examples(self):
        text = self.good("--help")
        examples = re.findall(r"(?m)^  (mqttscope .*?)(?:  +.*)?$", text[text.index("Examples"):])
        self.assertGreaterEqual(len(examples), 2)
        shutil.copy(FLEET, self.folder)
        for example in examples:
            done = shell(example, self.folder)
            self.assertEqual((done.returncode, done.stderr), (0, b""), example)
            self.assertTrue(done.stdout)

    def test_suggestions(self):
        self.bad("--colr", "x", FLEET, says="unknown option '--colr'; did you mean '--color'")
        self.bad("-json", "x", FLEET, says="unknown option '-json'; did you mean '--json'")
        self.bad("-Z", FLEET, says="unknown option '-Z' ")

    def test_nothing_is_empty(self):
        self.bad("", says="a capture's name is empty")
        self.bad("--", "", says="a capture's name is empty")
        self.bad("--only=", FLEET, says="option '--only' needs an argument that is not empty")
        self.bad("--only", "publish-qos-3,", FLEET, says="no rule ''")


class ManPage(Case):
    def setUp(self):
        super().setUp()
        self.page = read("docs", "mqttscope.1")
        self.plain = re.sub(r"\\f[BIR]", "", self.page).replace("\\-", "-")

    def test_version(self):
        self.assertIn('"%s"' % self.good("--version").strip(), self.page)

    def test_names_every_option(self):
        for letter, name, argument in options():
            line = ("-%s, " % letter if letter else "") + "--" + name + (" " + argument if argument else "")
            self.assertRegex(self.plain, r"(?m)^\.TP\n%s$" % re.escape(line))

    def test_is_shown(self):
        """What formats manual pages finds nothing wrong."""
        if shutil.which("man") is None and shutil.which("groff") is None:
            self.skipTest("nothing here formats manual pages")
        page = os.path.join(SOURCE, "docs", "mqttscope.1")
        command = ["man", "--warnings", "-l", page] if shutil.which("man") else ["groff", "-man", "-Tutf8", "-ww", page]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env={**os.environ, "LC_ALL": "C.UTF-8", "MANPAGER": "cat", "MANWIDTH": "80"})
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertIn(b"--no-deliveries", done.stdout)

    def test_examples(self):
        examples = re.findall(r"\.nf\n(.*?)\.fi", self.plain, re.DOTALL)
        self.assertGreaterEqual(len(examples), 4)
        shutil.copy(FLEET, self.folder)
        for example in examples:
            if "ssh" in example or ("jq" in example and shutil.which("jq") is None):
                continue
            with self.subTest(example):
                done = shell(example.replace("\\e", "\\"), self.folder)
                self.assertEqual((done.returncode, done.stderr), (0, b""))
                self.assertTrue(done.stdout)


class Completions(Case):
    """In the shells themselves: what they offer behind a part of a line."""

    def setUp(self):
        super().setUp()
        for name in ("a.pcapng", "b.pcap.gz", "notes.txt"):
            self.path(name, b"")
        os.mkdir(self.path("ring"))

    def offers(self, words):
        """What is offered for the last word."""
        raise NotImplementedError

    def common(self):
        self.assertIn("--fail-on", self.offers(["--fa"]))
        self.assertEqual(set(self.offers(["--color", "a"])), {"auto", "always"})
        self.assertIn("publish-qos-3", self.offers(["--only", "publish-q"]))
        self.assertIn("poison-message", self.offers(["--explain", "poi"]))
        self.assertIn("poison-message", [word.split(",")[-1] for word in self.offers(["--only", "publish-qos-3,poi"])])
        self.assertIn("notes.txt", self.offers(["--json", ""]))
        self.assertIn("lo", self.offers(["-i", ""]))
        self.assertIn("a.pcapng", self.offers([""]))
        self.assertNotIn("a.pcapng", self.offers(["--client", ""]))

    def test_every_option(self):
        for path, form in (("mqttscope.bash", "--%s"), ("_mqttscope", "--%s"), ("mqttscope.fish", " -l %s ")):
            text = read("docs", "completions", path)
            for _, name, _ in options():
                self.assertIn(form % name, text)

    def test_bash(self):
        script = os.path.join(SOURCE, "docs", "completions", "mqttscope.bash")

        def offers(words):
            line = " ".join("'%s'" % word for word in ["mqttscope"] + words)
            done = shell("set -u; source '%s'; COMP_WORDS=(%s); COMP_CWORD=%d; _mqttscope mqttscope '%s' '%s'; "
                         "printf '%%s\\n' \"${COMPREPLY[@]}\"" %
                         (script, line, len(words), words[-1], (["mqttscope"] + words)[-2]), self.folder, "bash")
            self.assertEqual(done.stderr, b"")
            return done.stdout.decode().split("\n")[:-1]

        self.offers = offers
        self.common()
        self.assertEqual(offers(["--color", "=", "n"]), ["never"])
        self.assertEqual(offers(["--color", "="]), ["auto", "always", "never"])
        self.assertEqual(set(offers([""])), {"a.pcapng", "b.pcap.gz", "ring"})

    def test_fish(self):
        if shutil.which("fish") is None:
            self.skipTest("fish is not installed")
        script = os.path.join(SOURCE, "docs", "completions", "mqttscope.fish")

        def offers(words):
            done = shell("source '%s'; complete -C 'mqttscope %s'" % (script, " ".join(words)), self.folder, "fish")
            self.assertEqual(done.stderr, b"")
            return [line.split("\t")[0] for line in done.stdout.decode().splitlines()]

        self.offers = offers
        self.common()

    def test_zsh(self):
        """In a shell of its own on a terminal of its own, as somebody who presses the tab key."""
        if shutil.which("zsh") is None:
            self.skipTest("zsh is not installed")
        folder = os.path.join(SOURCE, "docs", "completions")
        script = self.path("driver", b"")
        with open(script, "w", encoding="utf-8") as file:
            file.write(ZSH % {"folder": folder})

        lines = [["--fa"], ["--color", "a"], ["--only", "publish-q"], ["--explain", "poi"],
                 ["--only", "publish-qos-3,poi"], ["--json", ""], ["-i", ""], [""], ["--client", ""]]
        done = subprocess.run(["zsh", "-f", script, *("mqttscope " + " ".join(words) for words in lines)],
                              cwd=self.folder, timeout=120, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env={**os.environ, "PATH": os.path.dirname(MQTTSCOPE) + ":" + os.environ["PATH"]})
        answers = [[word for word in part.split("\n") if word] for part in done.stdout.decode(errors="replace").split("==\n")[1:]]
        self.assertEqual(len(answers), len(lines), done.stderr)
        self.offers = lambda words: answers[lines.index(words)]
        self.common()
        self.assertNotIn("notes.txt", self.offers([""]))


# Each candidate is written down as it is added, which is what compadd is for. A key that clears the line
# comes before each line, and a file tells that it was completed.
ZSH = r"""
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z 'PROMPT=; fpath=(%(folder)s $fpath); autoload -Uz compinit; compinit -u -D'
zpty -w z 'compadd() {
    local -a matches
    builtin compadd -O matches "$@"
    print -rl -- $matches >> '$PWD'/offered
    builtin compadd "$@"
}'
zpty -w z 'finished() { : > '$PWD'/done }; zle -N finished; bindkey "^T" finished; bindkey "^U" kill-whole-line'
zpty -w z 'unsetopt beep; LISTMAX=-1; : > '$PWD'/done'
wait_done() {
    integer tries=0
    while [[ ! -f done ]] && (( tries++ < 200 )); do
        sleep 0.05
        zpty -rt z line 2>/dev/null
    done
    rm -f done
}
wait_done
for line; do
    print -r -- '=='
    rm -f offered
    zpty -w -n z $'\x15'"$line"$'\t\x14'
    wait_done
    [[ -f offered ]] && cat offered
done
zpty -d z
rm -f offered
"""


class Safety(Case):
    """No output replaces what nobody asked to have replaced."""

    def test_input(self):
        capture = self.path("capture.pcapng")
        shutil.copy(FLEET, capture)
        os.symlink("capture.pcapng", self.path("link"))
        with open(FLEET, "rb") as file:
            before = file.read()
        for path in (capture, self.path("link"), os.path.join(self.folder, ".", "capture.pcapng")):
            self.bad("--json", path, capture, says="is read: it can't be written to")
            self.bad("--ndjson", path, self.path("link"), says="is read: it can't be written to")
        with open(capture, "rb") as piped:
            done = subprocess.run([MQTTSCOPE, "--json", capture, "-"], stdin=piped, stderr=subprocess.PIPE)
        self.assertIn(b"is read", done.stderr)
        self.assertEqual(done.returncode, 2)
        with open(capture, "rb") as file:
            self.assertEqual(file.read(), before)
        self.assertEqual(sorted(os.listdir(self.folder)), ["capture.pcapng", "link"])
        self.good("-q", "--json", self.path("other"), capture)

    def test_mode(self):
        path = self.path("report.json", b"old")
        for mode in (0o600, 0o640, 0o664):
            os.chmod(path, mode)
            self.good("-q", "--json", path, FLEET)
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), mode)
        with open(path, "rb") as file:
            self.assertTrue(file.read().startswith(b"{"))

    def test_read_only(self):
        if os.getuid() == 0:
            self.skipTest("root may write everything")
        path = self.path("report.json", b"old")
        os.chmod(path, 0o444)
        self.bad("-q", "--json", path, FLEET, says="report.json: Permission denied")
        self.assertEqual(os.listdir(self.folder), ["report.json"])

    def test_links_to_outputs(self):
        os.symlink("report.json", self.path("link"))
        self.bad("--json", self.path("link"), "--ndjson", self.path("link"), FLEET, says="two outputs")
        self.path("report.json", b"old")
        self.bad("--json", self.path("report.json"), "--ndjson", self.path("link"), FLEET, says="two outputs")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])

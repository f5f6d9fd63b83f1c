# Completion for bash.
# SPDX-License-Identifier: GPL-2.0-or-later
# Made from analyzer/options.def by scripts/docs. Change it there.

_mqttscope()
{
    local program=$1 cur=$2 prev=$3 words='' files='' head='' file
    # bash cuts --option=value into three words.
    if [[ $cur == = ]]; then
        cur=''
    elif [[ $prev == = ]]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    COMPREPLY=()
    case $prev in
    -r | --read) files=captures ;;
    --keylog | --annotate | -w | --write | --json | --ndjson | --sqlite | --csv | --html | --sarif | --junit | --metrics) files=all ;;
    -i | --interface) words=$(ls /sys/class/net 2>/dev/null) ;;
    --only) words=$("$program" --rules 2>/dev/null | cut -f 1; "$program" --diagnoses 2>/dev/null | cut -f 1)
        head=${cur%"${cur##*,}"} cur=${cur##*,} ;;
    --explain) words=$("$program" --rules 2>/dev/null | cut -f 1; "$program" --diagnoses 2>/dev/null | cut -f 1) ;;
    --color) words='auto always never' ;;
    --fail-on) words='error warning note' ;;
    -f | --filter | -d | --decode-as | --broker | --memory | --extract | --client | --topic | --from | --to) return ;;
    *)
        case $cur in
        -*) words='-r --read -i --interface -f --filter -d --decode-as --broker --keylog --no-deliveries --memory --annotate --extract -w --write --json --ndjson --sqlite --csv --html --sarif --junit --metrics --only --client --topic --from --to -q --quiet -v --verbose --color --fail-on --rules --diagnoses --explain -h --help -V --version ' ;;
        *) files=captures ;;
        esac ;;
    esac
    if [[ -n $words ]]; then
        mapfile -t COMPREPLY < <(compgen -P "$head" -W "$words" -- "$cur")
        return
    fi
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$cur" | while IFS= read -r file; do
        [[ -d $file || $files == all || $file == *.pcap* || $file == *.cap* ]] && printf '%s\n' "$file"
    done)
    [[ ${#COMPREPLY[@]} -gt 0 ]] || mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}

complete -F _mqttscope mqttscope
